from __future__ import annotations

from pathlib import Path

import pytest

from triage.training.release.card_notes import CardNotesError, read_card_notes

WHOLE = """
data = "Drawn heads."
limits = ["Drawn, every one of them."]
failures = ["None was looked at."]
"""


def test_remarks_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "remarks.toml"
    path.write_text(WHOLE)
    remarks = read_card_notes(path)
    assert (remarks.data, remarks.limits) == ("Drawn heads.", ("Drawn, every one of them.",))


def test_those_of_the_shipped_model_can_be_read() -> None:
    remarks = read_card_notes(Path(__file__).parents[3] / "models" / "card-notes.toml")
    assert len(remarks.limits) > 3
    assert not any("\n" in said for said in (remarks.data, *remarks.limits, *remarks.failures))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WHOLE.replace('["None was looked at."]', "[]"), "failures: .*at least 1"),
        (WHOLE.replace("Drawn heads.", "  "), "data: "),
        (WHOLE.replace("limits", "limit"), "limits: Field required.*It needs data, limits and failures"),
        (WHOLE + "mood = 1", "mood: Extra inputs"),
        ("data =", "is not TOML"),
    ],
)
def test_what_says_too_little_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "remarks.toml"
    path.write_text(text)
    with pytest.raises(CardNotesError, match=said):
        read_card_notes(path)


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CardNotesError, match=r"cannot be read.*models/card-notes.toml"):
        read_card_notes(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CardNotesError, match="cannot be read"):
        read_card_notes(tmp_path / "binary.toml")
