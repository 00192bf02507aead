from __future__ import annotations

import pytest

from triage.learning.cells import Cells
from triage.learning.data_card import MAX_ROWS, Tables, data_card


def study(name: str, label: str, part: str = "train", **told: object) -> Cells:
    cells: Cells = {"study": name, "patient": name, "label": label, "split": part, "readers": 1, "decision": "confirm"}
    rest = dict.fromkeys(("blind_label", "arbitration_label", "sex", "age_band", "scanner"), "")
    return cells | rest | told


def slice_of(of: Cells, **told: object) -> Cells:
    cells: Cells = {"study": of["study"], "split": of["split"], "label": of["label"], "lesion": 1, "outline": ""}
    rest = {"plane": "axial", "sequence": "t1", "model_sha256": "m" * 64}
    return cells | rest | {"copy_of": "", "same_as": "", "contradicted": 0} | told


def card(*studies: Cells, compared_with: str = "two-look", **told: object) -> str:
    slices = [slice_of(one, **told) for one in studies]
    readings: list[Cells] = [{"signed_at": "2026-03-02T08:00:00+00:00"}, {"signed_at": "2026-01"}]
    return data_card(Tables(studies, readings, slices, compared_with), "d" * 64, deidentified=True)


def test_it_counts_parts_and_classes() -> None:
    text = card(
        study("s1", "glioma", sex="F", age_band="60-69"),
        study("s2", "glioma", patient="s1", sex="F", age_band="60-69", readers=2),
        study("s3", "notumor", "test", decision="override"),
        study("s4", ""),
    )
    assert "Studies with a label: 3 of 4, of 2 patients" in text
    assert "| train | 1 | 2 | 2 | 2 | 0 | 0 | 0 |" in text
    assert "| validation | 0 | 0 | 0 | 0 | 0 | 0 | 0 |" in text
    assert "| test | 1 | 1 | 1 | 0 | 0 | 0 | 1 |" in text
    assert "| F | 2 | 0 | 0 | 0 |\n| not stated | 0 | 0 | 0 | 1 |" in text
    assert "| studies whose label two readers signed | 1 |" in text
    assert "| studies whose latest reading is: override | 1 |" in text
    assert "Signed: 2026-01 to 2026-03" in text
    assert f"Digest: `{'d' * 64}`" in text


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"copy_of": "trained"}, "2 slices are copies of\npictures that it was trained on, 0 of"),
        ({"contradicted": 1}, "2 slices\nhave a copy with another label"),
        ({"same_as": "slices/s0/01-0001.png"}, "2 slices show the picture of a slice of another study"),
        ({"outline": "outlines/s1/01-0001.png"}, "| slices with a tumour that a reader outlined | 2 |"),
    ],
)
def test_it_says_what_is_known_of_the_slices(told: dict[str, object], said: str) -> None:
    assert said in card(study("s1", "glioma"), study("s2", "glioma"), **told)


def test_it_says_that_nothing_was_compared() -> None:
    assert "`python -m triage remember`, then export again" in card(study("s1", "glioma"), compared_with="")


def test_many_scanners_are_counted_together() -> None:
    text = card(*(study(f"s{number}", "glioma", scanner=f"Scanner {number:02d}") for number in range(MAX_ROWS + 3)))
    assert "Scanner 19" in text
    assert "Scanner 20" not in text
    assert "| others | 3 | 0 | 0 | 0 |" in text


def test_no_text_of_a_file_is_markdown() -> None:
    text = card(study("s1", "glioma", scanner="[a](http://x)|\n# b"))
    assert "[a](http" not in text
    assert "\n# b" not in text
    assert "| \\[a\\]" in text


def test_an_empty_export_has_a_card() -> None:
    text = data_card(Tables([], [], [], ""), "d", deidentified=False)
    assert "Signed: nothing yet" in text
    assert "No slice has an AI result." in text
