from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from access_samples import account, signed_in
from helpers import take_in
from record_samples import add
from sqlalchemy import select

from triage.access.person import Person, alone
from triage.access.roles import Right, Role
from triage.domain import Beyond, Confidence, Finding, Reading, ReasonCode, Resolution, StudyStatus
from triage.errors import ConflictError, DeniedError, NotFoundError, ReadingError, TriageError
from triage.phantoms import Phantom
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.reading import Entries
from triage.records import readings, studies
from triage.records.tables import AuditRow, InstanceRow, StudyRow
from triage.records.trail import TrailFilter
from triage.records.views import Shown, Study

NOTHING = Shown(0, "", "")
ACTS: dict[str, tuple[set[Role], Callable[[Acting, Path], object]]] = {
    "upload": ({Role.TECHNICIAN, Role.RADIOLOGIST}, lambda one, _: one.upload([Incoming("a.png", data=b"none")])),
    "sign": ({Role.RADIOLOGIST}, lambda one, _: one.sign("0" * 32, Entries(), NOTHING)),
    "commit": ({Role.RADIOLOGIST}, lambda one, _: one.commit("0" * 32, Entries(), NOTHING)),
    "take over": ({Role.RADIOLOGIST}, lambda one, _: one.take_over("0" * 32, "why")),
    "resolve": (
        {Role.RADIOLOGIST, Role.ADMINISTRATOR},
        lambda one, _: one.resolve("0" * 32, Resolution.KEEP_APART, "why"),
    ),
    "undo": ({Role.RADIOLOGIST, Role.ADMINISTRATOR}, lambda one, _: one.undo("0" * 32, "why")),
    "send": ({Role.RADIOLOGIST}, lambda one, _: one.send(add(one.installation.store, 1))),
    "own": (
        {Role.RADIOLOGIST},
        lambda one, to: one.export(to / "a.zip", deidentified=True, progress=lambda *_: None),
    ),
    "view": ({Role.RADIOLOGIST}, lambda one, _: one.view("0" * 32)),
    "list": ({Role.RADIOLOGIST, Role.ADMINISTRATOR}, lambda one, _: one.export_list(1)),
    "report": ({Role.RADIOLOGIST}, lambda one, _: one.export_report("0" * 32)),
    "trail": ({Role.ADMINISTRATOR}, lambda one, _: one.trail(TrailFilter(), 1)),
    "export of the trail": ({Role.ADMINISTRATOR}, lambda one, _: one.export_trail(TrailFilter(), "CSV")),
    "verify": ({Role.ADMINISTRATOR}, lambda one, _: one.verify(lambda _: None)),
    "all": (
        {Role.ADMINISTRATOR},
        lambda one, to: one.export(to / "a.zip", everybody=True, deidentified=True, progress=lambda *_: None),
    ),
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("act", ACTS)
def test_every_act_asks_for_its_right(installation: Installation, tmp_path: Path, act: str, role: Role) -> None:
    allowed, carry_out = ACTS[act]
    acting = Acting(installation, Person("Ada", frozenset({role}), "1", "s"))
    if role in allowed:
        try:
            carry_out(acting, tmp_path)
        except DeniedError:
            raise
        except TriageError:
            pass  # there is no such study, no PACS, no reading; the right was there
    else:
        with pytest.raises(DeniedError):
            carry_out(acting, tmp_path)
    with installation.store.read() as session:
        denied = session.scalars(select(AuditRow.actor).where(AuditRow.event == "not allowed")).all()
    assert list(denied) == ([] if role in allowed else ["Ada"])


def test_nothing_is_sent_where_no_pacs_is_set(installation: Installation) -> None:
    with pytest.raises(ConflictError, match="TRIAGE_STOW_TARGET"):
        Acting(installation, alone("Ada")).send("0" * 32)


def test_a_refusal_names_the_remedy(installation: Installation) -> None:
    with pytest.raises(DeniedError, match="ask an administrator"):
        Acting(installation, Person("Ada", frozenset({Role.TECHNICIAN}))).require(Right.SIGN)


@pytest.fixture
def study_id(installation: Installation, slices: list[Phantom]) -> str:
    return take_in(installation, {slices[0].name: slices[0].png})[0]


def sign(installation: Installation, study_id: str, reader: str, entries: Entries) -> Reading:
    return Acting(installation, alone(reader)).sign(study_id, entries, installation.store.study(study_id).shown)


def test_a_signature_waits_and_is_stored_with_all_that_was_entered(installation: Installation, study_id: str) -> None:
    why = ReasonCode.WRONG_CLASS
    entries = Entries(Beyond.OTHER_LESION, "cyst", Confidence.HIGH, why, "seen")
    sign(installation, study_id, "Dr. Ada", entries)
    store = installation.store
    assert store.study(study_id).readings == ()
    (held,) = store.drafts.held("Dr. Ada")
    store.drafts.settle(held.due_at)
    (kept,) = store.study(study_id).readings
    assert (kept.finding, kept.lesion, kept.confidence, kept.comment) == (
        Beyond.OTHER_LESION,
        "cyst",
        Confidence.HIGH,
        "seen",
    )
    assert store.study(study_id).status is StudyStatus.SECOND_READ  # the AI calls it a glioma


@pytest.mark.parametrize(
    ("reader", "entries", "remedy"),
    [
        ("", Entries(Finding.GLIOMA), "Enter your name"),
        ("Dr. Ada", Entries(), "Choose one"),
        ("Dr. Ada", Entries(Finding.NOTUMOR), "reason code"),
    ],
)
def test_what_is_incomplete_is_not_signed(
    installation: Installation, study_id: str, reader: str, entries: Entries, remedy: str
) -> None:
    with pytest.raises(ReadingError, match=remedy):
        sign(installation, study_id, reader, entries)
    assert installation.store.drafts.next_due() is None


def test_who_signs_has_the_study_open(installation: Installation, study_id: str) -> None:
    installation.store.claims.take(study_id, "Dr. Bo", datetime.now(UTC))
    with pytest.raises(ConflictError, match="Take it over"):
        sign(installation, study_id, "Dr. Ada", Entries(Finding.GLIOMA))
    by = Acting(installation, alone("Dr. Ada"))
    with pytest.raises(ReadingError, match="Enter why"):
        by.take_over(study_id, " \n ")
    with pytest.raises(NotFoundError):
        by.take_over("0" * 32, "Bo went home")
    by.take_over(study_id, "Bo went home")
    sign(installation, study_id, "Dr. Ada", Entries(Finding.GLIOMA))


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"readings": 1}, "Look at their reading"),
        ({"contents": "0" * 64}, "Slices arrived"),
        ({"model": ""}, "The AI result of this study changed"),
    ],
)
def test_what_is_signed_is_what_was_on_the_screen(
    installation: Installation, study_id: str, change: dict[str, Any], remedy: str
) -> None:
    shown = replace(installation.store.study(study_id).shown, **change)
    by = Acting(installation, alone("Dr. Ada"))
    for act in (by.sign, by.commit):
        with pytest.raises(ConflictError, match=remedy):
            act(study_id, Entries(Finding.GLIOMA), shown)
    assert installation.store.drafts.get(study_id, "Dr. Ada") is None


