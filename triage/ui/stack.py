"""The slices of a study: which one is shown, in which plane, and how to move: slider, strip, wheel and keys."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from triage.domain import AIResult, Finding, Plane, Series, Slice, SliceScores
from triage.inference.slice_selection import fits, scored_slices
from triage.pipeline.installation import Installation
from triage.records.views import Study
from triage.scans import reformat
from triage.settings import ROOT
from triage.text import markdown
from triage.ui import charts

#: Key of the container that shows the slice; the wheel is listened to there.
PICTURE = "picture"
#: Stacks up to which each has a button; a dynamic has dozens.
MAX_BUTTONS = 6
_scroll = st.components.v2.component("scroll", js=(ROOT / "assets" / "scroll.js").read_text())


@dataclass(frozen=True, slots=True)
class Stack:
    """The decoded slices of a study.

    Attributes
    ----------
    study
        The study as recorded.
    series
        All series, including those that are set aside.
    """

    study: Study
    series: tuple[Series, ...]

    @property
    def shown(self) -> list[int]:
        """Indices of the series that have slices."""
        return [number for number, series in enumerate(self.series) if series.slices]

    @property
    def first(self) -> tuple[int, int]:
        """Series and slice to open at: the most suspicious one, or the middle one if nothing was scored."""
        result = self.study.result
        if result is not None and result.slices is not None and fits(result.slices, self.series):
            return result.slices.series, result.slices.slice
        number = self.shown[0]
        return number, len(self.series[number].slices) // 2

    def step(self, series: int) -> int:
        """Return n where every n-th slice of a series was scored."""
        slices = self._scored(series)
        return scored_slices(slices, series).step if slices else 1

    def tumour(self, series: int) -> dict[int, tuple[float, Finding] | None]:
        """Return P(tumour) and the likeliest class of each scored slice of a series; None for one without a result."""
        slices = self._scored(series)
        if slices is None:
            return dict.fromkeys(range(len(self.series[series].slices)))
        none = list(Finding).index(Finding.NOTUMOR)
        rows = {at: slices.table[series][at] for at in scored_slices(slices, series)}
        return {
            at: None if row is None else (1 - row[none], list(Finding)[row.index(max(row))]) for at, row in rows.items()
        }

    def _scored(self, series: int) -> SliceScores | None:
        """Return the scores if the series has any; an earlier release scored only the first volume of a 4D file."""
        result: AIResult | None = self.study.result
        slices = result.slices if result else None
        if slices is None or not fits(slices, self.series):
            return None
        return slices if series < len(slices.table) and slices.table[series] else None

    def label(self, series: int) -> str:
        """Return what a series is called, as Markdown; with its number among those of the same name, as passes have."""
        named = [number for number in self.shown if self._name(number) == self._name(series)]
        return self._name(series) + (f" ({named.index(series) + 1} of {len(named)})" if len(named) > 1 else "")

    def _name(self, series: int) -> str:
        header = self.series[series].header
        plane = f", {header.plane}" if header.plane and self._planes(header.uid) > 1 else ""
        return (markdown(header.description) or f"Series {header.number}") + plane

    def _planes(self, uid: str) -> int:
        return len({self.series[number].header.plane for number in self.shown if self.series[number].header.uid == uid})


@dataclass(frozen=True, slots=True)
class View:
    """The series and plane on the screen.

    Attributes
    ----------
    cut
        The plane that is reformatted from the volume; None for the acquired slices.
    """

    stack: Stack
    series: int
    cut: Plane | None = None

    @property
    def count(self) -> int:
        """How many slices there are."""
        shown = self.stack.series[self.series]
        return len(shown.slices) if self.cut is None else reformat.count(shown, self.cut)

    @property
    def first(self) -> int:
        """The slice to open at."""
        return self.stack.first[1] if (self.series, self.cut) == (self.stack.first[0], None) else self.count // 2

    @property
    def key(self) -> str:
        """Key of the current slice number in the session."""
        return f"slice_{self.stack.study.study_id}_{self.series}{self.cut or ''}"

    def slice(self, at: int) -> Slice:
        """Return one slice."""
        shown = self.stack.series[self.series]
        return shown.slices[at] if self.cut is None else reformat.cut(shown, self.cut, at)


def open_stack(installation: Installation, study: Study) -> Stack:
    """Decode a study, or take it from the cache.

    Raises
    ------
    NotFoundError, RefusedError
        If a file is missing or can no longer be decoded.
    """
    return Stack(study, _series(installation, study.study_id, study.contents))


def choose(stack: Stack) -> View:
    """Return the view; draws controls for series and plane where there is a choice."""
    with st.container(horizontal=True, key="choice"):
        series = _choose_series(stack) if len(stack.shown) > 1 else stack.shown[0]
        plane = _choose_plane(stack, series) if reformat.is_volume(stack.series[series]) else None
    return View(stack, series, None if plane is stack.series[series].header.plane else plane)


def _choose_series(stack: Stack) -> int:
    key = f"series_{stack.study.study_id}"
    if len(stack.shown) > MAX_BUTTONS:
        at = stack.shown.index(stack.first[0])
        return st.selectbox("Series", stack.shown, at, stack.label, key=key, label_visibility="collapsed")
    chosen = st.segmented_control(
        "Series",
        stack.shown,
        default=stack.first[0],
        required=True,
        format_func=stack.label,
        key=key,
        label_visibility="collapsed",
    )
    return int(chosen)


def _choose_plane(stack: Stack, series: int) -> Plane | None:
    return st.segmented_control(
        "Plane",
        list(Plane),
        default=stack.series[series].header.plane,
        required=True,
        format_func=str.capitalize,
        key=f"plane_{stack.study.study_id}_{series}",
        label_visibility="collapsed",
    )


def position(view: View) -> int:
    """Return the index of the slice on the screen."""
    if view.key not in st.session_state:
        st.session_state[view.key] = view.first + 1
    return int(st.session_state[view.key]) - 1


def navigate(view: View) -> None:
    """Draw the slider and the strip below the picture, and handle wheel and keys; nothing for a single slice."""
    key, count = view.key, view.count
    if count < 2:
        return
    at = position(view)
    event, clicked = f"scroll_{key}", f"strip_{key}"

    def on_slice_change() -> None:
        st.session_state[key] = int(st.session_state[event].slice) + 1

    def on_click() -> None:
        points = st.session_state[clicked].selection.points
        if points:
            st.session_state[key] = int(points[0]["x"])

    with st.container(key="steps"):
        if view.cut is None:  # reformatted slices were not scored
            st.plotly_chart(
                charts.strip(view.stack.tumour(view.series), count, at),
                key=clicked,
                on_select=on_click,
                selection_mode="points",
                config={"displayModeBar": False},
            )
        st.slider("Slice", 1, count, key=key, format=f"%d / {count}", label_visibility="collapsed")
        _scroll(
            key=event,
            data={"host": f".st-key-{PICTURE}", "at": at, "count": count},
            on_slice_change=on_slice_change,
            height=1,
        )


# A study takes hundreds of megabytes: it is shared, not copied, and only a few are cached.
@st.cache_resource(max_entries=3, show_spinner="Opening the slices …")
def _series(_installation: Installation, study_id: str, contents: str) -> tuple[Series, ...]:  # noqa: ARG001 - part of the cache key
    return _installation.series(study_id)
