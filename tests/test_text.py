from __future__ import annotations

import pytest

from triage.text import MAX_NAME, csv_cell, display_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("head.png", "head.png"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\x.dcm", "x.dcm"),
        ("a\0b.png", "ab.png"),
        ("gnp.\u202eexe", "gnp.exe"),
        ("a\u2028b\u200bc\u2066.png", "abc.png"),
        ("\ud800.png", ".png"),
        ("CON.png", "CON.png"),
        ("  \t ", "unnamed"),
        ("", "unnamed"),
        ("/", "unnamed"),
        ("é" * 4096, "é" * MAX_NAME),
    ],
)
def test_what_is_shown_of_a_name(name: str, shown: str) -> None:
    assert display_name(name) == shown


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "0.5", " =1", "'=1"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert csv_cell(text) == text
