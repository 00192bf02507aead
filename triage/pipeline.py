"""From received bytes to a ranked study: receive -> decode -> gate -> score -> file.

A file is acknowledged when its bytes and rows are on disk. What follows can be repeated: filing is keyed by study and
model, so a step that was killed simply runs again, and `Pipeline.resume` finds what was left.
"""

from __future__ import annotations

import logging
from functools import cached_property
from threading import Lock

from triage.domain import AIResult, Outcome, Receipt, Score, Slice
from triage.errors import ConflictError, NotFoundError, RefusedError, StorageError
from triage.inference.runtime import Runtime
from triage.records.files import FileStore
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.views import Instance
from triage.scans.gate import not_analysable
from triage.scans.identify import identify
from triage.scans.names import display_name
from triage.scans.raster import decode
from triage.settings import Settings
from triage.worklist import WaitLimits, rank

logger = logging.getLogger(__name__)


class Pipeline:
    """The parts of one installation, wired by its settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.files = FileStore(settings.files)
        self.store = Store(settings.url)
        self.queue = Queue(self.store.read, WaitLimits(settings.urgent_wait, settings.routine_wait))
        self._loading = Lock()

    @property
    def runtime(self) -> Runtime:
        """The model that serves, loaded at its first use."""
        with self._loading:
            return self._runtime

    def receive(self, name: str, data: bytes, *, actor: str) -> Receipt:
        """Take in one picture as a study of its own; nothing is raised for what is wrong with the file.

        Parameters
        ----------
        name
            As the sender called it; shown, never used as a path.
        data
            The whole file.
        actor
            Who handed it over, for the audit trail.

        Returns
        -------
        Receipt
            Accepted (bytes and rows are on disk, and the study is ranked unless the receipt says otherwise), already
            here, or refused and why.
        """
        shown = display_name(name)
        try:
            return self._receive(shown, data, actor)
        except (StorageError, OSError) as error:
            logger.exception("storing failed")
            message = (
                str(error)
                if isinstance(error, StorageError)
                else f"Not stored: {error.strerror}. Free disk space, then repeat."
            )
            return Receipt(shown, Outcome.REFUSED, message)

    def _receive(self, shown: str, data: bytes, actor: str) -> Receipt:
        try:
            kind = identify(data)
            picture = decode(data)
        except RefusedError as error:
            self.store.refuse(str(error), actor=actor)
            return Receipt(shown, Outcome.REFUSED, str(error))
        sha256 = self.files.put(data)
        known = self.store.study_of(sha256)
        if known is None:
            try:
                study_id = self.store.add_study(shown, [Instance(sha256, shown, kind, len(data))], actor=actor)
            except ConflictError:
                # The same file came through another door between the look and the commit.
                known = self.store.study_of(sha256)
        if known is not None:
            return Receipt(shown, Outcome.ALREADY_HERE, "The same picture is already on the record.", known)
        self._rank(study_id, picture)
        study = self.store.study(study_id)
        said = f"{study.result.ranking.band}, {study.result.predicted.label}" if study.result else "Not analysable"
        return Receipt(shown, Outcome.ACCEPTED, f"{said}: {study.reason}", study_id)

    def score(self, study_id: str) -> Score:
        """Score the first picture of a study anew: probabilities and maps, nothing filed."""
        return self.runtime.score(self.picture(study_id).pixels)

    def picture(self, study_id: str) -> Slice:
        """Return the decoded picture of a study.

        Raises
        ------
        NotFoundError
            If the study or its file is not there.
        """
        return decode(self.files.get(self.store.study(study_id).instances[0].sha256))

    def resume(self) -> int:
        """Rank every study that was received but not ranked, and return how many there were."""
        waiting = self.store.unfinished()
        for study_id in waiting:
            try:
                self._rank(study_id, self.picture(study_id))
            except (NotFoundError, RefusedError) as error:
                self.store.file_not_analysable(study_id, str(error))
        return len(waiting)

    def _rank(self, study_id: str, picture: Slice) -> None:
        """Gate, score and file. A failure here leaves the study on the worklist, with the reason."""
        reason = not_analysable(picture)
        if reason is not None:
            self.store.file_not_analysable(study_id, reason)
            return
        try:
            score = self.runtime.score(picture.pixels)
        except Exception:
            logger.exception("scoring study %s failed", study_id)
            self.store.file_not_analysable(study_id, "Internal error while scoring; the log has the details")
            return
        card = self.runtime.card
        self.store.file_result(
            study_id,
            AIResult(
                model=card.name,
                model_sha256=card.sha256,
                probabilities=score.probabilities,
                ranking=rank(score.probabilities, card.operating_points),
            ),
        )

    @cached_property
    def _runtime(self) -> Runtime:
        return Runtime(self.settings.model, self.settings.threads)
