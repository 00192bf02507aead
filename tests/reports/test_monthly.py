"""The monthly report: what it says, as PDF and HTML, and what it never says."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from drift_samples import MODEL, READERS, Department, drifted, fill
from hostile_text import MARKDOWN

from triage.insights import Estimate, share
from triage.learning.agreement import Group
from triage.learning.drift import Chart, Shift
from triage.learning.monitored import Alarm, Month, Watched
from triage.learning.series import OTHERS, Measure
from triage.pipeline.monitoring import Monitor
from triage.records.store import Store
from triage.reports import drift_words as words
from triage.reports.monthly import Content, as_html, content
from triage.reports.monthly_pdf import as_pdf

LAST = date(2026, 6, 30)
CHANGE = LAST - timedelta(days=29)
NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
NOTHING = Month(LAST.replace(day=1), LAST, Watched(LAST), Counter(), Counter())


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('record') / 'triage.db'}")
    fill(store, 110, drifted(CHANGE), last=LAST)
    yield Monitor(store, lambda: MODEL, blind=False).month(LAST.replace(day=1))
    store.engine.dispose()


def made(month: Month, *, named: bool = False) -> Content:
    return content(month, "two-look", NOW, None if named else lambda name: name[-3:].encode().hex())


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


def test_it_says_what_alarms_and_counts_the_month(month: Month) -> None:
    said = made(month)
    assert said.title == "Monitoring report, June 2026"
    assert said.alarmed
    assert said.alarms[0].startswith("Share of studies unlike the training data rose from ")
    assert said.alarms[0].endswith("mostly from Canon Vantage.")
    numbers = {row[0]: row[1:] for row in said.numbers.rows}
    assert numbers["Studies that arrived"] == (str(month.counts["studies"]), str(month.before["studies"]))
    assert 100 < month.counts["studies"] < 260
    assert re.fullmatch(r"\d+% \(\d+% to \d+%\)", numbers["Reader and AI agree"][0])


def test_readers_have_pseudonyms_unless_the_site_names_them(month: Month) -> None:
    for named in (False, True):
        page = as_html(made(month, named=named)).decode()
        assert [name in page for name in READERS] == [named] * 3


def test_a_group_whose_agreement_fell_is_in_both_forms_and_names_no_reader(month: Month) -> None:
    chart = replace(next(iter(month.watched.charts.values())), baseline=Estimate(0.92, 0.9, 0.94))
    shift = Shift(CHANGE, LAST, None, rise=False, value=Estimate(0.7, 0.6, 0.8), studies=90)
    alarm = Alarm(Measure.BY_READER, READERS[0], chart, shift)
    fell = replace(month, watched=replace(month.watched, alarms=[alarm]))
    said = made(fell)
    code = READERS[0][-3:].encode().hex()
    assert said.alarms == [f"Agreement of reader {code} and AI fell from 92% to 70% since Jun 1, 2026."]
    assert said.alarms[0] in as_html(said).decode()
    assert pages(as_pdf(said)) in (1, 2)
    assert READERS[0] in made(fell, named=True).alarms[0]


def test_the_html_loads_nothing_and_the_pdf_has_two_pages(month: Month) -> None:
    said = made(month)
    page = as_html(said).decode()
    assert re.findall(r"(?:src|href)=\"(?!data:)", page) == []
    assert "<script" not in page
    (drawn,) = re.findall(r'base64,([^"]+)"', page)
    assert base64.b64decode(drawn).rstrip().endswith(b"</svg>")
    assert page.count("Research use only") >= 2
    pdf = as_pdf(said)
    assert pdf.startswith(b"%PDF")
    assert pages(pdf) == 2


def test_an_empty_month_says_so() -> None:
    said = made(NOTHING)
    assert not said.alarmed
    assert said.alarms == ["No study has arrived since the baseline begins."]
    assert pages(as_pdf(said)) == 2


def test_without_a_baseline_or_an_alarm_it_says_why(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    fill(store, 100, lambda _: Department(), last=LAST)
    monitor = Monitor(store, lambda: MODEL, blind=False)
    assert re.fullmatch(r"None of \d+ charts is off its baseline\.", made(monitor.month(date(2026, 6, 1))).alarms[0])
    assert "no baseline is complete" in made(monitor.month(date(2026, 3, 1))).alarms[0]
    store.engine.dispose()


@pytest.mark.parametrize("text", [MARKDOWN[2], MARKDOWN[13], MARKDOWN[24], "<script>alert(1)</script>\n\0"])
def test_names_of_files_and_persons_are_text(text: str) -> None:
    chart = Chart(LAST, LAST, Estimate(0.1, 0.1, 0.1), 200, (0, 0))
    shift = Shift(LAST, LAST, None, True, Estimate(0.4, 0.3, 0.5), 50)
    alarms = [Alarm(Measure.SCANNER, text, chart, shift), Alarm(Measure.UNLIKE, "", chart, shift, text, 2)]
    groups = {by: [Group(text, share(3, 4), 1.0)] for by in ("reader", "scanner", "sex")}
    seen = Watched(LAST, alarms=alarms, agreement=groups)
    said = made(replace(NOTHING, watched=seen), named=True)
    assert "\n" not in "".join(said.alarms)
    page = as_html(said).decode()
    assert "<script" not in page.lower()
    assert "<img src=x" not in page.lower()
    assert pages(as_pdf(said)) == 2


def test_every_measure_and_value_has_words() -> None:
    labels = {Measure.CLASS: "glioma", Measure.BAND: "STAT", Measure.SCANNER: OTHERS, Measure.SEQUENCE: "T1"}
    for measure in Measure:
        name = words.about((measure, labels.get(measure, "axial" if measure is Measure.PLANE else "")))
        assert "{" not in name
        assert words.EXPLAINED[measure]
        assert words.REMEDY[measure]
    assert words.value(Measure.UNLIKE, 0.004) == "0.4%"
    assert words.value(Measure.CALIBRATION, 0.031) == "+3.1 points"
    assert words.value(Measure.BRIGHTNESS, 91.26) == "91.3"
    assert words.value(Measure.UNLIKE, float("nan")) == words.NONE_YET
    assert words.missing(Chart(None, None, Estimate(0, 0, 0), 0, (5, 3))) == "5 more studies and 3 more days"
    assert words.missing(Chart(None, None, Estimate(0, 0, 0), 0, (0, 3))) == "3 more days"
    assert words.scanner("") == "a scanner that is not stated"
    assert words.group("sex", "F") == "female"
    assert words.group("age", "40-64") == "40–64"
