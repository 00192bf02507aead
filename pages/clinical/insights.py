"""Insights: the queue, the times, what the reading order bought, and how readers and AI agree."""

from datetime import timedelta

import streamlit as st

from triage import insights
from triage.access.roles import Right
from triage.domain import Band
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

st.header(t("The queue now"))
with st.container(horizontal=True, gap="xlarge"):
    for band in Band:
        said = t("Studies of band {band} that wait for a reading, of any age", band=t(band))
        st.metric(t(band), number(summary.counts[band]), help=said, width="content")
    st.metric(
        t("Not analysable"),
        number(summary.not_analysable),
        help=t("Of these, the studies that the AI could not judge. They stay in the queue for a reader."),
        width="content",
    )
if installation.settings.blind_first_read:
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
queue = shown.over_time(insights.waiting_over_time(found, moments), moments)
st.plotly_chart(queue, key="queue_over_time", config=QUIET)

st.header(t("Times by band"), help=t("Of the band that a study has now. Hover over a heading for what it counts."))
st.dataframe(shown.times(found), hide_index=True, column_config=shown.time_columns())

st.header(
    t("What the order bought"),
    help=t(
        "The same arrivals and the same moments of reading, once in the order in which they were read, once first in, "
        "first out. What a glioma wins, other studies pay."
    ),
)
settled = t("Counted are settled studies: read, and waiting for no second reader and no arbitration.")
st.caption(settled)
bought = insights.bought(found)
if bought.gliomas:
    won, cost, chart = st.columns([1.2, 1.2, 4], vertical_alignment="center")
    won.metric(
        t("Earlier, a glioma"),
        shown.minutes(bought.won.value),
        help=t(
            "Mean of the {count} studies that readers called glioma; 95 % interval (bootstrap): {interval}",
            count=bought.gliomas,
            interval=shown.between(bought.won),
        ),
    )
    cost.metric(
        t("Later, another study"),
        shown.minutes(bought.cost.value),
        help=t(
            "Mean of the {count} other studies that were read; 95 % interval (bootstrap): {interval}",
            count=bought.others,
            interval=shown.between(bought.cost),
        ),
    )
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
    t("Agreement"),
    percent(agreed.value),
    help=t(
        "Reader and AI name the same class in {part} of {count} studies; 95 % interval (Wilson): {interval}",
        part=agreed.part,
        count=agreed.count,
        interval=shown.to(percent(agreed.low), percent(agreed.high)),
    ),
)
figures.metric(
    t("Kappa"),
    shown.estimate(insights.kappa(counts)).split(" ")[0],
    help=t(
        "Cohen's kappa: agreement beyond chance, 1 is perfect, 0 is chance; with its 95 % interval (bootstrap): "
        "{kappa}",
        kappa=shown.estimate(insights.kappa(counts)),
    ),
)
said = t("Studies in which the reader named another class")
figures.metric(t("Overridden"), number(agreed.count - agreed.part), help=said)
heat.plotly_chart(shown.matrix(counts), key="matrix", config=QUIET)
table.dataframe(shown.classes(counts), hide_index=True, column_config=shown.class_columns())

tabs = st.tabs([t("By scanner"), t("By sequence"), t("By reader"), t("Reasons of overrides")])
for tab, by in zip(tabs, (lambda one: one.scanner, lambda one: one.sequence, lambda one: one.reader), strict=False):
    tab.dataframe(shown.groups(insights.groups(found, by)), hide_index=True, column_config=shown.group_columns())
reasons = insights.reasons(found)
if reasons:
    tabs[3].dataframe([{t("Reason"): t(reason), "n": count} for reason, count in reasons.items()], hide_index=True)
else:
    tabs[3].caption(t("No reading of this period overrides the AI."))
