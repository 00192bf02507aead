"""A page A4 that text is written on, for PDF and PNG, in fonts that have what the files of the world name.

Tested in tests/reports/test_page.py.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font
from matplotlib.ft2font import FT2Font

from triage.text import one_line

#: Inches.
A4 = (8.27, 11.69)
FONT = "DejaVu Sans"
#: Have the names that `FONT` lacks, and their files: Chinese and Japanese (Debian's fonts-droid-fallback), Korean
#: (fonts-nanum).
MORE = {"Droid Sans Fallback": "DroidSansFallbackFull.ttf", "NanumGothic": "NanumGothic.ttf"}
LEFT, RIGHT = 0.07, 0.93
#: Height of a line, as a share of the page, in type of one point.
LINE = 0.00175
MUTED, ACCENT, WARNING = "#5b6570", "#0b5cad", "#b00020"
#: Text is embedded as TrueType, so that it can be searched and copied.
EMBEDDED = {"pdf.fonttype": 42}
#: A search for "final" does not find a word with the ligature "fi".
NO_LIGATURES = ("-liga", "-clig")
MISSING = "□"
# Not all of `MORE` have a bold form, and matplotlib would say so for every line.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


@contextmanager
def fonts() -> Iterator[None]:
    """Draw in the fonts of the page within the block, and embed them."""
    with mpl.rc_context(EMBEDDED | {"font.family": list(_fonts())}):
        yield


class Paper:
    """Writes down a page; `y` is the height of the next line, from 1 at the top to 0."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=A4, facecolor="white")
        self.y = 0.955

    def write(self, text: str, size: float = 9, *, x: float = LEFT, line: bool = True, **style: Any) -> None:
        """Write a text from `x` on, and go on to the next line unless told otherwise."""
        self.figure.text(
            x, self.y, drawable(text), size=size, va="top", parse_math=False, fontfeatures=NO_LIGATURES, **style
        )
        if line:
            self.y -= size * LINE

    def rule(self, title: str) -> None:
        """Begin a section."""
        self.y -= 0.012
        self.write(title, 10.5, weight="bold", color=ACCENT)
        self.y -= 0.002


def cut(text: str, limit: int) -> str:
    """Return at most so many characters of a text on one line."""
    shown = one_line(text)
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def drawable(text: str) -> str:
    """Return a text with `MISSING` for each character that no font has."""
    return "".join(one if _has(one) else MISSING for one in text)


@cache
def _fonts() -> dict[str, FT2Font]:
    """Return the fonts that are there by name; a character is taken from the first that has it."""
    found = {FONT: get_font(findfont(FontProperties(family=FONT)))}
    # Matplotlib keeps a list of fonts, and does not look for those that were installed since.
    listed = {entry.name for entry in fontManager.ttflist}
    wanted = {file for name, file in MORE.items() if name not in listed}
    for path in findSystemFonts() if wanted else ():
        if Path(path).name in wanted:
            fontManager.addfont(path)
    for name in MORE:
        with suppress(ValueError):  # it is not installed
            found[name] = get_font(findfont(FontProperties(family=name), fallback_to_default=False))
    return found


@cache
def _has(character: str) -> bool:
    return any(font.get_char_index(ord(character)) for font in _fonts().values())
