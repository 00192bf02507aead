"""Tables and sentences of the page Monitoring, and what administrators see elsewhere while a chart alarms.

Tested in tests/pages/test_monitoring.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from triage.errors import TriageError
from triage.languages.speech import day, day_pattern, field_pattern, later, number, retold, t
from triage.learning.agreement import Group
from triage.learning.drift import Chart
from triage.learning.monitored import LATELY, Alarm, Watched
from triage.learning.series import Measure
from triage.pipeline.acting import MAX_NOTE
from triage.pipeline.installation import Installation
from triage.reports import drift_words as words
from triage.text import markdown, table_cell
from triage.ui import state
from triage.ui.insights import MOST_GROUPS, part

#: Months whose report can be made on the page.
MONTHS = 24
#: Measures of several charts each, and what their figure is called.
MIXES = {
    Measure.CLASS: later("Class"),
    Measure.BAND: later("Band"),
    Measure.SCANNER: later("Scanner"),
    Measure.SEQUENCE: later("Sequence"),
    Measure.PLANE: later("Plane"),
}
UNRECORDED = later("No picture was measured yet. Studies that arrive from now on are.")
UNREAD = later(
    "No study was settled yet whose reading answers the model that serves. Open one from the **Worklist** and sign it."
)
#: Why a chart is not there.
NOTHING = {
    Measure.UNLIKE: UNRECORDED,
    Measure.BRIGHTNESS: UNRECORDED,
    Measure.CONTRAST: UNRECORDED,
    Measure.AGREEMENT: UNREAD,
    Measure.CALIBRATION: UNREAD,
    Measure.FOUND: later("No settled study was called glioma yet."),
    Measure.REFUSED: later("No study was judged yet."),
}


def link(installation: Installation) -> None:
    """Draw in the sidebar how many charts alarm; nothing if none does."""
    seen = installation.monitor.last()
    if seen is not None and seen.alarms:
        said = t("Drift: {count} alarm(s)", count=len(seen.alarms))
        st.page_link(state.MONITORING, label=f":orange[{said}]", icon=":material/trending_up:")


def warn(installation: Installation) -> None:
    """Draw on the page of the model what alarms, the most important in words; nothing if nothing does."""
    seen = installation.monitor.last()
    if seen is None or not seen.alarms:
        return
    first, *others = seen.alarms
    said = f"**{t('Drift.')}** {markdown(words.sentence(first))}"
    if others:
        said += " " + t("{count} more alarm(s) on the page **Monitoring**.", count=len(others))
    st.warning(said, icon=":material/trending_up:")


def alarms(seen: Watched) -> None:
    """Draw what the charts found, or why they cannot find anything."""
    for one in seen.alarms:
        st.error(f"**{markdown(words.sentence(one))}** {t(words.REMEDY[one.measure])}", icon=":material/trending_up:")
    learning = {name: chart for name, chart in seen.charts.items() if not chart.is_ready}
    ready = len(seen.charts) - len(learning)
    if ready and not seen.alarms:
        said = t("No alarm: {count} charts look for a change, and none is off its baseline.", count=ready)
        st.success(said, icon=":material/check_circle:")
    if learning:
        most = max(learning.values(), key=lambda chart: chart.missing)
        lacks = words.missing(most)
        said = t(
            "{count} charts have no baseline yet and cannot alarm. The last of them lacks {lacks}; it grows by itself.",
            count=len(learning),
            lacks=lacks,
        )
        st.info(said, icon=":material/hourglass_top:")
    if seen.unrecorded:
        st.caption(
            t(
                "Of {count} older results it is not known how their pictures looked to the network: they were filed "
                "by an earlier version.",
                count=seen.unrecorded,
            )
        )


def groups(by: str, found: Sequence[Group]) -> pd.DataFrame:
    """Return the agreement of groups of readings."""
    some = found[:MOST_GROUPS]
    return pd.DataFrame(
        {
            t("Group"): [table_cell(words.group(by, one.name)) for one in some],
            t("Agreement"): [part(one.agreed) for one in some],
            "n": [one.agreed.count for one in some],
            t("Beside the others"): [t("differs") if one.stands_out else words.NONE_YET for one in some],
        }
    )


def past(found: Sequence[Alarm]) -> pd.DataFrame:
    """Return the changes that are over."""
    return pd.DataFrame(
        {
            t("What"): [words.about((one.measure, one.label)) for one in found],
            t("Before"): [words.value(one.measure, one.chart.baseline.value) for one in found],
            t("Then"): [words.interval(one.measure, one.shift.value) for one in found],
            t("From"): [one.shift.since for one in found],
            t("Until"): [one.shift.ended for one in found],
        }
    )


def past_columns() -> dict[str, Any]:
    """Return the configuration of the columns of `past`."""
    return {name: st.column_config.DateColumn(format=day_pattern()) for name in (t("From"), t("Until"))}


def mix(measure: Measure, seen: Watched) -> str:
    """Return how far a mix is from that of its baseline, in a sentence; "" if it cannot be told."""
    index, usual = seen.mixes.get(measure, (float("nan"), float("nan")))
    if math.isnan(index):  # no baseline, or nothing since
        return ""
    return t(
        "Stability index of the last {days} days: {index}; without a change below {usual}.",
        days=LATELY.days,
        index=number(index, 2),
        usual=number(usual, 2),
    )


def baseline(measure: Measure, chart: Chart) -> str:
    """Return the baseline of a chart in a sentence, or what it lacks."""
    known = words.interval(measure, chart.baseline)
    if lacks := words.missing(chart):
        return t("So far {value}; for its baseline it lacks {lacks}.", value=known, lacks=lacks)
    return t("Baseline {value}: {count} studies to {last}.", value=known, count=chart.studies, last=day(chart.last))


def offer_report(today: date) -> None:
    """Draw what makes the report of a month, and the report once it is made."""
    st.header(
        t("Monthly report"),
        help=t("One to two pages: alarms, numbers, charts and agreement. It names no patient and no study."),
    )
    with st.form("month", border=False):
        month, named = st.columns(2, vertical_alignment="bottom")
        first = month.selectbox(t("Month"), _months(today), format_func=words.month)
        names = named.checkbox(t("Name the readers"), help=t("Otherwise each has a pseudonym, the same every month."))
        made = st.form_submit_button(t("Make the report"), icon=":material/description:")
    if made:
        try:
            with st.spinner(t("Writing the report …")):
                st.session_state.monthly = first, *state.acting().export_month(first, named=names)
        except TriageError as error:
            st.error(markdown(retold(str(error))), icon=":material/error:")
            return
    if "monthly" in st.session_state:
        first, pdf, page = st.session_state.monthly
        file = f"monitoring-{first:%Y-%m}"
        with st.container(horizontal=True):
            for said, data, kind in (("PDF", pdf, "application/pdf"), ("HTML", page, "text/html")):
                st.download_button(
                    f"{said}, {words.month(first)}",
                    data,
                    file_name=f"{file}.{said.lower()}",
                    mime=kind,
                    icon=":material/download:",
                    on_click="ignore",
                )


def ask_baseline(today: date) -> None:
    """Draw what begins a new baseline."""
    with st.popover(t("Begin a new baseline"), icon=":material/restart_alt:"), st.form("baseline", border=False):
        begin = st.date_input(t("From this day on"), today, max_value=today, format=field_pattern())
        reason = st.text_input(t("Why"), max_chars=MAX_NOTE, placeholder=t("such as: new scanner in room 2"))
        if st.form_submit_button(t("Begin"), type="primary"):
            try:
                state.acting().begin_baseline(begin, reason)
            except TriageError as error:
                st.error(markdown(retold(str(error))), icon=":material/error:")
            else:
                st.rerun()


def _months(today: date) -> list[date]:
    """Return the first days of the last months, the latest first."""
    found = [today.replace(day=1)]
    while len(found) < MONTHS:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found
