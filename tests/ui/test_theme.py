"""The colours can be read on what they stand on, in both themes."""

from __future__ import annotations

import tomllib

import pytest

from triage.settings import ROOT
from triage.ui.theme import DARK, LIGHT, Palette


@pytest.mark.parametrize(("name", "palette"), [("dark", DARK), ("light", LIGHT)])
def test_every_colour_stands_out_from_the_page(name: str, palette: Palette) -> None:
    page = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"][name]["backgroundColor"]
    words = {*palette.band.values(), *palette.finding.values(), palette.text, palette.muted, palette.warning}
    assert {colour: contrast(colour, page) for colour in words if contrast(colour, page) < 4.5} == {}


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_digits_can_be_read_on_every_cell_of_a_matrix(palette: Palette) -> None:
    assert min(contrast(palette.text, cell) for cell in (palette.grid, palette.full)) >= 4.5


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, 1.4.3)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return sum(share * one for share, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
