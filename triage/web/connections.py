"""Connections that are open: they end within seconds when their session does, and websockets are counted.

Tested in tests/web/test_sign_in.py.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from anyio import CancelScope, to_thread

from triage.errors import StorageError

#: Seconds between two looks whether the sessions of open connections have ended.
LOOK = 1.0
#: Pages that may be open at one time: of one session, and of one network address, behind which many may sit.
MAX_OF_SESSION, MAX_OF_ADDRESS = 40, 150


class Connections:
    """The connections of people who are signed in.

    Parameters
    ----------
    holds
        Whether the session with a secret has not ended; may ask the record.
    """

    def __init__(self, holds: Callable[[str], bool]) -> None:
        self._holds = holds
        self._open: dict[CancelScope, str] = {}
        self._watch: asyncio.Task[None] | None = None

    @contextmanager
    def noted(self, secret: str) -> Iterator[CancelScope]:
        """Run a connection that is cancelled when its session ends."""
        with CancelScope() as ending:
            self._open[ending] = secret
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._look())
            try:
                yield ending
            finally:
                self._open.pop(ending, None)

    async def _look(self) -> None:
        while self._open:
            await asyncio.sleep(LOOK)
            for secret in set(self._open.values()):
                if not await to_thread.run_sync(self._still, secret):
                    for ending in [one for one, of in self._open.items() if of == secret]:
                        ending.cancel()

    def _still(self, secret: str) -> bool:
        try:
            return self._holds(secret)
        except StorageError:  # nobody was signed out; nothing is served from the record meanwhile
            return True


class Pages:
    """How many pages are open, by session and by network address: each keeps memory on the server."""

    def __init__(self) -> None:
        self._open = Counter[str]()

    @contextmanager
    def one_more(self, session: str, address: str) -> Iterator[bool]:
        """Count a page while it is open; False if there are too many, and it may not."""
        keys = {f"address {address}": MAX_OF_ADDRESS}
        if session:  # there is none in single-user mode
            keys[f"session {session}"] = MAX_OF_SESSION
        if any(self._open[key] >= most for key, most in keys.items()):
            yield False
            return
        self._open.update(keys.keys())
        try:
            yield True
        finally:
            self._open.subtract(keys.keys())
            for key in keys:
                if not self._open[key]:
                    del self._open[key]
