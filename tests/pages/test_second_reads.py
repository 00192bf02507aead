"""The list of studies that are worth a second reading, by AppTest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_samples import add, reading, result
from streamlit.testing.v1 import AppTest

from triage.domain import Finding, ReadingState
from triage.pipeline.installation import Installation
from triage.settings import ROOT
from triage.ui import second_reads, state


def page(reader: str = "Dr. Ada") -> AppTest:
    app = AppTest.from_file(str(ROOT / "triage" / "ui" / "main.py"), default_timeout=60)
    app.session_state["reader"] = reader
    app.run().switch_page(str(state.READINGS)).run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (app.info, app.caption, app.subheader) for element in kind)


def listed(installation: Installation, *, state_of_reading: ReadingState = ReadingState.FINAL) -> None:
    """One study of which a reader thinks otherwise than the AI."""
    study_id = add(installation.store, 1)
    installation.store.results.file(study_id, result(0.9))
    other = replace(reading(Finding.NOTUMOR, "Dr. B"), state=state_of_reading)
    installation.store.readings.sign(study_id, other, seen=0)


def test_a_study_that_others_read_is_listed_with_the_reason(installation: Installation) -> None:
    listed(installation)
    app = page()
    assert "Worth a second reading" in said(app)
    table = app.dataframe[-1].value
    assert list(table["why"]) == ["reader and AI disagree"]
    assert list(table["readers"]) == [1]


def test_what_nobody_has_read_is_not_called_a_second_reading(installation: Installation) -> None:
    study_id = add(installation.store, 2)
    open_result = replace(result(0.4, numbers=(2,)), prediction_set=(Finding.GLIOMA, Finding.MENINGIOMA))
    installation.store.results.file(study_id, open_result)
    app = page()
    assert "Worth reading early" in said(app)
    assert "Nobody has read these studies yet" in said(app)
    assert "Worth a second reading" not in said(app)
    listed(installation)
    app = page()
    assert [one.value for one in app.subheader if "Worth" in one.value] == [
        "Worth a second reading",
        "Worth reading early",
    ]
    first, early = (table.value for table in app.dataframe[-2:])
    assert (list(first["readers"]), list(early["readers"])) == ([1], [0])


def test_a_reader_is_not_asked_about_their_own_reading(installation: Installation) -> None:
    listed(installation)
    assert "No study would teach more by a reading of yours." in said(page("Dr. B"))


def test_before_a_second_reading_no_reason_tells_what_the_first_reader_said(installation: Installation) -> None:
    listed(installation, state_of_reading=ReadingState.PRELIMINARY)
    assert list(page().dataframe[-1].value["why"]) == [second_reads.AFTER]


def test_before_a_blind_reading_nothing_tells_where_the_ai_is_unsure(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    listed(installation)
    assert not page().dataframe
