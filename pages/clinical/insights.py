"""Insights: the queue, the times, what the reading order bought, and how readers and AI agree."""

from datetime import timedelta

import streamlit as st

from triage import insights
from triage.domain import Band
from triage.errors import TriageError
from triage.records.insights import cases
from triage.text import markdown
from triage.ui import charts, state
from triage.ui import insights as shown

PERIODS = {"7 days": timedelta(days=7), "30 days": timedelta(days=30), "A year": timedelta(days=365), "All": None}
QUIET = {"displayModeBar": False}
#: Moments at which the queue is counted.
MOMENTS = 200

installation = state.installation()
title, period = st.columns([3, 2], vertical_alignment="bottom")
title.title("Insights")
name = period.segmented_control(
    "Studies that arrived within", list(PERIODS), default="30 days", required=True, key="f_period"
)
now = state.now()
length = PERIODS[name]
try:
    found = cases(installation.store.read, now - length if length else None)
    summary = installation.queue.summary()
except TriageError as error:
    st.error(markdown(str(error)), icon=":material/error:")
    st.stop()
if not found:
    st.info(
        "No study arrived in this period. Choose a longer one, or send studies by **Upload** or over DICOMweb; "
        "`python -m triage demo` makes phantoms to look at.",
        icon=":material/monitoring:",
    )
    st.stop()

st.header("The queue now")
columns = st.columns([1, 1, 1, 1.4, 6], vertical_alignment="center")
for column, band in zip(columns, Band, strict=False):
    column.metric(band, f"{summary.counts[band]:,}", help=f"Studies of band {band} that wait for a reading, of any age")
columns[3].metric(
    "Not analysable",
    f"{summary.not_analysable:,}",
    help="Of these, the studies that the AI could not judge. They stay in the queue for a reader.",
)
strip = charts.queue_strip(summary.histogram, installation.runtime.points)
columns[4].plotly_chart(strip, key="queue_strip", config=QUIET)

st.header("The queue over time", help="Studies of this period that had arrived and were not signed yet.")
begin = found[0].arrived
moments = [begin + (now - begin) * step / MOMENTS for step in range(MOMENTS + 1)]
queue = shown.over_time(insights.waiting_over_time(found, moments), moments)
st.plotly_chart(queue, key="queue_over_time", config=QUIET)

st.header("Times by band", help="Of the band that a study has now. Hover over a heading for what it counts.")
st.dataframe(shown.times(found), hide_index=True, column_config=shown.TIME_COLUMNS)

st.header(
    "What the order bought",
    help="The same arrivals and the same moments of reading, once in the order in which they were read, once first in, "
    "first out. What a glioma wins, other studies pay.",
)
bought = insights.bought(found)
if bought.gliomas:
    won, cost, chart = st.columns([1.2, 1.2, 4], vertical_alignment="center")
    won.metric(
        "Earlier, a glioma",
        shown.minutes(bought.won.value),
        help=f"Mean of the {bought.gliomas:,} studies that readers called glioma; 95 % interval (bootstrap): "
        f"{shown.between(bought.won)}",
    )
    cost.metric(
        "Later, another study",
        shown.minutes(bought.cost.value),
        help=f"Mean of the {bought.others:,} other studies that were read; 95 % interval (bootstrap): "
        f"{shown.between(bought.cost)}",
    )
    chart.plotly_chart(shown.waits(bought), key="waits", config=QUIET)
else:
    st.caption("No study of this period was signed as glioma yet. Sign readings on the page **Review**.")

st.header("Reader and AI", help="Studies whose last reading answers an AI result with one of the four classes.")
agreed = insights.agreement(found)
if not agreed.count:
    st.caption("No study of this period was read with an AI result yet. Open one from the **Worklist** and sign it.")
    st.stop()
counts = insights.confusion(found)
figures, heat, table = st.columns([1.2, 2.4, 2.4], vertical_alignment="center")
figures.metric(
    "Agreement",
    f"{agreed.value:.0%}",
    help=f"Reader and AI name the same class in {agreed.part:,} of {agreed.count:,} studies; 95 % interval (Wilson): "
    f"{agreed.low:.0%} to {agreed.high:.0%}",
)
figures.metric(
    "Kappa",
    shown.estimate(insights.kappa(counts)).split(" ")[0],
    help="Cohen's kappa: agreement beyond chance, 1 is perfect, 0 is chance; with its 95 % interval (bootstrap): "
    f"{shown.estimate(insights.kappa(counts))}",
)
figures.metric("Overridden", f"{agreed.count - agreed.part:,}", help="Studies in which the reader named another class")
heat.plotly_chart(shown.matrix(counts), key="matrix", config=QUIET)
table.dataframe(shown.classes(counts), hide_index=True, column_config=shown.CLASS_COLUMNS)

tabs = st.tabs(["By scanner", "By sequence", "By reader", "Reasons of overrides"])
for tab, by in zip(tabs, (lambda one: one.scanner, lambda one: one.sequence, lambda one: one.reader), strict=False):
    tab.dataframe(shown.groups(insights.groups(found, by)), hide_index=True, column_config=shown.GROUP_COLUMNS)
reasons = insights.reasons(found)
if reasons:
    tabs[3].dataframe([{"Reason": reason, "n": count} for reason, count in reasons.items()], hide_index=True)
else:
    tabs[3].caption("No reading of this period overrides the AI.")
