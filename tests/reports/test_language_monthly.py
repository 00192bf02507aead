"""The monthly report in German."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

from triage.insights import Estimate
from triage.languages.speech import speaking
from triage.learning.drift import Chart, Shift
from triage.learning.monitored import Alarm, Month, Watched
from triage.learning.series import Measure
from triage.reports.monthly import as_html, content

DAY = date(2026, 10, 31)


def test_it_speaks_german() -> None:
    chart = Chart(DAY, DAY, Estimate(0.04, 0.03, 0.05), 200, (0, 0))
    shift = Shift(date(2026, 10, 3), DAY, None, True, Estimate(0.19, 0.15, 0.24), 50)
    seen = Watched(DAY, alarms=[Alarm(Measure.UNLIKE, "", chart, shift, "GE Signa", 1)])
    with speaking("de_DE"):
        said = content(Month(DAY.replace(day=1), DAY, seen, Counter(), Counter()), "m", datetime.now(UTC), None)
        page = as_html(said).decode()
    assert said.title == "Überwachungsbericht, Oktober 2026"
    assert said.alarms[0].startswith("Anteil der Untersuchungen unähnlich den Trainingsdaten: seit 03.10.2026 von 4")
    assert "meist von GE Signa" in said.alarms[0]
    assert '<html lang="de-DE">' in page
