"""`docs/security.md` names tests that exist, and its table of attempts is whole."""

from __future__ import annotations

import re

from triage.settings import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text()
LEAST = 90


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", TEXT)
    assert len(named) > 50
    missing = [
        f"{file}::{function}"
        for file, function in named
        if not any(f"def {function}(" in path.read_text() for path in (ROOT / "tests").rglob(file))
    ]
    assert missing == []


def test_every_threat_has_a_test() -> None:
    rows = re.findall(r"^\| [STRIDE] \|.*$", TEXT, re.MULTILINE)
    assert len(rows) > 30
    assert [row for row in rows if "::" not in row] == []


def test_the_table_of_attempts_is_whole() -> None:
    """If this fails: `make attack`, and mend what did not hold."""
    rows = re.findall(r"^\|.*\| (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)
    assert len(rows) >= LEAST
    assert [(tried, held) for tried, held in rows if tried != held or tried == "0"] == []
    attempts = sum(
        len(re.findall(r'^def test_\w+\([^)]*\).*:\n    """.+ -> ', path.read_text(), re.MULTILINE))
        for path in (ROOT / "tests" / "attack").glob("test_*.py")
    )
    assert len(rows) == attempts
