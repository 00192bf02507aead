"""Insights: the queue, the times, what the reading order bought, and how readers and AI agree."""

from dataclasses import replace
from datetime import timedelta

import streamlit as st

from triage import insights
from triage.access.roles import Right
from triage.errors import TriageError
from triage.languages.speech import later, number, percent, retold, t
from triage.records.insights import cases
from triage.text import markdown
from triage.ui import charts, state
from triage.ui import insights as shown

MONTH = later("30 days")
PERIODS = {
    later("7 days"): timedelta(days=7),
    MONTH: timedelta(days=30),
    later("A year"): timedelta(days=365),
    later("All"): None,
}
QUIET = {"displayModeBar": False}
#: Moments at which the queue is counted.
MOMENTS = 200

state.require(Right.INSIGHTS)
installation = state.installation()
title, period = st.columns([3, 2], vertical_alignment="bottom")
title.title(t("Insights"))
name = period.segmented_control(
    t("Studies that arrived within"), list(PERIODS), default=MONTH, format_func=t, required=True, key="f_period"
)
now = state.now()
length = PERIODS[name]
try:
    found = cases(installation.store.read, now - length if length else None)
    summary = installation.queue.summary()
except TriageError as error:
    st.error(markdown(retold(str(error))), icon=":material/error:")
    st.stop()
if not found:
    st.info(
        t(
            "No study arrived in this period. Choose a longer one, or send studies by **Upload** or over DICOMweb; "
            "`python -m triage demo` makes phantoms to look at."
        ),
        icon=":material/monitoring:",
    )
    st.stop()

# Before a blind reading no figure tells the band of a study: whoever opens or signs one could see which changes.
blind = installation.settings.blind_first_read
settled = t("Counted are settled studies: read, and waiting for no second reader and no arbitration.")
st.header(t("The queue now"))
shown.queue_now(summary, blind=blind)
if blind:
    st.caption(t("Before a blind reading nothing is shown here of what the AI found in studies that wait."))
else:
    card = installation.runtime.card
    strip = charts.queue_strip(summary.histogram, card.operating_points, card.window_points)
    st.plotly_chart(strip, key="queue_strip", config=QUIET)

st.header(
    t("The queue over time"),
    help=t("Studies of this period that had arrived and waited for a reading, a second one too."),
)
begin = found[0].arrived
moments = [begin + (now - begin) * step / MOMENTS for step in range(MOMENTS + 1)]
queue = shown.over_time(insights.waiting_over_time(found, moments), moments, blind=blind)
st.plotly_chart(queue, key="queue_over_time", config=QUIET)

st.header(t("Times by band"), help=t("Of the band that a study has now."))
if blind:
    st.caption(settled)
timed = [one for one in found if one.settled or not blind]
st.dataframe(shown.times(timed), hide_index=True, column_config=shown.time_columns())

st.header(
    t("What the order bought"),
    help=t(
        "The same arrivals and the same moments of reading, once in the order in which they were read, once first in, "
        "first out. What a glioma wins, other studies pay."
    ),
)
st.caption(settled)
bought = insights.bought(found)
if bought.gliomas:
    won, cost, chart = st.columns([1.2, 1.2, 4], vertical_alignment="center")
    earlier = replace(bought.cost, value=-bought.cost.value, low=-bought.cost.high, high=-bought.cost.low)
    for place, label, change, count in (
        (won, t("Gliomas were read (n = {count})", count=bought.gliomas), bought.won, bought.gliomas),
        (cost, t("Other studies were read (n = {count})", count=bought.others), earlier, bought.others),
    ):
        said = t("Mean over these studies, against first in, first out.")
        place.metric(label, shown.mean_change(change, count), help=f"{said} {shown.change_between(change, count)}")
    chart.plotly_chart(shown.waits(bought), key="waits", config=QUIET)
else:
    st.caption(t("No study of this period was signed as glioma yet. Sign readings on the page **Review**."))

said = t("Studies whose last reading answers an AI result with one of the four classes.")
st.header(t("Reader and AI"), help=said)
st.caption(settled)
agreed = insights.agreement(found)
if not agreed.count:
    st.caption(t("No study of this period was read with an AI result yet. Open one from the **Worklist** and sign it."))
    st.stop()
counts = insights.confusion(found)
figures, heat, table = st.container(key="stack").columns([1.2, 2.4, 2.4], vertical_alignment="center")
figures.metric(
    t("Agreement (n = {count})", count=agreed.count),
    percent(agreed.value),
    help=t(
        "Reader and AI name the same class in {part} of {count} studies; 95 % interval (Wilson): {interval}",
        part=agreed.part,
        count=agreed.count,
        interval=shown.to(percent(agreed.low), percent(agreed.high)),
    ),
)
kappa = shown.kappa(counts, agreed.count)
figures.metric(
    t("Kappa (n = {count})", count=agreed.count) if insights.enough(agreed.count) else t("Kappa"),
    kappa.split(" (")[0] if insights.enough(agreed.count) else kappa,
    help=t(
        "Cohen's kappa: agreement beyond chance, 1 is perfect, 0 is chance; with its 95 % interval (bootstrap; where "
        "all agree, Wilson): {kappa}. It is told from {fewest} studies.",
        kappa=kappa,
        fewest=insights.FEWEST,
    ),
)
said = t("Studies in which the reader named another class")
figures.metric(t("Overridden"), number(agreed.count - agreed.part), help=said)
heat.plotly_chart(shown.matrix(counts), key="matrix", config=QUIET)
table.dataframe(shown.classes(counts), hide_index=True, column_config=shown.class_columns())

groups = {
    t("By scanner"): (t("Scanner"), lambda one: one.scanner),
    t("By sequence"): (t("Sequence"), lambda one: one.sequence),
    t("By reader"): (t("Reader"), lambda one: one.reader),
}
tabs = st.tabs([*groups, t("Reasons of overrides")])
for tab, (name, by) in zip(tabs, groups.values(), strict=False):
    table = shown.groups(insights.groups(found, by))
    tab.dataframe(table, hide_index=True, column_config=shown.group_columns(name))
reasons = insights.reasons(found)
if reasons:
    tabs[3].dataframe(shown.reasons(reasons), hide_index=True, column_config=shown.reason_columns())
else:
    tabs[3].caption(t("No reading of this period overrides the AI."))
