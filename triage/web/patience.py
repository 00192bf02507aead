"""How long, and how many of one address, connections may wait: the protocol of the web server within limits.

Whoever sends a request byte by byte, or opens connections and says nothing, is cut off. Tested in
tests/web/test_patience.py.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from triage.web.media import ROOT

#: Seconds within which the headers of a request have to be there.
HEADERS = 10.0
#: Seconds within which the body of a request has to be there, counted in looks of `HEADERS` seconds.
BODY = 30.0
#: Paths of bodies that hold files, which take longer; what reads these bodies ends silence (`multipart.arriving`).
FILES = ("/_stcore/upload_file/", f"{ROOT}/")
#: Open connections of one address. A reverse proxy is one address, and has about eight for each reader.
MAX_CONNECTIONS = 512
#: Addresses beyond which those without a connection are forgotten.
MAX_ADDRESSES = 1_000


def bounded(
    protocol: type[Any], headers: float = HEADERS, connections: int = MAX_CONNECTIONS, body: float = BODY
) -> type[Any]:
    """Return a protocol of uvicorn within limits.

    Parameters
    ----------
    protocol
        One of its HTTP protocols.
    headers
        Seconds within which the headers of a request have to be there.
    connections
        Open connections of one address.
    body
        Seconds within which the body of a request has to be there, if it holds no files.
    """
    known: dict[str, set[asyncio.Transport]] = defaultdict(set)

    class Bounded(protocol):  # type: ignore[misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            peer = transport.get_extra_info("peername")
            is_full = _note(known, str(peer[0]) if peer else "", transport, connections)
            if is_full:
                transport.abort()
            else:
                self.loop.call_later(headers, self._look, (None, True))

        def _look(self, before: tuple[object, bool], late: int = 0) -> None:
            """End the connection if no request has begun since the last look, or a body does not come to its end.

            `before` is the request of then and whether it was answered, `late` for how many looks its body came.
            """
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            waits = self.cycle is None or self.cycle.response_complete
            now = (self.cycle, waits)
            arrives = not waits and self.cycle.more_body and not self.cycle.scope["path"].startswith(FILES)
            late = late + 1 if arrives and now == before else 0
            if (waits and now == before) or late * headers >= body:
                self.transport.abort()
            else:
                self.loop.call_later(headers, self._look, now, late)

    return Bounded


def _note(known: dict[str, set[asyncio.Transport]], address: str, transport: asyncio.Transport, most: int) -> bool:
    """Note a connection, and return whether its address has too many."""
    if len(known) > MAX_ADDRESSES:
        for one in [one for one, opened in known.items() if all(item.is_closing() for item in opened)]:
            del known[one]
    known[address] = {one for one in known[address] if not one.is_closing()}
    if len(known[address]) >= most:
        return True
    known[address].add(transport)
    return False
