from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from drift_samples import MODEL, Department, fill

from triage.errors import ModelError
from triage.pipeline import monitoring
from triage.pipeline.monitoring import Monitor
from triage.records.store import Store

LAST = datetime.now(UTC).date()


def test_the_baseline_begins_anew_where_an_administrator_says(store: Store) -> None:
    fill(store, 40, lambda _: Department(), last=LAST)
    monitor = Monitor(store, lambda: MODEL, blind=False)
    assert monitor.last() is None
    assert monitor.begin() is None
    whole = monitor.now()
    assert monitor.last() is whole
    day = LAST - timedelta(days=9)
    monitor.begin_anew(day)
    assert Monitor(store, lambda: MODEL, blind=False).begin() == day, "it is on the record"
    assert monitor.now().studies < whole.studies
    assert all(chart.first >= day for chart in monitor.now().charts.values() if chart.first)
    monitor.begin_anew(None)
    assert monitor.now() == whole


def test_a_month_is_counted_with_the_one_before_it(store: Store) -> None:
    fill(store, 62, lambda _: Department(per_day=3), last=date(2026, 1, 31))
    month = Monitor(store, lambda: MODEL, blind=False).month(date(2026, 1, 1))
    assert (month.first, month.last) == (date(2026, 1, 1), date(2026, 1, 31))
    assert month.counts["studies"] + month.before["studies"] == month.watched.studies
    assert month.counts["read"] > 0 < month.before["read"]


def test_it_looks_in_the_background_and_outlives_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Semaphore(0)

    def model() -> str:
        looked.release()
        if monitor.failed:  # type: ignore[attr-defined]
            monitor.failed = False  # type: ignore[attr-defined]
            raise ModelError("No model.")
        return MODEL

    monkeypatch.setattr(monitoring, "FIRST", 0.01)
    monkeypatch.setattr(monitoring, "EVERY", 0.01)
    monitor = Monitor(store, model, blind=False)
    monitor.failed = True  # type: ignore[attr-defined]
    monitor.start()
    monitor.start()
    for _ in range(3):
        assert looked.acquire(timeout=60)
    monitor.close()
    assert monitor.last() is not None
