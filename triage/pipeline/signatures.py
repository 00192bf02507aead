"""Signatures that can be taken back for a few seconds: stored when that time is over, whatever becomes of the page.

They are on the record from the moment of signing. If this process ends before they are due, the next one stores them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock, Timer

from triage.domain import Decision, Reading
from triage.errors import StorageError
from triage.records.drafts import Drafts

logger = logging.getLogger(__name__)

#: How long a signature can be taken back.
UNDO = timedelta(seconds=10)
#: Seconds until the next try, if the database does not answer.
RETRY = 5.0


class Signatures:
    """Stores the signatures of one record when they are due.

    Parameters
    ----------
    drafts
        Keeps them until then.
    undo
        How long each can be taken back.
    check
        Raises if the files of a study, by its ID, are not there as they were received; then nobody can confirm it.
    """

    def __init__(self, drafts: Drafts, undo: timedelta = UNDO, check: Callable[[str], None] = lambda _: None) -> None:
        self._drafts, self._undo, self._check = drafts, undo, check
        self._lock = Lock()
        self._timer: Timer | None = None
        self._closed = False

    def hold(
        self,
        study_id: str,
        reading: Reading,
        *,
        seen: int,
        version: int | None = None,
        last: Callable[[], None] = lambda: None,
    ) -> datetime:
        """Keep a signature and return when it is stored for good; see `Drafts.hold` and `check` for the errors.

        `last` is called after `check`, right before the signature is kept: it may use up what counts only once.
        """
        if reading.decision is Decision.CONFIRM:
            self._check(study_id)
        last()
        due = reading.signed_at + self._undo
        self._drafts.hold(study_id, reading, seen=seen, due=due, version=version)
        self.settle()
        return due

    def settle(self) -> None:
        """Store what is due, and come back when the next one is."""
        now = datetime.now(UTC)
        try:
            self._drafts.settle(now)
            due = self._drafts.next_due()
        except StorageError:
            logger.exception("signatures wait: the database does not answer")
            self._again_in(RETRY)
        else:
            if due is not None:
                self._again_in(max((due - datetime.now(UTC)).total_seconds(), 0.05))

    def close(self) -> None:
        """Stop; what is not due yet stays on the record for the next start."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()

    def _again_in(self, seconds: float) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if not self._closed:
                self._timer = Timer(seconds, self.settle)
                self._timer.daemon = True
                self._timer.start()
