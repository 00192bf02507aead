"""What is watched, in words: names of charts, values, an alarm as a sentence.

Tested in tests/reports/test_monthly.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date

from babel.dates import format_skeleton

from triage.domain import Band, Finding
from triage.insights import Estimate
from triage.languages.speech import day, later, locale, number, percent, t
from triage.learning.drift import Chart
from triage.learning.monitored import Alarm
from triage.learning.series import GROUPED, OTHERS, Measure, Name
from triage.records.drift import NO_PLANE, NO_SEQUENCE
from triage.text import visible

#: Characters of a scanner's name that are shown.
SCANNER = 40
NONE_YET = "–"
later("T1 with contrast")
later("diffusion")
later("axial")
later("coronal")
later("sagittal")
ABOUT: Mapping[Measure, str] = {
    Measure.UNLIKE: later("Share of studies unlike the training data"),
    Measure.REFUSED: later("Share of studies not analysable"),
    Measure.AGREEMENT: later("Agreement of readers and AI"),
    Measure.BY_READER: later("Agreement of reader {name} and AI"),
    Measure.BY_SCANNER: later("Agreement of readers and AI on studies from {name}"),
    Measure.BY_SEQUENCE: later("Agreement of readers and AI on studies with {name}"),
    Measure.BY_SEX: later("Agreement of readers and AI, sex of the patients: {name}"),
    Measure.BY_AGE: later("Agreement of readers and AI, age of the patients: {name}"),
    Measure.FOUND: later("Share of gliomas that the AI called glioma"),
    Measure.CALIBRATION: later("Share of gliomas beyond what P(glioma) says"),
    Measure.CLASS: later("Share of studies that the AI calls {name}"),
    Measure.BAND: later("Share of studies in band {name}"),
    Measure.SCANNER: later("Share of studies from {name}"),
    Measure.SEQUENCE: later("Share of studies with {name}"),
    Measure.PLANE: later("Share of studies with {name} slices"),
    Measure.BRIGHTNESS: later("Mean brightness of the slices"),
    Measure.CONTRAST: later("Mean contrast of the slices"),
}
#: What a chart counts, for whoever reads it for the first time.
EXPLAINED: Mapping[Measure, str] = {
    Measure.UNLIKE: later(
        "A study is unlike the training data if at least half of its slices lie farther from it, in the features of "
        "the network, than the model card allows. What the AI says of such studies is less certain than it looks."
    ),
    Measure.REFUSED: later("Studies that the AI could not judge; they stay in the queue for a reader."),
    Measure.AGREEMENT: later("Of the settled studies, those in which the last reading names the class of the AI."),
    **dict.fromkeys(
        GROUPED,
        later(
            "Of the settled studies of one group, those in which the last reading names the class of the AI. A group "
            "has a chart once it has enough studies for a baseline."
        ),
    ),
    Measure.FOUND: later("Of the settled studies that readers called glioma, those that the AI called glioma too."),
    Measure.CALIBRATION: later(
        "Of the settled studies, the share that readers called glioma, less the mean P(glioma). It is 0 if the "
        "probabilities are right on average; what counts is whether it moves."
    ),
    Measure.CLASS: later("The most probable class of each study."),
    Measure.BAND: later("How soon each study was to be read."),
    Measure.SCANNER: later(
        "Maker and model as the files state them; a scanner rare in the baseline is one of the others."
    ),
    Measure.SEQUENCE: later("What the descriptions of the series name; a study may have several sequences."),
    Measure.PLANE: later("As the geometry of the series states it; a study may have several planes."),
    Measure.BRIGHTNESS: later(
        "Mean gray value of the head after preprocessing, 0 to 255: as the network sees it. It moves with sequence, "
        "coil and contrast agent."
    ),
    Measure.CONTRAST: later("Standard deviation of the gray values of the head after preprocessing."),
}
#: What to do about an alarm.
REMEDY: Mapping[Measure, str] = {
    Measure.UNLIKE: later("Look at some of these studies, and at whether readers override the AI on them more often."),
    Measure.REFUSED: later("Look on the worklist at the reasons; often a protocol or an export was changed."),
    Measure.AGREEMENT: later("Look at the overridden studies, by scanner and by reader, in the tables below."),
    Measure.BY_READER: later("Look at the overridden studies of this reader, together with the reader."),
    **dict.fromkeys(
        (Measure.BY_SCANNER, Measure.BY_SEQUENCE, Measure.BY_SEX, Measure.BY_AGE),
        later("Look at the overridden studies of this group, and at whether the AI or the readers are wrong there."),
    ),
    Measure.FOUND: later(
        "Look at the gliomas that the AI missed. Until the reason is known, do not rely on the order of the worklist."
    ),
    Measure.CALIBRATION: later(
        "The probabilities no longer mean what they say; the operating points may need a refit."
    ),
    Measure.CLASS: later("Ask whether other patients are sent; if not, look whether readers still agree with the AI."),
    Measure.BAND: later("Ask whether other patients are sent; if not, look whether readers still agree with the AI."),
    Measure.SCANNER: later("If this is the new normal, an administrator begins a new baseline below."),
    Measure.SEQUENCE: later("Ask whether the protocol was changed; if it was, begin a new baseline below."),
    Measure.PLANE: later("Ask whether the protocol was changed; if it was, begin a new baseline below."),
    Measure.BRIGHTNESS: later("Ask whether coil, protocol or export was changed; look at some of the studies."),
    Measure.CONTRAST: later("Ask whether coil, protocol or export was changed; look at some of the studies."),
}
BY: Mapping[str, str] = {
    "reader": later("By reader"),
    "scanner": later("By scanner"),
    "sequence": later("By sequence"),
    "sex": later("By sex"),
    "age": later("By age"),
}
SEXES = {"F": later("female"), "M": later("male"), "O": later("other")}


def month(first: date) -> str:
    """Return a month by its first day: "October 2026"."""
    return str(format_skeleton("yMMMM", first, locale=locale()))


def about(name: Name, reader: Callable[[str], str] | None = None) -> str:
    """Return what a chart is about: "Share of studies from GE Signa".

    Parameters
    ----------
    name
        Of the chart.
    reader
        Returns what stands for the name of a reader; None: the name stands there.
    """
    measure, label = name
    if measure is Measure.BY_READER and reader is not None:
        return t(ABOUT[measure], name=reader(label))
    if label or measure is Measure.SCANNER or measure in GROUPED:
        return t(ABOUT[measure], name=named(measure, label))
    return t(ABOUT[measure])


def named(measure: Measure, label: str) -> str:
    """Return the name of a group, class, band, scanner, sequence or plane."""
    if measure in GROUPED:
        return group(GROUPED[measure], label)
    if measure is Measure.CLASS:
        return t(Finding(label).label)
    if measure is Measure.BAND:
        return t(Band(label))
    if measure is Measure.SCANNER:
        return t("new or rare scanners") if label == OTHERS else scanner(label)
    return {NO_SEQUENCE: t("no named sequence"), NO_PLANE: t("unplaced")}.get(label) or t(label)


def scanner(name: str) -> str:
    """Return the name of a scanner, which a file states."""
    return visible(" ".join(name.split()), SCANNER) or t("a scanner that is not stated")


def group(by: str, name: str) -> str:
    """Return the name of a group of readings."""
    if not name:
        return t("not stated")
    if by == "sequence":
        return named(Measure.SEQUENCE, name)
    if by == "sex":
        return t(SEXES[name]) if name in SEXES else visible(name, SCANNER)
    if by == "age":
        return name.replace("-", "–")
    return visible(" ".join(name.split()), SCANNER)


def value(measure: Measure, found: float) -> str:
    """Return a value of a chart."""
    if math.isnan(found):
        return NONE_YET
    if measure in (Measure.BRIGHTNESS, Measure.CONTRAST):
        return number(found, 1)
    if measure is Measure.CALIBRATION:
        return t("{points} points", points=("+" if found > 0 else "") + number(100 * found, 1))
    return percent(found, 1 if 0 < found < 0.02 else 0)


def interval(measure: Measure, found: Estimate) -> str:
    """Return a value with its 95 % interval."""
    if math.isnan(found.value):
        return NONE_YET
    low, high = value(measure, found.low), value(measure, found.high)
    return f"{value(measure, found.value)} ({t('{low} to {high}', low=low, high=high)})"


def sentence(alarm: Alarm, reader: Callable[[str], str] | None = None) -> str:
    """Return what was found: "Share of studies unlike the training data rose from 4% to 19% since ..."; see `about`."""
    what = about((alarm.measure, alarm.label), reader)
    before = value(alarm.measure, alarm.chart.baseline.value)
    now, since = value(alarm.measure, alarm.shift.value.value), day(alarm.shift.since)
    rose = later("{what} rose from {before} to {now} since {since}")
    fell = later("{what} fell from {before} to {now} since {since}")
    said = t(rose if alarm.shift.rise else fell, what=what, before=before, now=now, since=since)
    if alarm.mostly is not None:
        said += t(", mostly from {scanner}", scanner=scanner(alarm.mostly))
    if alarm.others:
        said += t("; {count} more of its charts alarm too", count=alarm.others)
    return f"{said}."


def missing(chart: Chart) -> str:
    """Return what a baseline still lacks; "" if nothing."""
    studies, days = chart.missing
    if studies and days:
        return t("{studies} more studies and {days} more days", studies=studies, days=days)
    if studies:
        return t("{studies} more studies", studies=studies)
    return t("{days} more days", days=days) if days else ""
