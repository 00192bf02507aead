"""What a person makes the installation do: each act asks for its right first, and is audited under their name.

From where, and with which account, is known from `triage.records.origin`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from triage import reading
from triage.access.person import Person
from triage.access.roles import Right
from triage.access.trail import note
from triage.domain import Reading, Resolution
from triage.errors import ConflictError, DeniedError, ReadingError
from triage.learning.entries import Export
from triage.pipeline.installation import Installation
from triage.pipeline.retraining_job import Job
from triage.pipeline.spool import Incoming
from triage.pipeline.watch import Verified, verify_all
from triage.reading import Entries
from triage.records import readings
from triage.records.audit import Event
from triage.records.drafts import BEING_SIGNED, ENTERED_ELSEWHERE
from triage.records.trail import TrailEntry, TrailFilter
from triage.records.views import Claim, Shown
from triage.reports.out import send_reports
from triage.text import one_line, visible

#: Characters of the note with which a study is taken over.
MAX_NOTE = 200


@dataclass(frozen=True, slots=True)
class Acting:
    """A person at an installation. Every method raises `DeniedError` without the right.

    Attributes
    ----------
    installation
        What they act on.
    person
        Who acts.
    """

    installation: Installation
    person: Person

    def require(self, right: Right) -> None:
        """Go on only with a right; a refusal is audited."""
        try:
            self.person.require(right)
        except DeniedError:
            self.deny(right)
            raise

    def deny(self, right: Right) -> None:
        """Note that the person asked for what they have no right to."""
        self._note(Event.DENIED, right)

    def view(self, study_id: str, *, ahead: bool = False) -> None:
        """Note that the person looks at a study, once for each visit; see `Visits`.

        Parameters
        ----------
        study_id
            The study.
        ahead
            Whether the browser only loads it because the person may open it next.
        """
        self.require(Right.READ)
        self.installation.visits.note(self.person, Event.LOADED_AHEAD if ahead else Event.VIEWED, study_id)

    def upload(self, files: Sequence[Incoming]) -> str:
        """Begin to receive files, and return the ID of the upload; see `Uploads.begin`."""
        self.require(Right.UPLOAD)
        return self.installation.uploads.begin(files, actor=self.person.actor)

    def sign(self, study_id: str, entries: Entries, shown: Shown, version: int | None = None) -> Reading:
        """Sign what the person entered; for some seconds it can be taken back, see `Signatures`.

        Where the site asks for it, this takes a new proof of who the person is, which counts for one signature.

        Parameters
        ----------
        study_id
            The study.
        entries
            What they entered; what they committed blind comes from their draft.
        shown
            What of the study they saw.
        version
            Of the draft that they saw, if they signed in a form; see `Drafts.hold`.

        Raises
        ------
        ConflictError
            If the AI result is still hidden from the person, the study or the draft is not as it was shown, or somebody
            else has it open.
        NotFoundError
            If there is no such study.
        ReadingError
            If something required is missing.
        """
        self.require(Right.SIGN)
        installation, reader, now = self.installation, self.person.name, datetime.now(UTC)
        study, draft = installation.store.study(study_id), installation.store.drafts.get(study_id, reader)
        # First: what else is wrong with a reading may tell the AI's class.
        if installation.awaits_commit(study, reader):
            raise ConflictError("Commit a class first, then sign: this is a blind reading.")
        readings.check_shown(study, shown)
        if draft is not None and draft.due_at is not None:
            raise ConflictError(BEING_SIGNED)
        if version is not None and version != (draft.version if draft else 0):
            raise ConflictError(ENTERED_ELSEWHERE)
        statement = reading.sign(
            reader=reader,
            entries=replace(entries, blind=draft.entries.blind if draft else None),
            result=study.result,
            earlier=study.readings,
            status=study.status,
            second_read=installation.settings.second_read,
            now=now,
            contents=study.contents,
        )
        statement = replace(statement, account=self.person.account or None)
        self._check_claim(installation.store.claims.holder(study_id, now))
        use_up = partial(self._prove_and_claim, study_id, now)
        installation.signatures.hold(study_id, statement, seen=shown.readings, version=version, last=use_up)
        return statement

    def commit(self, study_id: str, entries: Entries, shown: Shown) -> None:
        """Keep the class that the person chose before the AI result is shown.

        Raises
        ------
        ConflictError
            If the study is not as it was shown.
        NotFoundError
            If there is no such study.
        ReadingError
            If no class is chosen, or nobody has entered a name.
        """
        self.require(Right.READ)
        if not self.person.name:
            raise ReadingError("A reading needs a reader. Enter your name in the sidebar.")
        if entries.finding is None:
            raise ReadingError("Choose a class first; the AI result is shown once it is committed.")
        store, now = self.installation.store, datetime.now(UTC)
        readings.check_shown(store.study(study_id), shown)
        seen, contents = shown.readings, shown.contents
        store.drafts.commit_blind(study_id, self.person.name, entries.finding, seen=seen, now=now, contents=contents)

    def take_over(self, study_id: str, note: str) -> None:
        """Claim a study that another reader has open.

        Raises
        ------
        NotFoundError
            If there is no such study.
        ReadingError
            Without a name or a note.
        """
        self.require(Right.READ)
        self.installation.store.readings.of(study_id)  # or it is not there
        note = visible(one_line(note), MAX_NOTE)
        if not self.person.name or not note:
            raise ReadingError("Taking a study over needs your name and a note. Enter why you take it.")
        self.installation.store.claims.take_over(study_id, self.person.name, note, datetime.now(UTC))

    def resolve(self, study_id: str, resolution: Resolution, reason: str) -> None:
        """Decide between two studies that claim one identity; see `Installation.resolve`."""
        self.require(Right.CONFLICTS)
        self.installation.resolve(study_id, resolution, by=self.person.name, reason=reason)

    def undo(self, study_id: str, reason: str) -> None:
        """Undo such a decision; see `Installation.undo`."""
        self.require(Right.CONFLICTS)
        self.installation.undo(study_id, by=self.person.name, reason=reason)

    def export(
        self, target: Path, *, everybody: bool = False, deidentified: bool, progress: Callable[[int, int], None]
    ) -> Export:
        """Write the data set of one's own signed readings, or that of everybody; see `Installation.export_readings`."""
        self.require(Right.EXPORT_ALL if everybody else Right.EXPORT_OWN)
        reader = None if everybody else self.person.name
        made = self.installation.export_readings(target, reader=reader, deidentified=deidentified, progress=progress)
        what = f"{made.studies:,} studies, {'de-identified' if deidentified else 'not de-identified'}"
        self._note(Event.EXPORTED, f"data set of readings: {what}")
        return made

    def export_list(self, rows: int) -> None:
        """Note that the person takes the worklist away as a table."""
        self.require(Right.LIST)
        self._note(Event.EXPORTED, f"worklist as CSV, {rows:,} studies")

    def export_report(self, study_id: str, *, dicom: int = 0) -> None:
        """Note that the person may download reports of a study: so many in DICOM, otherwise the page and FHIR."""
        self.require(Right.READ)
        self._note(Event.EXPORTED, f"{dicom} report(s) in DICOM" if dicom else "report as PDF and FHIR", study_id)

    def send(self, study_id: str) -> int:
        """Send the reports of a study to the PACS, and return their number; see `send_reports`."""
        self.require(Right.SEND)
        count = send_reports(self.installation, study_id)
        self._note(Event.SENT, f"{count} report(s)", study_id)
        return count

    def trail(self, wanted: TrailFilter, size: int, before: int | None = None) -> list[TrailEntry]:
        """Return rows of the audit trail; see `Trail.page`. That somebody looks is noted once for each visit."""
        self.require(Right.AUDIT)
        self.installation.visits.note(self.person, Event.TRAIL_SEEN)
        return self.installation.store.trail.page(self._sparing(wanted), size, before)

    def export_trail(self, wanted: TrailFilter, form: str) -> Iterator[TrailEntry]:
        """Note that the person takes the audit trail away in a form, then give its rows; see `Trail.all`."""
        self.require(Right.AUDIT)
        self._note(Event.EXPORTED, f"audit trail as {form}, {wanted.said()}")
        return self.installation.store.trail.all(self._sparing(wanted))

    def _sparing(self, wanted: TrailFilter) -> TrailFilter:
        """Return the filter of a person who may also be a blind reader."""
        return replace(wanted, blind=self.installation.settings.blind_first_read)

    def begin_baseline(self, day: date, reason: str) -> None:
        """Count the baseline of the monitoring from a day on, for a reason that is audited.

        Raises
        ------
        ReadingError
            Without a reason.
        """
        self.require(Right.BASELINE)
        reason = visible(one_line(reason), MAX_NOTE)
        if not reason:
            raise ReadingError("A new baseline needs a reason. Enter what has changed.")
        self._note(Event.SETTINGS, f"monitoring has its baseline from {day.isoformat()} on: {reason}")
        self.installation.monitor.begin_anew(day)

    def export_month(self, first: date, *, named: bool) -> tuple[bytes, bytes]:
        """Return the monitoring report of a month as PDF and as HTML, and note that the person takes it away."""
        self.require(Right.MONITORING)
        made = self.installation.monitor.report(first, self.installation.runtime.card.name, named=named)
        readers = "readers by name" if named else "readers by pseudonym"
        self._note(Event.EXPORTED, f"monitoring report of {first:%Y-%m}, {readers}")
        return made

    def verify(self, progress: Callable[[float], None]) -> Verified:
        """Verify the whole record and the model folder now, and note what came of it; see `verify_all`."""
        self.require(Right.AUDIT)
        found = verify_all(self.installation.watch, self.installation.serving, progress)
        self._note(Event.DAMAGED if found.damaged else Event.VERIFIED, found.counted())
        return found

    def retrain(self) -> Job:
        """Begin to retrain the model that serves on all signed readings; see `Retrainings.begin`."""
        self.require(Right.RETRAIN)
        job = self.installation.retrainings.begin()
        self._note(Event.RETRAINED, f"begun: {job.name} from {job.model.name}")
        return job

    def resume_retraining(self) -> Job:
        """Go on with the retraining that was stopped; see `Retrainings.resume`."""
        self.require(Right.RETRAIN)
        job = self.installation.retrainings.resume()
        self._note(Event.RETRAINED, f"resumed: retraining of {job.name}")
        return job

    def cancel_retraining(self) -> None:
        """Stop the retraining that is running; see `Retrainings.cancel`."""
        self.require(Right.RETRAIN)
        job = self.installation.retrainings.cancel()
        if job is not None:
            self._note(Event.RETRAINED, f"cancelled: retraining of {job.name}")

    def _prove_and_claim(self, study_id: str, now: datetime) -> None:
        """Use up the proof of a signature, then claim its study: after all that may refuse it."""
        access = self.installation.access
        if access.settings.sign_with_password and self.person.session:
            access.sign_in.take_proof(self.person)
        self._check_claim(self.installation.store.claims.take(study_id, self.person.name, now))

    def _check_claim(self, claim: Claim | None) -> None:
        if claim is not None and claim.reader != self.person.name:
            raise ConflictError(f"{claim.reader} has this study open. Take it over with a note, then sign.")

    def _note(self, event: Event, detail: str, study_id: str | None = None) -> None:
        person = self.person
        note(
            self.installation.store,
            event,
            detail,
            actor=person.actor,
            account=person.account,
            study_id=study_id,
        )
