"""The modules of ours that a module needs, found by following its imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def modules_for(name: str, root: Path) -> list[Path]:
    """Return the files of a module and of all modules below `root` that it imports, with their packages.

    Imports under ``TYPE_CHECKING`` do not count: they never run.

    Parameters
    ----------
    name
        Dotted name of a module.
    root
        Folder that holds its first package.

    Returns
    -------
    list
        Paths relative to `root`, sorted.
    """
    found: set[Path] = set()
    waiting = [name]
    while waiting:
        path = _file_of(waiting.pop(), root)
        if path is not None and path not in found:
            found.add(path)
            waiting += _imported([ast.parse((root / path).read_text())])
            waiting += [".".join(parent.parts) for parent in path.parents if parent.parts]
    return sorted(found)


def _file_of(name: str, root: Path) -> Path | None:
    """Return the file of a module; None for a module of others, and for a name inside a module."""
    path = Path(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if (root / candidate).is_file():
            return candidate
    return None


def _imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imported(node.orelse)
        else:
            yield from _imported(ast.iter_child_nodes(node))
