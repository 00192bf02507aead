"""From the counts of a record to alarms that name what changed, since when and from where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from drift_samples import MODEL, Department, drifted, fill

from triage.learning.drift import FALSE_ALARM_DAYS
from triage.learning.monitored import Watched, watched
from triage.learning.series import GROUPED, OTHERS, Measure
from triage.records import drift
from triage.records.drift import Alike
from triage.records.store import Store
from triage.reports.drift_words import sentence

LAST = date(2026, 6, 30)
CHANGE = LAST - timedelta(days=30)


def look(folder: Path, of: Callable[[date], Department], days: int = 110, model: str = MODEL) -> Watched:
    store = Store(f"sqlite:///{folder / 'triage.db'}")
    fill(store, days, of, last=LAST)
    alike = drift.alike(store.read, None, LAST)
    found = watched(drift.received(store.read), drift.read_by_day(store.read), alike, model, until=LAST)
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


def test_a_group_whose_agreement_fell_is_named(tmp_path: Path) -> None:
    """Agreement fell on one scanner only."""
    worse = replace(Department(), agrees_on=("GE Signa", 0.2))
    change = LAST - timedelta(days=50)
    seen = look(tmp_path, lambda day: worse if day >= change else Department(), days=250)
    found = [alarm for alarm in seen.alarms if alarm.measure in GROUPED]
    assert [(alarm.measure, alarm.label) for alarm in found] == [(Measure.BY_SCANNER, "GE Signa")]
    assert not found[0].shift.rise
    assert abs((found[0].shift.since - change).days) < 14
    said = sentence(found[0])
    assert said.startswith("Agreement of readers and AI on studies from GE Signa fell from 88% to 46% since")


def test_groups_that_fell_as_all_did_are_not_named_too(tmp_path: Path) -> None:
    worse = replace(Department(), agrees=0.45)
    seen = look(tmp_path, lambda day: worse if day >= CHANGE else Department(), days=230)
    assert Measure.AGREEMENT in {alarm.measure for alarm in seen.alarms}
    assert not [alarm for alarm in seen.alarms if alarm.measure in GROUPED]


def test_without_a_change_groups_rarely_alarm() -> None:
    """All charts together at most once a year on average, as docs/monitoring.md says; the groups overlap as they do."""
    rng, years, alarms = np.random.default_rng(5), 0.0, 0
    for _ in range(3):
        found = watched([], [], list(unchanged(rng, days=2 * 365)), MODEL, until=LAST)
        charts = [one for (measure, _), one in found.charts.items() if measure in GROUPED]
        assert len(charts) > 12
        years += max(len(one.days) for one in charts) / FALSE_ALARM_DAYS
        alarms += sum(len(one.shifts) for one in charts)
    assert years > 5
    assert alarms / years < 1, f"{alarms} alarms in {years:.0f} years of an installation"


def unchanged(rng: np.random.Generator, days: int, agrees: float = 0.9) -> Iterator[Alike]:
    """Give the readings of a department whose agreement never changes: ten studies a day, groups of all sizes."""
    ages = ("030Y", "050Y", "070Y")
    for day in (LAST - timedelta(days=at) for at in reversed(range(days))):
        for _ in range(10):
            reader, scanner = f"Dr. {rng.integers(5)}", f"scanner {min(rng.integers(6), 3)}"
            age, sequences = ages[rng.integers(3)], ("T1", "T2")[: 1 + rng.integers(2)]
            agreed = int(rng.random() < agrees)
            yield Alike(day, MODEL, reader, scanner, "FM"[rng.integers(2)], age, sequences, 1, agreed)


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
