"""The key images of a report on its page: as large as there is room, with all that was measured below them.

Tested in tests/reports/test_page.py.
"""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from matplotlib.patheffects import Stroke

from triage.domain import Kind
from triage.languages import speech
from triage.languages.speech import later, retold, t
from triage.records.marked import Measurement, described
from triage.reports.key_images import KeyImage
from triage.reports.paper import LEFT, LINE, MUTED, RIGHT, Paper, cut
from triage.reports.study_report import StudyReport
from triage.text import one_line

OUTLINE, MARK, LETTER = "#ff6fae", "#ffd54a", "#dce6f0"
#: Letters and numbers on a picture have a dark rim, as in the viewer: they stay readable on bone and fat.
RIM = Stroke(linewidth=2, foreground="black")
#: Where the letters stand, as shares of the picture, and how they are aligned.
EDGES = (
    (0.015, 0.5, "left", "center"),
    (0.985, 0.5, "right", "center"),
    (0.5, 0.985, "center", "top"),
    (0.5, 0.015, "center", "bottom"),
)
#: What a measurement is called, in the words of the viewer.
MEASURED = {"length": later("Length"), "angle": later("Angle"), "ellipse": later("Ellipse"), "probe": later("Probe")}
DECIMAL = re.compile(r"-?\d+\.\d+")
#: Characters of its place and of who marked it, and lines of the caption: whether the AI began the outline is never cut
#: off.
PLACE, AUTHOR, CAPTION_LINES = 84, 28, 3
#: Sizes of the type below the pictures, and how high the pictures must be with it, as shares of the page.
SIZES = ((7.0, 0.14), (6.0, 0.14), (5.0, 0.09))
#: Characters between the edges of the page in type of one point, and below one of two pictures.
WIDE, SHARE = 882, 434
#: Height of pictures that have all the room: up to two, and more.
HIGHEST = (0.295, 0.195)
#: Between two pictures side by side, between a picture and its caption, and below that.
BESIDE, BELOW, AFTER = 0.02, 0.004, 0.012
#: Lines of what was left out.
LEFT_OUT_LINES = 2
#: Lines of what was measured on one slice, if not all of it has room.
FEWER = range(60, 0, -1)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the section is laid out: the size of its type, and how high pictures and the text below each row are."""

    size: float
    captions: list[list[str]]
    measured: list[list[str]]
    elsewhere: list[str]

    def below(self, row: int) -> float:
        """Return the height of the text below a row of pictures."""
        both = zip(self.captions[row : row + 2], self.measured[row : row + 2], strict=True)
        return max(len(caption) + len(measured) for caption, measured in both) * self.size * LINE

    @property
    def text(self) -> float:
        """The height of all but the pictures."""
        rows = range(0, len(self.captions), 2)
        return sum(self.below(row) + BELOW + AFTER for row in rows) + len(self.elsewhere) * self.size * LINE


def write_pictures(page: Paper, report: StudyReport, bottom: float) -> None:
    """Write the key images with what was measured, between where the page stands and a height of it."""
    page.rule(t("Key images"))
    images = report.images
    if not images:
        page.write(
            retold(report.unseen) or t("No slice was chosen, measured or outlined, and no AI result names one."),
            color=MUTED,
        )
        return
    rows = (len(images) + 1) // 2
    for laid, least in _layouts(report):
        high = (page.y - bottom - laid.text) / rows
        if high >= least:
            break
    high = min(max(high, least), HIGHEST[len(images) > 2])
    wide = (RIGHT - LEFT - BESIDE) / 2
    for row in range(0, len(images), 2):
        top = page.y
        for number in range(row, min(row + 2, len(images))):
            left = LEFT + number % 2 * (wide + BESIDE)
            _draw(page.figure.add_axes((left, top - high, wide, high)), images[number])
            page.y = top - high - BELOW
            for line in laid.captions[number]:
                page.write(line, laid.size, x=left, color=MUTED)
            for line in laid.measured[number]:
                page.write(line, laid.size, x=left)
        page.y = top - high - BELOW - laid.below(row) - AFTER
    for line in laid.elsewhere:
        page.write(line, laid.size)


def least_height(report: StudyReport) -> float:
    """Return the height that `write_pictures` needs for pictures that can be read, with type of the usual size."""
    trial = Paper()
    top = trial.y
    trial.rule(t("Key images"))
    if not report.images:
        trial.write("")
        return top - trial.y
    laid, least = next(_layouts(report))
    return top - trial.y + laid.text + (len(report.images) + 1) // 2 * least


def _layouts(report: StudyReport) -> Iterator[tuple[_Layout, float]]:
    """Yield layouts, each smaller than the one before, with the least height of the pictures."""
    everything = len(report.measured)
    for size, least in SIZES:
        yield _layout(report, size, everything), least
    for most in FEWER:
        yield _layout(report, size, most), least


def _layout(report: StudyReport, size: float, most: int) -> _Layout:
    width, wide = int(SHARE / size), int(WIDE / size)
    measured = [
        _fitted([f"{number} {_said(one)}" for number, one in enumerate(image.measurements, start=1)], width, most)
        for image in report.images
    ]
    captions = [_caption(image, width) for image in report.images]
    return _Layout(size, captions, measured, [*_fitted(_elsewhere(report), wide, most), *_left_out(report, wide)])


def _elsewhere(report: StudyReport) -> list[str]:
    """Return what was measured on slices that are not shown."""
    said = [
        f"{cut(retold(one.place), PLACE)}: {_said(measurement)}"
        for one in report.left_out
        for measurement in one.measurements
    ]
    return [t("Measured on slices without a picture: {first}", first=said[0]), *said[1:]] if said else []


def _left_out(report: StudyReport, width: int) -> list[str]:
    """Return how many more slices were outlined, and where they are, and which more were chosen."""
    said = []
    if places := ", ".join(cut(retold(one.place), PLACE) for one in report.left_out if one.is_key):
        said.append(t("Key images without a picture: {places}.", places=places))
    count = sum(one.is_outlined for one in report.left_out)
    if count and any(item.kind == Kind.DICOM for item in report.study.instances):
        one = t("1 more outlined slice is in the DICOM SEG.")
        said.append(one if count == 1 else t("{count} more outlined slices are in the DICOM SEG.", count=count))
    elif count:
        one = t("1 more outlined slice is in the record.")
        said.append(one if count == 1 else t("{count} more outlined slices are in the record.", count=count))
    lines = textwrap.wrap(one_line(" ".join(reversed(said))), width)
    return (
        lines
        if len(lines) <= LEFT_OUT_LINES
        else [*lines[: LEFT_OUT_LINES - 1], cut(lines[LEFT_OUT_LINES - 1], width - 6) + " …"]
    )


def _caption(image: KeyImage, width: int) -> list[str]:
    """Return which slice an image is and who marked it."""
    begun = t(", outline begun with the AI's") if image.begun_by_ai else ""
    author = cut(retold(image.author), AUTHOR)
    if image.is_superseded:
        author = t("of the superseded reading of {reader}", reader=author)
    lines = textwrap.wrap(one_line(f"{t(image.kind)}: {cut(retold(image.place), PLACE)} · {author}{begun}"), width)
    if len(lines) <= CAPTION_LINES:
        return lines
    return [*lines[: CAPTION_LINES - 1], cut(lines[CAPTION_LINES - 1], width - 6) + " …"]


def _fitted(said: Sequence[str], width: int, most: int) -> list[str]:
    """Return what was measured as lines; of what has no room in so many lines, how many there are and where."""

    def lines(count: int) -> list[str]:
        rest = len(said) - count
        more = [t("{count} more: in FHIR and DICOM SR", count=rest)] if rest else []
        return textwrap.wrap(one_line("; ".join([*said[:count], *more])), width)

    whole = lines(len(said))
    if len(whole) <= most:
        return whole
    return lines(max(0, bisect_left(range(len(said)), True, key=lambda count: len(lines(count)) > most) - 1))


def _said(one: Measurement) -> str:
    return f"{t(MEASURED[one.kind])}: {_described(one)}"


def _described(one: Measurement) -> str:
    """Return a measurement with its numbers as the reader writes them."""
    said = retold(described(one))
    return DECIMAL.sub(lambda found: speech.number(float(found[0]), len(found[0].partition(".")[2])), said)


def _draw(axes: Axes, image: KeyImage) -> None:
    rows, columns = image.gray.shape
    down, along = image.spacing or (1.0, 1.0)
    axes.set_axis_off()
    axes.imshow(image.gray, cmap="gray", vmin=0, vmax=255, extent=(0, columns, rows, 0), aspect=down / along)
    if image.mask is not None and image.mask.any():
        # One row around it, or an outline at the edge of the slice would stay open.
        inside = np.pad(image.mask.astype(float), 1)
        at = np.arange(columns + 2) - 0.5, np.arange(rows + 2) - 0.5
        axes.contour(*at, inside, levels=[0.5], colors=[OUTLINE], linewidths=1.1)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    for number, one in enumerate(image.measurements, start=1):
        _draw_measurement(axes, one, number)
    for letter, (x, y, ha, va) in zip(image.edges or (), EDGES, strict=False):
        _write(axes, (x, y), letter, LETTER, ha=ha, va=va, transform=axes.transAxes)


def _draw_measurement(axes: Axes, one: Measurement, number: int) -> None:
    x, y = zip(*one.points, strict=True)
    beside = dict(zip(x, y, strict=True))
    if one.kind == "ellipse":
        (left, top), (right, bottom) = one.points
        middle, size = ((left + right) / 2, (top + bottom) / 2), (abs(right - left), abs(bottom - top))
        beside = dict.fromkeys(x, middle[1])
        axes.add_patch(Ellipse(middle, *size, fill=False, color=MARK, linewidth=1.1))
    else:
        axes.plot(x, y, color=MARK, linewidth=1.1, marker="+" if one.kind == "probe" else None)
    right = max(x)
    is_inside = right < 0.9 * axes.get_xlim()[1]  # beyond it, the number would be cut off
    at, said = (right, f" {number}") if is_inside else (min(x), f"{number} ")
    align = "left" if is_inside else "right"
    _write(axes, (at, beside[at]), said, MARK, ha=align, va="center", clip_on=True)


def _write(axes: Axes, at: tuple[float, float], said: str, colour: str, **style: Any) -> None:
    """Write on a picture; the rim is drawn by itself, since a text with a rim is no text any more in a PDF."""
    axes.text(*at, said, color="none", size=8, weight="bold", path_effects=[RIM], **style)
    axes.text(*at, said, color=colour, size=8, weight="bold", **style)
