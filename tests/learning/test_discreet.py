from __future__ import annotations

import pytest

from triage.learning.discreet import Discretion, known_words


def cells(reader: str) -> dict[str, object]:
    told = {"comment": "Mr Miller, room 3", "lesion": "cyst of Miller", "signed_at": "2026-03-02T08:15:00+00:00"}
    return {"study": "s", "reader": reader, "label": "glioma", **told}


def test_a_reader_has_one_number_and_nothing_written_is_left() -> None:
    discretion = Discretion()
    rows = [discretion.reading(cells(reader)) for reader in ("Dr. A", "Dr. B", "Dr. A")]
    assert [row["reader"] for row in rows] == ["reader 1", "reader 2", "reader 1"]
    assert rows[0] == {
        "study": "s",
        "reader": "reader 1",
        "label": "glioma",
        "comment": "",
        "lesion": "",
        "signed_at": "2026-03",
    }


def test_a_study_names_the_same_numbers_and_nobody_for_a_stage_that_was_not_signed() -> None:
    discretion = Discretion()
    discretion.reading(cells("Dr. B"))
    row = discretion.study({"study": "s", "first_reader": "Dr. A", "second_reader": "Dr. B", "arbiter": ""})
    assert row == {"study": "s", "first_reader": "reader 2", "second_reader": "reader 1", "arbiter": ""}


def test_a_slice_keeps_its_scanner() -> None:
    row = Discretion().slice({"sequence": "t1 Miller", "scanner": "Drawn Phantom 3T"})
    assert row == {"sequence": "t1", "scanner": "Drawn Phantom 3T"}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("T1_SE_SAG Miller", "T1 SE SAG"),
        ("ax t2 flair FS (Dr. Miller) 1950", "ax t2 flair FS"),
        ("Tracy", ""),
        ("Mädge", ""),
        ("t1_mpr_sag_p2_iso", "t1 mpr sag iso"),
    ],
)
def test_a_series_description_keeps_words_for_sequences_only(said: str, kept: str) -> None:
    assert known_words(said) == kept
