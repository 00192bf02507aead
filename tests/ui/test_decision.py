"""The AI result and the readings on the review page; the form itself is tested in Chromium."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


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


def _read_twice(status: str) -> None:
    from dataclasses import replace
    from datetime import UTC, datetime
    from types import SimpleNamespace

    from triage.domain import Decision, Finding, Reading, ReadingState, Role, StudyStatus
    from triage.ui import decision

    signed_at = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
    first = Reading("Dr. Ada", Decision.CONFIRM, Finding.GLIOMA, None, "", ReadingState.PRELIMINARY, signed_at)
    second = replace(first, reader="Dr. Berg", state=ReadingState.FINAL, role=Role.SECOND)
    readings = (first, second) if status == StudyStatus.READ else (first,)
    decision.history(SimpleNamespace(readings=readings, status=StudyStatus(status)))  # type: ignore[arg-type]


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
        comment="see <b>\n# and more",
        state=ReadingState.FINAL,
        signed_at=datetime(2026, 3, 2, 8, 15, tzinfo=UTC),
    )
    decision.history(SimpleNamespace(readings=(signed,), status=StudyStatus.READ))  # type: ignore[arg-type]


def test_the_headline_escapes_reason_and_model() -> None:
    html = AppTest.from_function(_show, default_timeout=60, args=(("glioma",),)).run().get("html")[0].proto.body
    assert "STAT" in html
    assert "AI: <b>Glioma</b>" in html
    assert "P(glioma) 0.60 &lt; 1 &amp; more · model &lt;i&gt;v6&lt;/i&gt;" in html
    assert "Not ruled out" not in html


def test_the_headline_names_the_classes_that_cannot_be_ruled_out() -> None:
    html = (
        AppTest.from_function(_show, default_timeout=60, args=(("glioma", "meningioma"),))
        .run()
        .get("html")[0]
        .proto.body
    )
    assert "Not ruled out at 95 % coverage: <b>Glioma, Meningioma</b>" in html
    assert 'title="A class is not ruled out if' in html


def test_a_reading_is_one_line_that_unfolds_to_what_was_signed() -> None:
    (shown,) = AppTest.from_function(_history, default_timeout=60).run().get("html")
    line, more = shown.proto.body.split("</summary>")
    assert "<b>Meningioma</b> · First reading, Dr. *Ada*, Mar 2, 2026" in line
    assert line.endswith("· see &lt;b&gt; # and more</span>"), "at the end, which is cut: it could name another reader"
    assert more.startswith(
        "It overrides the AI result: wrong class. It is final.<br>Comment: see &lt;b&gt;<br># and more"
    )
    assert "\n" not in shown.proto.body


def test_the_first_reading_of_a_settled_study_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.ui.state.reader", lambda: "Dr. Ada")
    (waiting,) = AppTest.from_function(_read_twice, default_timeout=60, args=("second read",)).run().get("html")
    assert "It is preliminary and waits for another reader." in waiting.proto.body
    (both,) = AppTest.from_function(_read_twice, default_timeout=60, args=("read",)).run().get("html")
    first, second = both.proto.body.split("</details>")[:2]
    assert "It was preliminary until another reader signed." in first
    assert "waits for" not in first
    assert "It is final." in second


def _amended() -> None:
    from dataclasses import replace
    from datetime import UTC, datetime
    from types import SimpleNamespace

    from triage.domain import Decision, Finding, Reading, ReadingState, Role, StudyStatus
    from triage.ui import decision

    signed_at = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
    first = Reading("Dr. Ada", Decision.UNAIDED, Finding.NOTUMOR, None, "", ReadingState.FINAL, signed_at)
    glioma = replace(first, finding=Finding.GLIOMA, state=ReadingState.PRELIMINARY, role=Role.AMENDMENT)
    study = SimpleNamespace(readings=(first, glioma), status=StudyStatus.SECOND_READ)
    decision.history(study)  # type: ignore[arg-type]


def test_a_superseded_reading_is_not_said_to_be_final() -> None:
    app = AppTest.from_function(_amended, default_timeout=60)
    app.session_state["reader"] = "Dr. Ada"
    (both,) = app.run().get("html")
    replaced, now = both.proto.body.split("</details>")[:2]
    assert "Superseded" in replaced
    assert "final" not in replaced
    assert "waits for another reader" in now
    assert "was preliminary" not in now


def _read_often(status: str) -> None:
    from dataclasses import replace
    from datetime import UTC, datetime
    from types import SimpleNamespace

    from triage.domain import Decision, Finding, Reading, ReadingState, Role, StudyStatus
    from triage.ui import decision

    signed_at = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
    first = Reading("Dr. Ada", Decision.UNAIDED, Finding.GLIOMA, None, "", ReadingState.PRELIMINARY, signed_at)
    second = replace(first, reader="Dr. Bo", finding=Finding.MENINGIOMA, role=Role.SECOND)
    settled = replace(second, reader="Dr. Cleo", state=ReadingState.FINAL, role=Role.ARBITRATION)
    amended = replace(settled, comment="left", state=ReadingState.AMENDED, role=Role.AMENDMENT)
    readings = (first, second) if status == StudyStatus.ARBITRATION else (first, second, settled, amended)
    decision.history(SimpleNamespace(readings=readings, status=StudyStatus(status)))  # type: ignore[arg-type]


def test_of_many_readings_the_newest_is_in_sight_and_of_an_arbitration_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.ui.state.reader", lambda: "Dr. Eve")
    (many,) = AppTest.from_function(_read_often, default_timeout=60, args=("read",)).run().get("html")
    folded, newest = many.proto.body.split("</details></details>")
    assert '<details class="earlier"><summary>3 earlier readings</summary>' in folded
    assert "Dr. Ada" in folded
    assert "Amendment, Dr. Cleo" in newest
    (opposed,) = AppTest.from_function(_read_often, default_timeout=60, args=("arbitration",)).run().get("html")
    assert "earlier readings" not in opposed.proto.body
    assert opposed.proto.body.count("<details") == 2
