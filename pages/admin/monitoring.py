"""Monitoring: whether what comes in, what the AI says and what readers say of it are still as in the baseline."""

from datetime import timedelta

import streamlit as st

from triage.access.roles import Right
from triage.errors import TriageError
from triage.languages.speech import day, later, retold, t
from triage.learning.drift import BASELINE_DAYS, BASELINE_STUDIES
from triage.learning.series import Measure
from triage.reports import drift_words as words
from triage.text import markdown
from triage.ui import drift_charts, monitoring, state

HALF = later("6 months")
PERIODS = {later("3 months"): 92, HALF: 183, later("A year"): 365, later("All"): None}
QUIET = {"displayModeBar": False}
CHARTED = (Measure.UNLIKE, Measure.REFUSED, Measure.AGREEMENT, Measure.FOUND, Measure.BRIGHTNESS, Measure.CONTRAST)


me = state.require(Right.MONITORING)
monitor = state.installation().monitor
title, period = st.columns([3, 2], vertical_alignment="bottom")
title.title(t("Monitoring"))
chosen = period.segmented_control(
    t("Charts show"), list(PERIODS), default=HALF, format_func=t, required=True, key="m_of"
)
try:
    with st.spinner(t("Counting studies and readings …")):
        seen = monitor.now()
        begin = monitor.begin()
except TriageError as error:
    st.error(markdown(retold(str(error))), icon=":material/error:")
    st.stop()
days = PERIODS[chosen]
since = seen.until - timedelta(days=days) if days else None

if not seen.charts:
    st.info(
        t(
            "No study has arrived since the baseline begins. Send studies by **Upload** or over DICOMweb; the first "
            "{count} of them, over four weeks or more, are the baseline that later ones are held against.",
            count=BASELINE_STUDIES,
        ),
        icon=":material/monitor_heart:",
    )
else:
    monitoring.alarms(seen)

    st.header(
        t("Charts"),
        help=t(
            "One point a week, with its 95 % interval. The solid line is the baseline; between the dashed lines a week "
            "stays without a change. Alarms come from CUSUM charts, which add up small changes over many days; all "
            "charts together alarm at most once a year on average if nothing changed."
        ),
    )
    for row in (CHARTED[:3], CHARTED[3:]):
        for place, measure in zip(st.container(key=f"stack_{row[0]}").columns(3, gap="medium"), row, strict=True):
            chart = seen.charts.get((measure, ""))
            place.markdown(f"**{words.about((measure, ''))}**", help=t(words.EXPLAINED[measure]))
            if chart is None:
                place.caption(t(monitoring.NOTHING[measure]))
                continue
            place.plotly_chart(drift_charts.weeks((measure, ""), chart, since), key=f"c_{measure}", config=QUIET)
            place.caption(monitoring.baseline(measure, chart))

    st.header(t("Probabilities against signed readings"))
    calibration, bins = st.columns(2, gap="medium")
    chart = seen.charts.get((Measure.CALIBRATION, ""))
    if chart is None:
        calibration.caption(t(monitoring.NOTHING[Measure.CALIBRATION]))
    else:
        name = (Measure.CALIBRATION, "")
        calibration.markdown(f"**{words.about(name)}**", help=t(words.EXPLAINED[Measure.CALIBRATION]))
        calibration.plotly_chart(drift_charts.weeks(name, chart, since), key="c_calibration", config=QUIET)
        calibration.caption(monitoring.baseline(Measure.CALIBRATION, chart))
        bins.markdown(
            f"**{t('P(glioma) and the share that readers called glioma')}**",
            help=t("Of the readings of the last 90 days. On the dashed line the probabilities are right."),
        )
        bins.plotly_chart(drift_charts.reliability(seen.reliability), key="reliability", config=QUIET)

    st.header(t("Mix"), help=t("Shares by week. Each line has a chart of its own, which can alarm."))
    tabs = st.tabs([t(monitoring.MIXES[measure]) for measure in monitoring.MIXES])
    for tab, measure in zip(tabs, monitoring.MIXES, strict=True):
        tab.plotly_chart(drift_charts.mixture(measure, seen, since), key=f"mix_{measure}", config=QUIET)
        tab.caption(" ".join(filter(None, (t(words.EXPLAINED[measure]), monitoring.mix(measure, seen)))))

    st.header(
        t("Agreement by group"),
        help=t(
            "Settled studies that were read in the last 90 days. A group of 20 or more differs if chance explains its "
            "difference from the others with p < 0.01 (Fisher's exact test, corrected after Holm)."
        ),
    )
    if seen.read:
        for tab, (by, found) in zip(st.tabs([t(words.BY[by]) for by in words.BY]), seen.agreement.items(), strict=True):
            tab.dataframe(monitoring.groups(by, found), hide_index=True)
    else:
        st.caption(t(monitoring.NOTHING[Measure.AGREEMENT]))

    with st.expander(t("Every chart, with its CUSUM"), icon=":material/ssid_chart:"):
        name = st.selectbox(t("Chart"), list(seen.charts), format_func=words.about, key="m_chart")
        chart = seen.charts[name]
        left, right = st.columns(2, gap="medium")
        left.plotly_chart(drift_charts.weeks(name, chart, since), key="one_weeks", config=QUIET)
        left.caption(f"{t(words.EXPLAINED[name[0]])} {monitoring.baseline(name[0], chart)}")
        if chart.is_ready:
            right.plotly_chart(drift_charts.sums(chart, since), key="one_sums", config=QUIET)
        else:
            right.caption(t("Its CUSUM begins when the baseline is complete."))
    if seen.past:
        with st.expander(t("Changes that are over ({count})", count=len(seen.past)), icon=":material/history:"):
            st.dataframe(monitoring.past(seen.past), hide_index=True, column_config=monitoring.past_columns())

left, right = st.container(key="stack").columns(2, gap="large")
with left:
    monitoring.offer_report(seen.until)
with right:
    st.header(t("Baseline"))
    said = t("It begins on {day}.", day=day(begin)) if begin else t("It begins with the first study.")
    st.markdown(
        f"{said} "
        + t(
            "Each chart takes its first {studies} studies, and at least {days} days, for normal. After a new scanner "
            "or protocol, or once an alarm is understood, begin a new one: what came before is not looked at any more.",
            studies=BASELINE_STUDIES,
            days=BASELINE_DAYS,
        )
    )
    if me.may(Right.BASELINE):
        monitoring.ask_baseline(seen.until)
