"""News to open pages, as server-sent events: one look at the record for all pages, twice a second while one is open."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from triage.errors import StorageError
from triage.pipeline.installation import Installation
from triage.records.news import News, NewsItem
from triage.web.reader import NO_STORE, refuse_other_sites

#: Seconds between two looks at the record, and of silence after which a stream sends a sign of life.
INTERVAL, SILENCE = 0.5, 15
#: Rows of the trail that are looked at again: PostgreSQL shows them in the order of commits, not of their numbers.
AGAIN = 200
#: Events that a page may lag behind; one that lags further is cut off, and connects again by itself.
MAX_LAG = 1000
#: Every so many looks, claims that ended by themselves become news too.
CLAIMS = 20
#: Milliseconds after which a page connects again.
RETRY = 2000
HEADERS = NO_STORE | {"X-Accel-Buffering": "no"}


class Events:
    """The route ``/events``.

    Parameters
    ----------
    installation
        Returns the installation; called for every look at the record.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation
        self._listeners: set[asyncio.Queue[NewsItem | None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._looks = asyncio.Event()

    async def listen(self, request: Request) -> Response:
        """Stream the news until the client leaves.

        One that was away gets what it missed (``Last-Event-ID``), and a new one what came since the row of the trail
        that its page knew (``since``).
        """
        refuse_other_sites(request)
        last = request.headers.get("last-event-id") or request.query_params.get("since", "")
        return StreamingResponse(self._stream(last), media_type="text/event-stream", headers=HEADERS)

    async def _stream(self, last: str) -> AsyncIterator[str]:
        queue: asyncio.Queue[NewsItem | None] = asyncio.Queue(MAX_LAG)
        self._listeners.add(queue)
        if self._watch is None or self._watch.done():
            self._looks.clear()
            self._watch = asyncio.create_task(self._look())
        try:
            yield f"retry: {RETRY}\n\n"
            with suppress(TimeoutError):  # what came before the first look is not passed on: it is asked for after it
                await asyncio.wait_for(self._looks.wait(), SILENCE)
            missed = await self._since(int(last)) if last.isdecimal() and len(last) < 18 else []
            for item in missed:
                yield self._event(item)
            sent = {item.number for item in missed}
            while True:
                try:
                    news = await asyncio.wait_for(queue.get(), SILENCE)
                except TimeoutError:
                    yield ": nothing new\n\n"
                    continue
                if news is None:
                    return
                if news.number not in sent:
                    yield self._event(news)
        finally:
            self._listeners.discard(queue)

    async def _look(self) -> None:
        """Look for news and pass them on while anybody listens; end all streams when the server ends."""
        newest: int | None = None
        seen = set[int]()
        looks = 0
        try:
            while self._listeners and not _ending():
                if looks % CLAIMS == 0:
                    await self._note_expired()
                looks += 1
                if newest is None and (newest := await self._latest()) is not None:
                    seen = {item.number for item in await self._since(newest - AGAIN)}
                    self._looks.set()
                if newest is not None:
                    for item in await self._since(newest - AGAIN):
                        if item.number not in seen:
                            seen.add(item.number)
                            self._pass_on(item)
                    newest = max(seen, default=newest)
                    seen = {number for number in seen if number > newest - AGAIN}
                await asyncio.sleep(INTERVAL)
        finally:
            self._pass_on(None)

    def _pass_on(self, item: NewsItem | None) -> None:
        for queue in list(self._listeners):
            if item is not None and not queue.full():
                queue.put_nowait(item)
            else:
                self._listeners.discard(queue)
                while queue.full():
                    queue.get_nowait()
                queue.put_nowait(None)

    async def _note_expired(self) -> None:
        """Let claims that ended by themselves become news; while the record does not answer, they wait."""
        with suppress(StorageError):
            await to_thread.run_sync(lambda: self._installation().store.claims.note_expired(datetime.now(UTC)))

    async def _latest(self) -> int | None:
        """Return the number of the latest row of the trail, None while the record does not answer."""
        try:
            return await to_thread.run_sync(lambda: News(self._installation().store.read).latest())
        except StorageError:
            return None

    async def _since(self, number: int) -> list[NewsItem]:
        """Return the news since a row of the trail, none while the record does not answer."""
        try:
            return await to_thread.run_sync(lambda: News(self._installation().store.read).since(number))
        except StorageError:
            return []

    def _event(self, item: NewsItem) -> str:
        """Return what the pages are told; before a blind reading they do not hear of the band, nor announce it."""
        said = {
            "kind": item.kind,
            "event": item.event,
            "at": item.at.isoformat(),
            "study_id": item.study_id,
            "band": "" if self._installation().settings.blind_first_read else item.band,
            "prior": item.prior,
            "status": item.status,
            "waiting": item.waiting,
        }
        return f"id: {item.number}\ndata: {json.dumps(said)}\n\n"


def _ending() -> bool:
    """Return whether the server was told to end; it waits for open streams, and says nothing to them."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True
