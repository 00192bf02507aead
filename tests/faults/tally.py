"""What was tried and what held, how long the slowest took and how much memory it all needed."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

#: No refusal may take longer than this, in seconds, nor more than this, in bytes.
SECONDS, MEMORY = 10, 10**9
HEAD = """# Robustness

What was tried on the door, and what held; written by `make faults`, never by hand. *Held* means: the expected answer,
with a message that names the remedy and shows neither path nor patient; {seconds} s at most for one file; at most
{memory} GB of resident memory, the decoding processes included; and the same file answered the same way whatever its
name. The cases are drawn in code (`tests/faults/`), so that anybody can try them.

Run on {cores} cores, Python {python}, {system}.

| case | expected | tried | held | slowest | memory |
|---|---|---|---|---|---|
"""


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
        begun, case = time.monotonic(), Case()
        try:
            yield case
        finally:
            took = time.monotonic() - begun
            self.slowest = max(self.slowest, took)
            self.tried += 1
            if took > SECONDS:
                case.lost(f"took {took:.0f} s")
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
        said = "\n## What did not hold\n\n" + ("\n".join(lost) if lost else "Nothing.") + "\n"
        return head + "".join(row.line() + "\n" for row in self.rows) + said


def _watch(row: Row, done: threading.Event) -> None:
    me = psutil.Process()
    while not done.wait(0.02):
        total = 0
        for process in [me, *me.children()]:
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        row.memory = max(row.memory, total)
