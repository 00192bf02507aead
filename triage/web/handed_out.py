"""What a session was handed out: the files (``/media``) and pages that it may use, since it was sent their addresses.

An address holds a digest, and a page a number that nobody guesses; but whoever is told one has no right to it.
Tested in tests/web/test_handed_out.py.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Scope

#: Path below which Streamlit serves pictures and downloads.
MEDIA = "/media/"
ID = re.compile("/media/([0-9a-f]{32,128})")
#: In this header a page that was cut off says, as the third word, with which number it wants to go on.
WORDS = "sec-websocket-protocol"
#: Things remembered of one session, and sessions; the oldest are forgotten.
MAX_THINGS, MAX_SESSIONS = 1_000, 5_000


class HandedOut:
    """Files and pages of all sessions. Safe to call from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._things: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def note(self, session: str, things: Iterable[str]) -> None:
        """Note what a page of a session was sent: addresses of files, and its own number."""
        found = [_known(one) for one in things]
        if not found:
            return
        with self._lock:
            kept = self._things.setdefault(session, OrderedDict())
            self._things.move_to_end(session)
            for one in found:
                kept[one] = None
                kept.move_to_end(one)
            while len(kept) > MAX_THINGS:
                kept.popitem(last=False)
            while len(self._things) > MAX_SESSIONS:
                self._things.popitem(last=False)

    def holds(self, session: str, thing: str) -> bool:
        """Return whether a session was sent the address of a file, or the number of a page."""
        with self._lock:
            return _known(thing) in self._things.get(session, ())

    def begins_anew(self, session: str, scope: Scope) -> Scope:
        """Return a websocket as Streamlit is to see it: it goes on with a page of its own session, or with none."""
        words = Headers(scope=scope).get(WORDS, "").split(",")
        if len(words) < 3 or self.holds(session, words[2].strip()):
            return scope
        anew = {**scope, "headers": list(scope["headers"])}
        MutableHeaders(scope=anew)[WORDS] = ",".join(words[:2])
        return anew


def _known(thing: str) -> str:
    """Return under what something is remembered: a file under its digest, whatever stands behind it."""
    file = ID.match(thing)
    return file[1] if file else thing
