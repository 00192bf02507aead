"""The charts of the monthly report, drawn into axes. Tested in tests/reports/test_monthly.py."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, date2num
from matplotlib.ticker import FuncFormatter

from triage.languages.speech import day, t
from triage.learning.drift import Chart
from triage.learning.monitored import Watched
from triage.learning.series import Measure, Name
from triage.reports import drift_words as words
from triage.reports.paper import ACCENT, MUTED, WARNING, drawable

#: What a report charts; None is the reliability of P(glioma).
CHARTED: Sequence[Name | None] = (
    (Measure.UNLIKE, ""),
    (Measure.REFUSED, ""),
    (Measure.AGREEMENT, ""),
    (Measure.FOUND, ""),
    (Measure.CALIBRATION, ""),
    None,
)
#: Weeks that are drawn, the last ones.
WEEKS = 26
#: Days that the axis holds at least, and room at its ends.
FEWEST_DAYS, MARGIN = 28, 4
SMALL = 6.5


def draw(axes: Axes, what: Name | None, seen: Watched) -> None:
    """Draw one of `CHARTED`."""
    axes.tick_params(labelsize=SMALL, color=MUTED, labelcolor=MUTED, length=2)
    axes.grid(color="#e3e8ee", linewidth=0.6)
    for side in axes.spines.values():
        side.set_visible(False)
    if what is None:
        _reliability(axes, seen)
        return
    _title(axes, words.about(what))
    chart = seen.charts.get(what)
    if chart is None or not chart.weeks:
        _empty(axes)
        return
    _weeks(axes, what[0], chart)


def _weeks(axes: Axes, measure: Measure, chart: Chart) -> None:
    points = chart.weeks[-WEEKS:]
    days = date2num([point.day for point in points])
    value = np.array([point.value.value for point in points])
    low, high = (np.array([getattr(point.value, end) for point in points]) for end in ("low", "high"))
    colour = WARNING if any(shift.ended is None for shift in chart.shifts) else ACCENT
    axes.vlines(days, low, high, color=colour, alpha=0.3, linewidth=2.2)
    axes.plot(days, value, color=colour, marker="o", markersize=2.6, linewidth=0.9)
    axes.axhline(chart.baseline.value, color=MUTED, linewidth=0.8)
    for limits in ([point.low for point in points], [point.high for point in points]):
        axes.step(days, limits, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)), where="mid")
    for shift in chart.shifts:
        if shift.ended is None and date2num(shift.since) >= days[0]:
            axes.axvline(date2num(shift.since), color=WARNING, linewidth=0.9, linestyle=":")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda one, _: words.value(measure, one)))
    # One week alone would stand on an axis of years.
    axes.set_xlim(days[0] - MARGIN, max(days[-1], days[0] + FEWEST_DAYS) + MARGIN)
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=4))
    axes.xaxis.set_major_formatter(FuncFormatter(_day))


def _day(number: float, _: object) -> str:
    at = np.datetime64("1970-01-01") + np.timedelta64(round(number), "D")
    return day(at.astype("datetime64[D]").astype(object))


def _reliability(axes: Axes, seen: Watched) -> None:
    _title(axes, t("P(glioma) and the share that readers called glioma"))
    if not seen.reliability:
        _empty(axes)
        return
    expected = [one.expected for one in seen.reliability]
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.vlines(
        expected,
        [one.true.low for one in seen.reliability],
        [one.true.high for one in seen.reliability],
        color=ACCENT,
        alpha=0.3,
        linewidth=2.2,
    )
    axes.plot(
        expected, [one.true.value for one in seen.reliability], color=ACCENT, marker="o", markersize=2.6, linewidth=0
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda one, _: words.value(Measure.FOUND, one)))
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)


def _title(axes: Axes, said: str) -> None:
    lines = textwrap.wrap(drawable(said), 58)
    axes.set_title("\n".join(lines), fontsize=8, loc="left", color="#1c2733", parse_math=False)


def _empty(axes: Axes) -> None:
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, t("nothing to show yet"), ha="center", va="center", color=MUTED, size=8, transform=axes.transAxes
    )