def test_nothing_is_concluded_of_a_study_that_was_discarded(installation: Installation, study_id: str) -> None:
    shown, by = installation.store.study(study_id).shown, Acting(installation, alone("Dr. Ada"))
    with installation.store.write() as session:
        session.get_one(StudyRow, study_id).status = StudyStatus.DISCARDED
    for act in (by.sign, by.commit):
        with pytest.raises(ConflictError, match="Read the study that stayed"):
            act(study_id, Entries(Finding.GLIOMA), shown)
    assert installation.store.drafts.get(study_id, "Dr. Ada") is None


def test_a_class_is_committed_before_the_ai_is_shown(installation: Installation, study_id: str) -> None:
    shown = installation.store.study(study_id).shown
    by = Acting(installation, alone("Dr. Ada"))
    with pytest.raises(ReadingError, match="Choose a class first"):
        by.commit(study_id, Entries(), shown)
    with pytest.raises(ReadingError, match="Enter your name"):
        Acting(installation, alone("")).commit(study_id, Entries(Finding.NOTUMOR), shown)
    by.commit(study_id, Entries(Finding.NOTUMOR), shown)
    assert sign(installation, study_id, "Dr. Ada", Entries(Finding.GLIOMA)).blind is Finding.NOTUMOR


def test_no_class_is_committed_for_slices_that_arrive_at_that_moment(
    installation: Installation, study_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, store = Acting(installation, alone("Dr. Ada")), installation.store
    shown, check = store.study(study_id).shown, readings.check_shown

    def arriving(study: Study, seen: Shown) -> None:
        check(study, seen)
        with store.write() as session:
            row = session.get_one(StudyRow, study_id)
            row.series[0].instances.append(InstanceRow(number=9, sha256="9" * 64, name="late", kind="PNG", size=1))
            studies.requeue(session, row)

    monkeypatch.setattr(readings, "check_shown", arriving)
    with pytest.raises(ConflictError, match="Slices arrived"):
        by.commit(study_id, Entries(Finding.NOTUMOR), shown)
    draft = store.drafts.get(study_id, "Dr. Ada")
    assert draft is None or draft.entries.blind is None


@pytest.mark.parametrize("finding", Finding)
def test_before_a_class_is_committed_no_signature_tells_what_the_ai_found(
    installation: Installation, study_id: str, monkeypatch: pytest.MonkeyPatch, finding: Finding
) -> None:
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    with pytest.raises(ConflictError, match="Commit a class first"):
        sign(installation, study_id, "Dr. Ada", Entries(finding))
    assert installation.store.drafts.next_due() is None
    assert installation.store.claims.holder(study_id, datetime.now(UTC)) is None
    by, shown = Acting(installation, alone("Dr. Ada")), installation.store.study(study_id).shown
    by.commit(study_id, Entries(Finding.NOTUMOR), shown)
    assert sign(installation, study_id, "Dr. Ada", Entries(Finding.GLIOMA)).blind is Finding.NOTUMOR


def test_a_refused_signature_uses_up_no_proof_and_takes_no_claim(
    installation: Installation, study_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    access, store = installation.access, installation.store
    monkeypatch.setattr(access, "settings", access.settings.model_copy(update={"sign_with_password": True}))
    account(access, "ada", Role.RADIOLOGIST)
    person = access.live.person(signed_in(access, "ada"))
    assert person is not None
    study = store.study(study_id)
    by, confirmed = Acting(installation, person), Entries(Finding.GLIOMA)
    assert study.result is not None
    assert study.result.predicted is Finding.GLIOMA

    with pytest.raises(ReadingError, match="Confirm above that it is you"):
        by.sign(study_id, confirmed, study.shown)
    assert store.claims.holder(study_id, datetime.now(UTC)) is None

    store.sessions.prove(person.session, datetime.now(UTC))
    path = installation.files.path(study.instances[0].sha256)
    kept = path.rename(path.with_suffix(".kept"))
    with pytest.raises(NotFoundError, match="missing or was altered"):
        by.sign(study_id, confirmed, study.shown)
    kept.rename(path)
    by.sign(study_id, confirmed, study.shown)
    store.sessions.prove(person.session, datetime.now(UTC))
    with pytest.raises(ConflictError, match="being signed"):
        by.sign(study_id, confirmed, study.shown)
    access.sign_in.take_proof(person)
