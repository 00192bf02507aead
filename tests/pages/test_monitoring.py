"""The page Monitoring by AppTest: nothing, too little, no change, an alarm; the report, and a new baseline."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from drift_samples import Department, drifted, fill
from streamlit.testing.v1 import AppTest

from triage.pipeline.installation import Installation
from triage.records.audit import Event
from triage.records.trail import TrailFilter
from triage.settings import ROOT
from triage.ui import drift_charts, monitoring, state

TODAY = datetime.now(UTC).date()


def department(installation: Installation) -> Department:
    return Department(model=installation.runtime.card.sha256)


def page(path: Path = state.MONITORING) -> AppTest:
    app = AppTest.from_file(str(ROOT / "triage" / "ui" / "main.py"), default_timeout=120)
    app.session_state["reader"] = "Dr. Ada"
    app.run().switch_page(str(path)).run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    kinds = (app.info, app.caption, app.header, app.error, app.success, app.warning, app.markdown)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception
    return app


def test_an_empty_record_says_what_to_do(installation: Installation) -> None:
    text = said(page())
    assert all(word in text for word in ("Upload", "DICOMweb", "200", "four weeks"))
    assert "Monthly report" in text


def test_too_few_studies_say_how_many_are_missing(installation: Installation) -> None:
    fill(installation.store, 10, lambda _: department(installation))
    app = page()
    text = said(app)
    assert "have no baseline yet" in text
    assert "18 more days" in text
    assert not app.error
    assert not app.success


@pytest.mark.parametrize("days", [3, 40])
def test_an_axis_names_each_week_once(installation: Installation, days: int) -> None:
    """By itself an axis of one week repeats its day, for every hour that it marks."""
    fill(installation.store, days, lambda _: department(installation))
    axis = json.loads(page().get("plotly_chart")[0].proto.spec)["layout"]["xaxis"]
    marks = axis["tickvals"]
    assert 1 <= len(marks) == len(set(marks)) <= drift_charts.MARKS
    assert axis["title"]["text"] == "week of"


def test_a_mix_of_one_week_is_seen(installation: Installation) -> None:
    """A line needs two weeks; a point does not."""
    fill(installation.store, 3, lambda _: department(installation))
    seen = installation.monitor.now()
    for measure in monitoring.MIXES:
        drawn = drift_charts.mixture(measure, seen, None).data
        assert {one.mode for one in drawn} == {"lines+markers"}


def test_results_of_an_earlier_version_are_counted_as_such(installation: Installation) -> None:
    fill(installation.store, 3, lambda _: Department(model="c" * 64))
    text = said(page())
    assert "No picture was measured yet" in text
    assert "whose reading answers the model that serves" in text


def test_without_a_change_the_page_says_so(installation: Installation) -> None:
    fill(installation.store, 80, lambda _: department(installation))
    app = page()
    assert not app.error
    (good,) = app.success
    assert "No alarm" in good.value
    assert "Baseline" in said(app)
    assert len(app.get("plotly_chart")) >= 13
    groups = [table.value for table in app.dataframe if "Group" in table.value]
    assert [len(one) for one in groups] == [3, 3, 3, 2, 3]


def test_an_alarm_comes_first_and_is_seen_elsewhere(installation: Installation) -> None:
    usual = department(installation)
    fill(installation.store, 110, drifted(TODAY - timedelta(days=30), usual))
    app = page()
    first = app.error[0].value
    assert "Share of studies unlike the training data rose from" in first
    assert "mostly from Canon Vantage" in first
    assert "Look at some of these studies" in first
    other = page(state.MODELS)
    assert any("unlike the training data" in warning.value for warning in other.warning)
    (link,) = page(state.INSIGHTS).sidebar.get("page_link")
    assert "alarm(s)" in link.proto.label
    every = next(box for box in app.selectbox if box.label == "Chart")
    for name in every.options[:3]:
        every.set_value(name)
    app.segmented_control[0].set_value("All").run()
    assert not app.exception


def test_a_report_is_made_and_audited(installation: Installation) -> None:
    fill(installation.store, 40, lambda _: department(installation))
    app = press(page(), "Make the report")
    kept = app.session_state["monthly"]
    assert kept[0] == TODAY.replace(day=1)
    assert kept[1].startswith(b"%PDF")
    assert b"Dr. Eva" not in kept[2]
    (row,) = installation.store.trail.page(TrailFilter(events=(Event.EXPORTED,)), 5)
    assert (row.actor, row.detail) == ("Dr. Ada", f"monitoring report of {TODAY:%Y-%m}, readers by pseudonym")


def test_a_new_baseline_needs_a_reason_and_is_audited(installation: Installation) -> None:
    fill(installation.store, 30, lambda _: department(installation))
    app = page()
    assert "needs a reason" in said(press(app, "Begin"))
    assert installation.monitor.begin() is None
    app.date_input[0].set_value(TODAY - timedelta(days=3))
    next(field for field in app.text_input if field.label == "Why").set_value("new scanner")
    press(app, "Begin")
    assert installation.monitor.begin() == TODAY - timedelta(days=3)
    (row,) = installation.store.trail.page(TrailFilter(events=(Event.SETTINGS,)), 5)
    assert row.detail.endswith("on: new scanner")


def test_every_chart_can_be_drawn(installation: Installation) -> None:
    usual = department(installation)
    fill(installation.store, 80, drifted(TODAY - timedelta(days=20), usual))
    seen = installation.monitor.now()
    for name, chart in seen.charts.items():
        assert drift_charts.weeks(name, chart, None).data
        assert drift_charts.sums(chart, TODAY - timedelta(days=30)).data
    for measure in monitoring.MIXES:
        assert drift_charts.mixture(measure, seen, None).data
        monitoring.mix(measure, seen)
    assert drift_charts.reliability(seen.reliability).data
    assert list(monitoring.past(seen.alarms)["What"])
    assert monitoring.past_columns()
