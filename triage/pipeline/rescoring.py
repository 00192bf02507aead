"""What is scored in the background: open studies by a model that has just come to serve, new ones by candidates.

One study at a time, in a thread of lower priority, and only while no fresh study waits for its score. What is due
follows from the record, so a process that is killed leaves nothing to clean up; the next one goes on.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event, Thread, get_native_id

from triage.domain import AIResult, Series
from triage.errors import ModelError, StorageError, TriageError
from triage.pipeline.process import Services, judged
from triage.pipeline.serving import InUse, Serving
from triage.records import reranks, shadows
from triage.records.acts import Entry, shadows_of

logger = logging.getLogger(__name__)

#: Seconds between two looks at the record while nothing is due, and while fresh studies are scored.
IDLE, BUSY = 5.0, 0.5
#: Added to the priority of the thread: beside a fresh study it gets about a tenth of a core.
NICE = 10
#: Seconds that `Rescoring.close` waits for the study in work.
ENDING = 60.0


class Rescoring:
    """Scores in the background for one installation.

    Parameters
    ----------
    services
        Of the installation.
    serving
        Its models.
    """

    def __init__(self, services: Services, serving: Serving) -> None:
        self._services, self._serving = services, serving
        self._stopped, self._woken = Event(), Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._thread is None and not self._stopped.is_set():
            self._thread = Thread(target=self._run, name="rescoring", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Look at the record now: another model serves, or a shadow began."""
        self._woken.set()

    def close(self) -> None:
        """Finish the study in work, then end."""
        self._stopped.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(ENDING)

    def step(self) -> bool:
        """Score one study that is due, and return whether there was one.

        Raises
        ------
        TriageError
            If the record or the model does not answer.
        """
        in_use = self._serving.current()
        if in_use.turn is not None and not in_use.trouble and self._rerank(in_use, in_use.turn):
            return True
        return any(self._shadow(one) for one in shadows_of(self._services.store.registry.entries()).values())

    def _rerank(self, in_use: InUse, turn: Entry) -> bool:
        """Rank one open study anew with the model that serves."""
        store, card = self._services.store, in_use.runtime.card
        study_id = store.reranks.next(turn, card.digest, datetime.now(UTC))
        if study_id is None:
            return False
        with store.reranks.attempt(study_id, reranks.task_of(turn)):
            series: tuple[Series, ...] = ()
            outcome: AIResult | str | None = store.reranks.known(study_id, card.sha256, card.digest)
            if outcome is None:
                outcome, series = judged(self._services, store.study(study_id), in_use.runtime)
            kept = store.reranks.file(study_id, turn, (card.name, card.digest), outcome)
            if kept and series:
                self._services.glances.keep(store.study(study_id), series)
        return True

    def _shadow(self, shadow: Entry) -> bool:
        """Score one new study with a candidate; a damaged candidate waits until it is brought back."""
        store = self._services.store
        study_id = store.shadows.next(shadow)
        if study_id is None:
            return False
        try:
            runtime = self._serving.load(shadow.model)
        except ModelError:
            return False
        with store.reranks.attempt(study_id, shadows.task_of(shadow)):
            study = store.study(study_id)
            outcome, _ = judged(self._services, study, runtime)
            store.shadows.file(study_id, shadow, runtime.card.sha256, study.contents, outcome)
        return True

    def _run(self) -> None:
        with suppress(OSError, AttributeError):  # threads have priorities of their own on Linux only
            os.setpriority(os.PRIO_PROCESS, get_native_id(), NICE)
        while not self._stopped.is_set():
            pause = IDLE
            try:
                if self._services.store.results.count_pending():
                    pause = BUSY
                elif self.step():
                    continue
            except (StorageError, ModelError) as error:
                logger.warning("nothing is scored in the background: %s", error)
            except TriageError:
                logger.exception("a study could not be scored in the background")
            except Exception:
                logger.exception("scoring in the background failed; it goes on")
            self._woken.wait(pause)
            self._woken.clear()
