"""Heat map and outline on the slice: the controls of the viewer and the overlay that they select."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from triage.domain import AIResult, Finding, Placement, Score, Slice, likeliest
from triage.errors import TriageError
from triage.inference.explain import Method
from triage.inference.explain_process import ExplainProcess
from triage.pipeline.installation import Installation
from triage.text import markdown
from triage.ui import viewer
from triage.ui.stack import Stack


@dataclass(frozen=True, slots=True)
class Controls:
    """The settings of the reader.

    Attributes
    ----------
    window
        Percentiles of the gray values, low and high.
    finding
        Class whose heat map is shown; None for no heat map.
    method
        How the heat map is computed.
    colour_map
        One of `viewer.COLOUR_MAPS`.
    opacity
        0 to 1.
    outline
        Whether the outline of the tumour mask is shown.
    """

    window: tuple[float, float]
    finding: Finding | None
    method: Method
    colour_map: str
    opacity: float
    outline: bool


def controls(result: AIResult | None) -> Controls:
    """Draw the controls above the picture and return their values."""
    overlay, outline, opacity, settings = st.columns([1, 0.9, 1.3, 1.1], vertical_alignment="bottom")
    shown = result is not None and overlay.toggle("Heat map", value=True, key="v_on", persist_state="session")
    outlined = result is not None and outline.toggle(
        "Outline",
        value=True,
        key="v_outline",
        persist_state="session",
        help="Edge of the tumour as the AI segments it.",
    )
    amount = opacity.slider(
        "Opacity", 0, 100, 40, format="%d %%", key="v_opacity", persist_state="session", disabled=not shown
    )
    with settings.popover("Settings", icon=":material/tune:", width="stretch"):
        window = st.slider("Window (percentiles of the gray values)", 0.0, 100.0, (0.5, 99.8), 0.1, key="v_window")
        colour_map = st.selectbox("Colour map", viewer.COLOUR_MAPS, key="v_colours", persist_state="session")
        method = st.selectbox("Method", list(Method), key="v_method", persist_state="session") or Method.CAM
        finding = st.selectbox(
            "Class of the heat map",
            list(Finding),
            index=_initial_class(result),
            format_func=lambda item: item.label,
            key="v_finding",
        )
    return Controls(window, finding if shown else None, method, colour_map, amount / 100, outlined)


def overlay(installation: Installation, stack: Stack, series: int, at: int, wanted: Controls) -> Image.Image | None:
    """Return heat map and outline as a transparent picture over the slice; None if there is nothing to show."""
    slice_ = stack.series[series].slices[at]
    place = f"{stack.study.study_id} {stack.study.contents} {series} {at}"
    shape = (slice_.pixels.shape[0], slice_.pixels.shape[1])
    shown = Image.new("RGBA", shape[::-1])
    try:
        if wanted.finding is not None:
            values, placement = _map(installation, slice_, place, wanted.finding, wanted.method)
            shown = viewer.heat(values, placement, shape, wanted.colour_map, wanted.opacity)
        if wanted.outline:
            score = _score(installation, slice_, place)
            if likeliest(score.probabilities) is not Finding.NOTUMOR:
                shown = Image.alpha_composite(shown, viewer.outline(score.mask, score.placement, shape))
    except TriageError as error:
        st.warning(markdown(str(error)))
        return None
    return shown if wanted.finding or wanted.outline else None


def _initial_class(result: AIResult | None) -> int:
    """Return the index of the class to explain first: the predicted one, or glioma if that is "no tumour"."""
    if result is None or result.predicted is Finding.NOTUMOR:
        return 0
    return list(Finding).index(result.predicted)


@st.cache_data(max_entries=512, show_spinner="Computing the heat map …")
def _map(
    _installation: Installation,
    _slice: Slice,
    place: str,
    finding: Finding,
    method: Method,
) -> tuple[NDArray[np.float32], Placement]:
    score = _score(_installation, _slice, place)
    if method is Method.CAM:
        return score.cam[..., list(Finding).index(finding)], score.look
    model = _installation.settings.model
    return _explainer().explain(model, _slice.pixels, score.look, finding, method), score.look


@st.cache_resource(show_spinner=False)
def _explainer() -> ExplainProcess:
    return ExplainProcess()


@st.cache_data(max_entries=256, show_spinner=False)
def _score(
    _installation: Installation,
    _slice: Slice,
    place: str,  # noqa: ARG001 - the cache key
) -> Score:
    return _installation.runtime.score(_slice.pixels)
