from __future__ import annotations

import pytest

from triage.text import MAX_NAME, display_name


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
