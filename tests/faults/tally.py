"""What was tried and what held, how long the slowest took and how much memory it all needed."""

from __future__ import annotations

import os
import platform
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

#: Most processor time of one answer: seconds.
SECONDS = 10
#: Most memory of one answer: bytes.
MEMORY = 10**9
#: Beyond this wall time it hangs, however busy the machine is: seconds.
HANGS = 60
HEAD = """# Robustness

Hostile and damaged files that were tried, and what held; written by `make faults`, never by hand. *Held* means: the
expected answer, where it is a refusal with a message that names the remedy and shows no path; at most {seconds} s of
processor time for one file; at most {memory} GB of resident memory for a group, the decoding processes included. The
cases are drawn in code (`tests/faults/`), so that anybody can try them.

Run on {cores} cores, Python {python}, {system}.

| case | expected | tried | held | slowest | memory |
|---|---|---|---|---|---|
"""

#: Troubles that users of other software have reported; each is tried by the test that it names.
FIELD = Path(__file__).with_name("field.md")


@dataclass
class Row:
    """One group of cases."""

    case: str
    expected: str
    tried: int = 0
    held: int = 0
    slowest: float = 0.0
    memory: int = 0
    lost: list[str] = field(default_factory=list)

    @contextmanager
    def one(self, name: str) -> Iterator[Case]:
        """Try one case: it holds unless the block raises, takes too long, or says why not."""
        begun, used, case = time.monotonic(), PROCESSES.cpu(), Case()
        try:
            yield case
        finally:
            took, waited = PROCESSES.cpu() - used, time.monotonic() - begun
            self.slowest = max(self.slowest, took)
            self.tried += 1
            if took > SECONDS or waited > HANGS:
                case.lost(f"took {took:.0f} s of processor time, {waited:.0f} s in all")
            if case.why:
                self.lost.append(f"{name}: {case.why}")
            else:
                self.held += 1

    def line(self) -> str:
        """The row of the table."""
        slowest = f"{self.slowest:.1f} s" if self.slowest else ""
        memory = f"{self.memory / 1e6:.0f} MB" if self.memory else ""
        return f"| {self.case} | {self.expected} | {self.tried:,} | {self.held:,} | {slowest} | {memory} |"


@dataclass
class Case:
    """One try."""

    why: str = ""

    def lost(self, why: str) -> None:
        """It did not hold."""
        self.why = self.why or why


@dataclass
class Table:
    """All groups, in their order."""

    rows: list[Row] = field(default_factory=list)

    @contextmanager
    def row(self, case: str, expected: str) -> Iterator[Row]:
        """Add a group and watch the memory of this process and its children for as long as it runs."""
        row = Row(case, expected)
        self.rows.append(row)
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=[row, done])
        watcher.start()
        try:
            yield row
        finally:
            done.set()
            watcher.join()

    def __str__(self) -> str:
        head = HEAD.format(
            seconds=SECONDS,
            memory=MEMORY // 10**9,
            cores=os.cpu_count(),
            python=platform.python_version(),
            system=platform.system(),
        )
        lost = [f"* {row.case}: {why}" for row in self.rows for why in row.lost[:20]]
        failures = "\n## What did not hold\n\n" + ("\n".join(lost) if lost else "Nothing.") + "\n"
        return head + "".join(row.line() + "\n" for row in self.rows) + failures + FIELD.read_text()


class Processes:
    """This process and its children, looked up anew only when one of them is gone, since that takes milliseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: list[psutil.Process] = []
        self._died = 0
        self._needed = self._others = 0
        self._strangers: list[psutil.Process] = []

    def loaded(self) -> None:
        """All that the faults need is imported now."""
        self._needed = psutil.Process().memory_info().rss

    def begin(self) -> None:
        """From here on, memory counts: not what tests of other rooms have imported since, nor the servers they left."""
        self._others = max(psutil.Process().memory_info().rss - self._needed, 0)
        self._strangers = psutil.Process().children()

    def cpu(self) -> float:
        """Seconds of processor time that this process and all its children, the dead ones included, have used."""
        dead = resource.getrusage(resource.RUSAGE_CHILDREN)
        mine = time.process_time() + dead.ru_utime + dead.ru_stime
        for process in self._living():
            with suppress(psutil.NoSuchProcess):
                mine += sum(process.cpu_times()[:2])
        return mine

    def died(self) -> int:
        """How many children are gone since the beginning."""
        self._living()
        return self._died

    def memory(self) -> int:
        """Resident bytes of all of them."""
        total = psutil.Process().memory_info().rss - self._others
        for process in self._living():
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def _living(self) -> list[psutil.Process]:
        with self._lock:
            living = [process for process in self._children if _lives(process.pid)]
            gone = len(self._children) - len(living)
            if gone or not living:
                self._died += gone
                self._children = living = [one for one in psutil.Process().children() if one not in self._strangers]
            return living


PROCESSES = Processes()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _watch(row: Row, done: threading.Event) -> None:
    while not done.wait(0.05):
        row.memory = max(row.memory, PROCESSES.memory())
