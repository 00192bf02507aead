"""The page Insights by AppTest: what it says of nothing, of studies that wait, and of readings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from record_samples import add, reading, result
from streamlit.testing.v1 import AppTest

from triage.domain import Band, Finding, ReadingState
from triage.insights import Estimate
from triage.pipeline.installation import Installation
from triage.settings import ROOT
from triage.ui import insights, state


def page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "triage" / "ui" / "main.py"), default_timeout=60)
    app.session_state["reader"] = "Dr. Ada"
    app.run().switch_page(str(state.INSIGHTS)).run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (app.info, app.caption, app.header) for element in kind)


def test_an_empty_record_says_what_to_do(installation: Installation) -> None:
    text = said(page())
    assert all(word in text for word in ("Upload", "DICOMweb", "demo"))


def test_studies_that_wait_are_counted_and_readings_asked_for(installation: Installation) -> None:
    installation.store.results.file(add(installation.store, 1), result())
    app = page()
    assert {metric.label: metric.value for metric in app.metric}["STAT"] == "1"
    assert "Sign readings" in said(app)
    assert "was read with an AI result yet" in said(app)
    table = app.dataframe[0].value
    assert table.iloc[0].to_dict() | {"median": "", "p90": ""} == {
        "time": "Time to notification",
        "counted": "From arrival until the study is ranked",
        "band": "STAT",
        "median": "",
        "p90": "",
        "n": 1,
    }
    assert list(table["median"][table["time"] == "Turnaround"]) == [insights.NONE_YET] * 3


def test_readings_are_held_against_the_ai(installation: Installation) -> None:
    store = installation.store
    for number in range(1, 5):
        study = add(store, number)
        store.results.file(study, result(numbers=(number,)))
        store.readings.note_opened(study, reader="Dr. A")
        signed = reading(Finding.GLIOMA if number < 4 else Finding.PITUITARY)
        store.readings.sign(study, replace(signed, signed_at=state.now()), seen=0)
    app = page()
    figures = {metric.label: metric.value for metric in app.metric}
    assert (figures["Agreement (n = 4)"], figures["Overridden"]) == ("75%", "1")
    assert figures["Gliomas were read (n = 3)"] == "too few (n = 3)"
    assert figures["Other studies were read (n = 1)"] == "too few (n = 1)"
    assert figures["Kappa"] == "too few (n = 4)", "four studies say nothing beyond chance"
    assert all(metric.help for metric in app.metric), "every number says what it is"
    groups = [table.value for table in app.dataframe if "group" in table.value]
    assert [list(table["n"]) for table in groups] == [[4], [4], [4]]
    reasons = next(table.value for table in app.dataframe if "reason" in table.value)
    assert reasons.to_dict("records") == [{"reason": "wrong class", "n": 1}]


def test_before_a_blind_reading_nothing_tells_of_the_ai(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def charts(app: AppTest) -> list[str]:
        return [one.proto.id for one in app.get("plotly_chart") if "queue_strip" in one.proto.id]

    installation.store.results.file(add(installation.store, 1), result())
    assert charts(page())
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    app = page()
    assert not charts(app)
    assert "Before a blind reading nothing is shown here" in said(app)


def test_before_a_blind_reading_no_figure_tells_the_band_of_a_study_that_is_not_settled(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(app: AppTest) -> tuple[dict[str, str], int]:
        figures = {metric.label: str(metric.value) for metric in app.metric}
        return {name: figures[name] for name in ("All", "Not analysable")}, sum(app.dataframe[0].value["n"])

    store = installation.store
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    study = add(store, 1)
    store.results.file(study, result())
    store.readings.note_opened(study, reader="Dr. Ada")
    store.readings.sign(study, replace(reading(), state=ReadingState.PRELIMINARY, signed_at=state.now()), seen=0)
    app = page()
    assert told(app) == ({"All": "1", "Not analysable": "0"}, 0)
    sent = [one.proto.spec for one in app.get("plotly_chart")]
    assert sent
    assert not [band for band in Band for spec in sent if band in spec]
    store.readings.sign(study, replace(reading(reader="Dr. B"), signed_at=state.now()), seen=1)
    assert told(page()) == ({"All": "0", "Not analysable": "0"}, 3)


def test_a_study_that_waits_for_another_reader_is_in_no_figure(installation: Installation) -> None:
    study = add(installation.store, 1)
    installation.store.results.file(study, result())
    first = replace(reading(), state=ReadingState.PRELIMINARY, signed_at=state.now())
    installation.store.readings.sign(study, first, seen=0)
    app = page()
    assert not any("Agreement" in metric.label for metric in app.metric)
    assert "No study of this period was signed as glioma yet" in said(app)
    assert "settled studies" in said(app)


def test_minutes_are_said_in_words() -> None:
    assert [insights.minutes(value) for value in (0.5, 59.6, 700, -90, float("nan"))] == [
        "30 s",
        "60 min",
        "11.7 h",
        "-90 min",
        "–",
    ]


def test_earlier_and_later_are_words_and_no_sign() -> None:
    assert [insights.earlier_or_later(value) for value in (4, -4.2, 0.001, float("nan"))] == [
        "4 min earlier",
        "4 min later",
        "no difference",
        "–",
    ]
    few, enough = Estimate(3, 3, 3), Estimate(-4, -9, 2)
    assert insights.mean_change(few, 9) == "too few (n = 9)"
    assert insights.change_between(few, 9) == "The mean is told from 10 studies."
    assert insights.mean_change(enough, 10) == "4 min later"
    assert insights.change_between(enough, 10) == "95 % interval (bootstrap): 9 min later to 2 min earlier."


def test_kappa_is_told_from_ten_studies_and_of_perfect_agreement_is_not_certain() -> None:
    assert insights.kappa(np.diag([1, 0, 0, 0]), 1) == "too few (n = 1)"
    assert insights.kappa(np.diag([0, 0, 0, 0]), 0) == "–"
    assert insights.kappa(np.diag([5, 5, 0, 0]), 10) == "1.00 (0.44 to 1.00)"
