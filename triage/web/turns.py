"""Whose requests are received at one time, and how much of one peer lies on disk meanwhile.

One peer that sends much, or sends nonsense, must not keep the others waiting. Tested in tests/web/test_turns.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException

#: Requests received at one time, of one peer and of all; the door decodes two files at once, in turn.
OF_PEER, OF_ALL = 2, 6
#: Bodies of the largest size that one peer may have on disk at one time, together.
BODIES = 2
TOO_MUCH = "This peer is sending more than {size} MB at this moment. Send it again in a minute."
LATER = {"Retry-After": "60", "Connection": "close"}


class Turns:
    """The turns of all peers. Used by one event loop only."""

    def __init__(self) -> None:
        self._all = CapacityLimiter(OF_ALL)
        self._peers: defaultdict[str, CapacityLimiter] = defaultdict(lambda: CapacityLimiter(OF_PEER))
        self._spooled = Counter[str]()

    async def take(self, peer: str, work: Callable[[], None]) -> None:
        """Do something in a thread once it is the turn of a peer, by the name of its token."""
        async with self._peers[peer]:
            await to_thread.run_sync(work, limiter=self._all)

    @contextmanager
    def spooling(self, peer: str, largest: int) -> Iterator[Callable[[int], None]]:
        """Give what counts the bytes of one body before they go to disk, until they are gone from there.

        Parameters
        ----------
        peer
            Name of its token.
        largest
            Largest body: bytes.

        Raises
        ------
        HTTPException
            503 by the counting, if the peer has too much there.
        """
        counted, most = 0, BODIES * largest

        def count(size: int) -> None:
            nonlocal counted
            if self._spooled[peer] + size > most:
                raise HTTPException(503, TOO_MUCH.format(size=most >> 20), LATER)
            self._spooled[peer] += size
            counted += size

        try:
            yield count
        finally:
            self._spooled[peer] -= counted
