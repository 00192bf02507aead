"""What `make audit` says of the answers that pip-audit gives."""

from __future__ import annotations

import json
import runpy

from triage.settings import ROOT

verdict = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["verdict"]
WEAK = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
WELL = {"name": "b", "version": "1", "vulns": []}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def said(*packages: object) -> tuple[str, int]:
    found: tuple[str, int] = verdict(json.dumps({"dependencies": packages, "fixes": []}))
    return found


def test_a_weakness_turns_it_red() -> None:
    told, status = said(WELL, WEAK)
    assert (status, told.splitlines()[0]) == (1, "a 1: PYSEC-1, mended in 2")


def test_without_a_weakness_it_says_how_many_were_looked_at() -> None:
    assert said(WELL) == ("1 packages without a known weakness.", 0)
    assert said(WELL, UNKNOWN) == ("1 packages without a known weakness; 1 NOT CHECKED.", 0)


def test_what_was_not_checked_is_never_called_well() -> None:
    for told, status in (said(UNKNOWN), verdict(""), verdict("[]"), verdict("cannot connect")):
        assert told.startswith("NOT CHECKED")
        assert status == 0
