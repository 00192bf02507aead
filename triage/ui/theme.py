"""Colours with a meaning, the same on every page, in the theme that the reader's browser shows.

Tested in tests/ui/test_theme.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from triage.domain import Band, Finding


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme.

    Attributes
    ----------
    band, finding
        By meaning: red first, as the most urgent.
    text, muted, grid
        Writing, less important writing, and lines behind a chart.
    full
        The fullest cell of a matrix, which starts at `grid`; `text` can be read on both.
    warning
        What a reader should look at.
    """

    band: Mapping[Band, str]
    finding: Mapping[Finding, str]
    text: str
    muted: str
    grid: str
    full: str
    warning: str


def _palette(red: str, orange: str, violet: str, blue: str, text: str, muted: str, grid: str, full: str) -> Palette:
    return Palette(
        band={Band.STAT: red, Band.URGENT: orange, Band.ROUTINE: blue},
        finding={
            Finding.GLIOMA: red,
            Finding.MENINGIOMA: orange,
            Finding.PITUITARY: violet,
            Finding.NOTUMOR: blue,
        },
        text=text,
        muted=muted,
        grid=grid,
        full=full,
        warning=orange,
    )


DARK = _palette(
    "#FF5D5D", "#FFB347", "#C792EA", "#5BA3E0", text="#DCE6F0", muted="#8FA3B8", grid="#26323F", full="#235C8C"
)
LIGHT = _palette(
    "#C62828", "#9A5B00", "#7B3FA0", "#1F6AA8", text="#05090D", muted="#556575", grid="#C9D4DE", full="#6FA8DC"
)


def palette() -> Palette:
    """Return the colours of the theme on the screen."""
    return LIGHT if st.context.theme.type == "light" else DARK
