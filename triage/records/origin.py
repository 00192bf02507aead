"""Who acts at the moment, with which account and from where: every audit row of theirs says so, whoever writes it.

Tested in tests/records/test_audit.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an act comes from.

    Attributes
    ----------
    actor
        Name in the audit trail.
    account
        ID of the account, "" without one.
    address
        Network address, "" from the console.
    """

    actor: str = ""
    account: str = ""
    address: str = ""


PROGRAM = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=PROGRAM)


def current() -> Origin:
    """Return where what is done now comes from; `PROGRAM` if nobody asked for it."""
    return _current.get()


def begin(origin: Origin) -> None:
    """Name the origin of everything that this thread does from now on; for threads that serve one person."""
    _current.set(origin)


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """Name the origin of what is done within the block, and in the threads that it starts by `anyio`."""
    before = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(before)
