"""The file of a judgement, and when it lets a candidate serve."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from triage.errors import ModelError, StorageError
from triage.learning.judgement import (
    JUDGEMENT,
    REQUIRED,
    Check,
    Judgement,
    Verdict,
    read_judgement,
    write_judgement,
)


def judgement(**verdicts: Verdict) -> Judgement:
    checks = [Check(name=name, verdict=Verdict.PASSED, said="Well.") for name in REQUIRED]
    checks += [Check(name=name, verdict=verdict, said="So.", figures={"n": None}) for name, verdict in verdicts.items()]
    return Judgement(created="2026-01-01", candidate="c", serving="s", data_set="d", checks=tuple(checks))


def test_it_passes_for_the_two_models_that_it_names_alone() -> None:
    assert judgement().passes("c", "s")
    assert not judgement().passes("another", "s")
    assert not judgement().passes("c", "another")


def test_one_failed_check_stops_it_and_too_few_patients_only_where_it_must_be_known() -> None:
    assert not judgement(calibration=Verdict.FAILED).passes("c", "s")
    assert judgement(calibration=Verdict.NOT_ENOUGH).passes("c", "s")
    for at, name in enumerate(REQUIRED):
        whole = judgement()
        unsure = Check(name=name, verdict=Verdict.NOT_ENOUGH, said="Not enough.")
        checks = (*whole.checks[:at], unsure, *whole.checks[at + 1 :])
        assert whole.model_copy(update={"checks": checks}).against == (unsure,)


def test_a_check_that_was_left_out_is_not_passed() -> None:
    whole = judgement()
    shorter = whole.model_copy(update={"checks": whole.checks[1:]})
    assert [check.name for check in shorter.against] == [REQUIRED[0]]


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_judgement(tmp_path) is None
    write_judgement(judgement(calibration=Verdict.FAILED), tmp_path)
    assert read_judgement(tmp_path) == judgement(calibration=Verdict.FAILED)
    assert [path.name for path in tmp_path.iterdir()] == [JUDGEMENT]


@pytest.mark.parametrize(
    "change",
    [
        {"rules": 0},
        {"checks": []},
        {"checks": [{"name": "x", "verdict": "fine", "said": ""}]},
        {"candidate": 7},
        {"signed": True},
    ],
)
def test_a_file_that_is_not_a_judgement_is_refused_with_the_remedy(tmp_path: Path, change: dict[str, object]) -> None:
    write_judgement(judgement(), tmp_path)
    path = tmp_path / JUDGEMENT
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match="Judge the candidate again"):
        read_judgement(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "null", "[]"])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / JUDGEMENT).write_text(text)
    with pytest.raises(ModelError, match="not a judgement"):
        read_judgement(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / JUDGEMENT)
    with pytest.raises(ModelError, match="not a judgement"):
        read_judgement(tmp_path)


def test_where_it_cannot_be_written_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        write_judgement(judgement(), tmp_path / "missing")
