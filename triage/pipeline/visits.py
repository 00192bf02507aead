"""Who looks at which study: one audit row for each visit, however many slices the viewer asks for."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock

from triage.access.person import Person
from triage.access.trail import note
from triage.records.audit import Event
from triage.records.store import Store

#: A visit is over when the person has asked for nothing of the study for so long: seconds.
PAUSE = 900.0
#: Visits that are remembered; the oldest are noted anew.
MAX_REMEMBERED = 10_000

#: Session, or name without one; what is done; study.
Key = tuple[str, Event, str | None]


class Visits:
    """The visits of one installation. Safe to call from many threads.

    Parameters
    ----------
    store
        Holds the audit trail.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noting = Lock()
        self._last: OrderedDict[Key, float] = OrderedDict()

    def goes_on(self, person: Person, event: Event, study_id: str | None = None) -> bool:
        """Return whether this is part of a visit that is noted already; never waits."""
        key = _key(person, event, study_id)
        last = self._last.get(key)
        if last is None or time.monotonic() - last > PAUSE:
            return False
        self._last[key] = time.monotonic()
        return True

    def note(self, person: Person, event: Event, study_id: str | None = None) -> None:
        """Write the audit row of a visit when it begins.

        Parameters
        ----------
        person
            Who looks.
        event
            `Event.VIEWED`, `Event.LOADED_AHEAD` or `Event.TRAIL_SEEN`.
        study_id
            At which study.

        Raises
        ------
        StorageError
            If the record does not take the row; then nothing may be shown.
        """
        if self.goes_on(person, event, study_id):
            return
        with self._noting:
            if self.goes_on(person, event, study_id):
                return
            note(self._store, event, "", actor=person.actor, account=person.account, study_id=study_id)
            self._last[_key(person, event, study_id)] = time.monotonic()
            while len(self._last) > MAX_REMEMBERED:
                self._last.popitem(last=False)


def _key(person: Person, event: Event, study_id: str | None) -> Key:
    return (person.session or person.actor, event, study_id)
