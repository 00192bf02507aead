"""The AI result and the readings on the review page; the form itself is tested in Chromium."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from helpers import take_in
from streamlit.testing.v1 import AppTest

from triage.domain import Beyond, Conclusion, Confidence, Finding, Reading, StudyStatus
from triage.errors import ConflictError, ReadingError
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.ui import decision


def _show(prediction_set: tuple[str, ...]) -> None:
    from triage.domain import AIResult, Band, Finding, Ranking
    from triage.ui import decision

    decision.headline(
        AIResult(
            model="<i>v6</i>",
            model_sha256="0",
            probabilities=dict(zip(Finding, (0.6, 0.2, 0.1, 0.1), strict=True)),
            ranking=Ranking(Band.STAT, "P(glioma) 0.60 < 1 & more"),
            prediction_set=tuple(map(Finding, prediction_set)),
        )
    )


def _history() -> None:
    from datetime import UTC, datetime
    from types import SimpleNamespace

    from triage.domain import Decision, Finding, Reading, ReadingState, ReasonCode, StudyStatus
    from triage.ui import decision

    signed = Reading(
        reader="Dr. *Ada*",
        decision=Decision.OVERRIDE,
        finding=Finding.MENINGIOMA,
        reason=ReasonCode.WRONG_CLASS,
        comment="see ![scan](http://192.0.2.1/x.png)\n# and more",
        state=ReadingState.FINAL,
        signed_at=datetime(2026, 3, 2, 8, 15, tzinfo=UTC),
    )
    decision.history(SimpleNamespace(readings=(signed,), status=StudyStatus.READ))  # type: ignore[arg-type]


@pytest.fixture
def study_id(installation: Installation, slices: list[Phantom]) -> str:
    return take_in(installation, {slices[0].name: slices[0].png})[0]


def typed(finding: Conclusion | None, **fields: str) -> dict[str, str]:
    return {"finding": finding or "", "reason": "wrong class", "comment": "", "lesion": "", "confidence": "", **fields}


def sign(installation: Installation, study_id: str, reader: str, fields: dict[str, str]) -> Reading:
    return decision.sign(installation, installation.store.study(study_id), reader, fields)


def test_a_signature_waits_and_is_stored_with_all_that_was_entered(installation: Installation, study_id: str) -> None:
    fields = typed(Beyond.OTHER_LESION, lesion="cyst", confidence="high", comment="seen")
    sign(installation, study_id, "Dr. Ada", fields)
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
    ("reader", "fields", "remedy"),
    [
        ("", typed(Finding.GLIOMA), "Enter your name"),
        ("Dr. Ada", typed(None), "Choose one"),
        ("Dr. Ada", typed(Finding.NOTUMOR, reason=""), "reason code"),
        ("Dr. Ada", {"finding": "cat"}, "Load the page again"),
    ],
)
def test_what_is_incomplete_is_not_signed(
    installation: Installation, study_id: str, reader: str, fields: dict[str, str], remedy: str
) -> None:
    with pytest.raises(ReadingError, match=remedy):
        sign(installation, study_id, reader, fields)
    assert installation.store.drafts.next_due() is None


def test_who_signs_has_the_study_open(installation: Installation, study_id: str) -> None:
    installation.store.claims.take(study_id, "Dr. Bo", datetime.now(UTC))
    with pytest.raises(ConflictError, match="Take it over"):
        sign(installation, study_id, "Dr. Ada", typed(Finding.GLIOMA))
    study = installation.store.study(study_id)
    with pytest.raises(ReadingError, match="Enter why"):
        decision.take_over(installation, study, "Dr. Ada", " \n ")
    decision.take_over(installation, study, "Dr. Ada", "Bo went home")
    sign(installation, study_id, "Dr. Ada", typed(Finding.GLIOMA))


def test_a_class_is_committed_before_the_ai_is_shown(installation: Installation, study_id: str) -> None:
    study = installation.store.study(study_id)
    with pytest.raises(ReadingError, match="Choose a class first"):
        decision.commit(installation, study, "Dr. Ada", typed(None))
    with pytest.raises(ReadingError, match="Enter your name"):
        decision.commit(installation, study, "", typed(Finding.NOTUMOR))
    decision.commit(installation, study, "Dr. Ada", typed(Finding.NOTUMOR))
    assert sign(installation, study_id, "Dr. Ada", typed(Finding.GLIOMA)).blind is Finding.NOTUMOR


def test_the_headline_escapes_reason_and_model() -> None:
    html = AppTest.from_function(_show, args=(("glioma",),)).run().get("html")[0].proto.body
    assert "STAT" in html
    assert "AI: <b>Glioma</b>" in html
    assert "P(glioma) 0.60 &lt; 1 &amp; more · model &lt;i&gt;v6&lt;/i&gt;" in html
    assert "Not ruled out" not in html


def test_the_headline_names_the_classes_that_cannot_be_ruled_out() -> None:
    html = AppTest.from_function(_show, args=(("glioma", "meningioma"),)).run().get("html")[0].proto.body
    assert "Not ruled out at 95 % coverage: <b>Glioma, Meningioma</b>" in html


def test_a_reading_is_shown_as_it_was_signed() -> None:
    (shown,) = AppTest.from_function(_history).run().success
    assert shown.value.startswith(
        "**Meningioma**, override \\(wrong class\\)\\, first\\, final\\. Dr\\. \\*Ada\\*\\, 2026\\-03\\-02"
    )
    assert "\\!\\[scan\\]\\(http" in shown.value
    assert "\n" not in shown.value
