"""The process that retrains: begun once its ID is on disk, at the lowest priority, ended by whichever server is asked.

Tested in tests/pipeline/test_retraining.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from triage.learning.retraining import work_folder
from triage.settings import ROOT

#: Seconds that a child may take to end before it is killed.
PATIENCE = 10.0
#: A reader never waits for a retraining: the lowest priority.
GENTLY = ("nice", "-n", "19")
#: The child works once a line says that its ID is on disk; if the server dies before, it ends. Where Linux shares time
#: between sessions first (`sched_autogroup`), nice counts within one of them only, and the child has its own: so it
#: asks the same for its session.
GATED = ("sh", "-c", '{ echo 19 >/proc/self/autogroup; } 2>/dev/null; read -r _ && exec "$@"', "sh")
COMMAND = (sys.executable, "-m", "triage", "retrain")


def command_of(model: Path, data: Path, candidate: Path, references: Iterable[Path], key: Path) -> list[str]:
    """Return what a child runs; it goes on where an earlier one stopped.

    Parameters
    ----------
    model, data
        The model that serves, and the export.
    candidate
        Where the candidate will be.
    references
        Data sets that it is judged on besides; those that are not there are left out.
    key
        File of the key that seals the judgement.
    """
    command = [*COMMAND, "--model", str(model), "--data", str(data), "--out", str(candidate)]
    command += ["--record-key", str(key), "--any-model"]
    if (work_folder(candidate) / "config.json").is_file():
        command.append("--resume")
    for reference in filter(Path.is_dir, references):
        command += ["--reference", str(reference)]
    return command


def start(command: Sequence[str], log: Path, held: int) -> subprocess.Popen[bytes]:
    """Start a child that waits for `let_work`, and holds a lock as long as it lives."""
    # One line of the log is one sentence, without colours.
    environment = os.environ | {"COLUMNS": "10000", "NO_COLOR": "1", "TERM": "dumb"}
    with log.open("ab") as said:
        return subprocess.Popen(  # noqa: S603 - our own words and folders
            [*GENTLY, *GATED, *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            pass_fds=(held,),
            start_new_session=True,  # what ends the server does not end it
        )


def let_work(child: subprocess.Popen[bytes], keep: Callable[[int], None]) -> None:
    """Let a child begin once its ID is kept, so that every server can stop it; otherwise it ends.

    Raises
    ------
    OSError
        If `keep` raised it.
    """
    assert child.stdin is not None
    try:
        keep(child.pid)
        with suppress(BrokenPipeError):
            child.stdin.write(b"\n")
            child.stdin.flush()
    except OSError:
        child.kill()
        child.wait()
        raise
    finally:
        with suppress(BrokenPipeError):
            child.stdin.close()


def end(process: int, busy: Callable[[], bool]) -> None:
    """End a child: whoever began it reaps it, or is gone, and then the lock is free.

    Parameters
    ----------
    process
        Its ID; 0 if there is none.
    busy
        Returns whether the lock is held.
    """
    last = time.monotonic() + PATIENCE
    while process and _is_there(process) and busy():
        _signal(process, signal.SIGTERM if time.monotonic() < last else signal.SIGKILL)
        time.sleep(0.1)


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process, number)


def _is_there(process: int) -> bool:
    try:
        os.killpg(process, 0)
    except ProcessLookupError:
        return False
    return True
