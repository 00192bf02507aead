"""What all commands share: the console, errors as text, results written whole. Tested in tests/test_cli.py."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console

from triage.access.names import RESERVED_END
from triage.errors import TriageError
from triage.text import terminal

#: Messages go to the error stream, so that a command's own output can be piped.
console = Console(stderr=True)
T = TypeVar("T")


def exit_with(message: str, code: int) -> typer.Exit:
    """Show a message as an error and return the exit to raise."""
    console.print(terminal(message), style="red")
    return typer.Exit(code)


def or_exit(make: Callable[[], T]) -> T:
    """Return what a call returns; exit with the message of an error that is safe to show."""
    try:
        return make()
    except TriageError as error:
        raise exit_with(str(error), 1) from error


def operator() -> str:
    """Return who works on the console, as it stands in the audit trail."""
    return f"{getpass.getuser()}, {RESERVED_END}"


def count_of(count: int, one: str, many: str = "") -> str:
    """Return a number with the noun in its number: 1 file, 2,000 files."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def check_writable(out: Path) -> None:
    """Exit before any work if a result could not be written there."""
    if not out.parent.is_dir():
        raise exit_with(f"The folder {out.parent} does not exist. Create it, or choose another.", 2)
    if out.is_dir():
        raise exit_with(f"{out} is a folder. Name a file in it.", 2)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1) + "\n")
    part.replace(path)
