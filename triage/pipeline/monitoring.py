"""Watches for drift in the background, and counts what a monthly report says."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread

from triage.errors import TriageError
from triage.learning.monitored import Month, Watched, watched
from triage.records import drift
from triage.records.drift import Tally
from triage.records.store import Store

logger = logging.getLogger(__name__)

#: Seconds between two looks, and before the first, when the server has other things to do.
EVERY, FIRST = 900.0, 60.0
#: Under this name, and for nobody in particular, the record keeps since when the baseline is counted.
SITE, CHOICE = "", "monitoring"


class Monitor:
    """Watches one installation for drift.

    Parameters
    ----------
    store
        The record.
    model
        Returns the digest of the model that serves.
    blind
        Whether readers read before they see the AI's result: then what it said of studies that wait is not counted.
    """

    def __init__(self, store: Store, model: Callable[[], str], *, blind: bool) -> None:
        self._store, self._model, self._blind = store, model, blind
        self._last: Watched | None = None
        self._stopped = Event()
        self._thread: Thread | None = None

    def last(self) -> Watched | None:
        """Return what was watched last in this process; None before."""
        return self._last

    def begin(self) -> date | None:
        """Return the first day of the baseline; None if it begins with the first study.

        Raises
        ------
        StorageError
            If the database does not answer.
        """
        kept = self._store.preferences.of(SITE, CHOICE).get("since")
        return date.fromisoformat(kept) if kept else None

    def begin_anew(self, day: date | None) -> None:
        """Count the baseline from a day on: what came before is not looked at any more."""
        self._store.preferences.keep(SITE, CHOICE, {"since": day.isoformat() if day else None})

    def now(self) -> Watched:
        """Return what is watched now.

        Raises
        ------
        ModelError
            If no model can serve.
        StorageError
            If the database does not answer.
        """
        self._last, *_ = self._up_to(datetime.now(UTC).date())
        return self._last

    def month(self, first: date) -> Month:
        """Return what a report of the month that begins on a day says.

        Raises
        ------
        ModelError
            If no model can serve.
        StorageError
            If the database does not answer.
        """
        following = (first + timedelta(days=31)).replace(day=1)
        last = min(following - timedelta(days=1), datetime.now(UTC).date())
        seen, received, read = self._up_to(last)
        earlier = (first - timedelta(days=1)).replace(day=1)
        tallies = [*received, *read]
        before = _counts(tallies, earlier, first - timedelta(days=1))
        return Month(first, last, seen, _counts(tallies, first, last), before)

    def report(self, first: date, model: str, *, named: bool) -> tuple[bytes, bytes]:
        """Return the report of the month that begins on a day, as PDF and as HTML.

        Parameters
        ----------
        first
            The day.
        model
            Name of the model that serves.
        named
            Whether readers stand there by name; otherwise by a pseudonym that the key of the record makes.
        """
        # Matplotlib takes half a second to import, and the app should start without it.
        from triage.reports.monthly import as_html, content
        from triage.reports.monthly_pdf import as_pdf

        said = content(self.month(first), model, datetime.now(UTC), None if named else self._pseudonym)
        return as_pdf(said), as_html(said)

    def start(self) -> None:
        """Look again and again; a second call is idle."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="monitor", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _pseudonym(self, reader: str) -> str:
        return self._store.key.mac(b"reader " + reader.encode())[:6].upper()

    def _run(self) -> None:
        pause = FIRST
        while not self._stopped.wait(pause):
            pause = EVERY
            try:
                self.now()
            except TriageError:
                logger.exception("drift was not looked for")
            except Exception:
                logger.exception("drift was not looked for, for an error of the program")

    def _up_to(self, until: date) -> tuple[Watched, Sequence[Tally], Sequence[Tally]]:
        since, model = self.begin(), self._model()
        received = drift.received(self._store.read, since=since, settled_only=self._blind)
        read = drift.read_by_day(self._store.read, since=since)
        alike = drift.alike(self._store.read, since, until)
        return watched(received, read, alike, model, until=until), received, read


def _counts(tallies: Sequence[Tally], first: date, last: date) -> Counter[str]:
    """Return the sums of the counts from one day to another."""
    found: Counter[str] = Counter()
    for one in tallies:
        if first <= one.day <= last:
            found.update({name: round(count) for name, count in one.counts.items()})
    return found
