"""From the counts of a record to alarms that name what changed, since when and from where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from drift_samples import MODEL, Department, drifted, fill

from triage.learning.monitored import LATELY, Watched, watched
from triage.learning.series import OTHERS, Measure
from triage.records import drift
from triage.records.store import Store

LAST = date(2026, 6, 30)
CHANGE = LAST - timedelta(days=30)


def look(folder: Path, of: Callable[[date], Department], days: int = 110, model: str = MODEL) -> Watched:
    store = Store(f"sqlite:///{folder / 'triage.db'}")
    fill(store, days, of, last=LAST)
    late = drift.alike(store.read, LAST - LATELY, LAST)
    found = watched(drift.received(store.read), drift.read_by_day(store.read), late, model, until=LAST)
    store.engine.dispose()
    return found


def test_a_new_scanner_unlike_the_others_is_named(tmp_path: Path) -> None:
    seen = look(tmp_path, drifted(CHANGE))
    found = {alarm.measure: alarm for alarm in seen.alarms}
    unlike = found[Measure.UNLIKE]
    assert unlike.mostly == "Canon Vantage"
    assert abs((unlike.shift.since - CHANGE).days) < 14
    assert unlike.chart.baseline.value < 0.1 < unlike.shift.value.value
    assert found[Measure.SCANNER].label == OTHERS
    assert found[Measure.BRIGHTNESS].shift.rise
    assert list(found) == [measure for measure in Measure if measure in found], "what matters most comes first"
    index, usual = seen.mixes[Measure.SCANNER]
    assert index > usual


def test_without_a_change_nothing_alarms(tmp_path: Path) -> None:
    seen = look(tmp_path, lambda _: Department())
    assert not seen.alarms
    assert not seen.past
    assert all(chart.is_ready for (measure, _), chart in seen.charts.items() if measure is not Measure.FOUND)
    assert set(seen.agreement) == {"reader", "scanner", "sequence", "sex", "age"}
    assert seen.unrecorded == 0


def test_readings_that_disagree_with_the_ai_alarm(tmp_path: Path) -> None:
    worse = replace(Department(), agrees=0.45)
    seen = look(tmp_path, lambda day: worse if day >= CHANGE else Department())
    (first, *_) = seen.alarms
    assert first.measure is Measure.AGREEMENT
    assert not first.shift.rise
    assert first.mostly is None, "all scanners alike"


def test_another_model_begins_a_baseline_of_its_own(tmp_path: Path) -> None:
    """What it says is not held against what the one before said; what came in still is."""
    new = Department(model="b" * 64, unlike=0.5)
    seen = look(tmp_path, lambda day: new if day >= CHANGE else Department(), model="b" * 64)
    assert seen.charts[Measure.UNLIKE, ""].first >= CHANGE  # type: ignore[operator]
    assert seen.charts[Measure.REFUSED, ""].first < CHANGE  # type: ignore[operator]
    assert Measure.UNLIKE not in {alarm.measure for alarm in seen.alarms}


def test_nothing_is_watched_of_an_empty_record() -> None:
    seen = watched([], [], [], MODEL, until=LAST)
    assert (seen.charts, list(seen.alarms), seen.studies) == ({}, [], 0)
    assert not any(seen.agreement.values())


@pytest.mark.parametrize("days", [1, 20])
def test_before_the_baseline_nothing_alarms(tmp_path: Path, days: int) -> None:
    seen = look(tmp_path, lambda _: Department(unlike=0.9), days=days)
    assert seen.charts
    assert not any(chart.is_ready for chart in seen.charts.values())
    assert not seen.alarms
