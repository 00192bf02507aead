"""Which files of the pages (``/media``) a session may fetch: those whose addresses its own pages were sent.

An address holds a digest, so nobody guesses it; but whoever is told it has no right to the file. Tested in
tests/web/test_handed_out.py.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from threading import Lock

#: Path below which Streamlit serves pictures and downloads.
MEDIA = "/media/"
#: An address in a message to a page.
ADDRESS = re.compile(rb"/media/([0-9a-f]{32,128})")
ID = re.compile("/media/([0-9a-f]{32,128})")
#: Files remembered of one session, and sessions; the oldest are forgotten.
MAX_FILES, MAX_SESSIONS = 1_000, 5_000


class HandedOut:
    """The files of all sessions. Safe to call from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._files: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def note(self, session: str, message: bytes) -> None:
        """Note the files that a message to a page of a session names."""
        found = [one.decode() for one in ADDRESS.findall(message)] if MEDIA.encode() in message else []
        if not found:
            return
        with self._lock:
            files = self._files.setdefault(session, OrderedDict())
            self._files.move_to_end(session)
            for one in found:
                files[one] = None
                files.move_to_end(one)
            while len(files) > MAX_FILES:
                files.popitem(last=False)
            while len(self._files) > MAX_SESSIONS:
                self._files.popitem(last=False)

    def holds(self, session: str, path: str) -> bool:
        """Return whether a session was told the address of a file."""
        asked = ID.match(path)
        with self._lock:
            return asked is not None and asked[1] in self._files.get(session, ())
