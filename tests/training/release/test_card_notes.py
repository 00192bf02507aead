from __future__ import annotations

from pathlib import Path

import pytest

from triage.training.release.card_notes import CardNotesError, read_card_notes

WHOLE = """
data = "Drawn heads."
limits = ["Drawn, every one of them."]
failures = ["None was looked at."]
"""


def test_card_notes_are_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "notes.toml"
    path.write_text(WHOLE)
    notes = read_card_notes(path)
    assert (notes.data, notes.limits) == ("Drawn heads.", ("Drawn, every one of them.",))


def test_the_card_notes_of_the_shipped_model_are_valid() -> None:
    notes = read_card_notes(Path(__file__).parents[3] / "models" / "card-notes.toml")
    assert len(notes.limits) > 3
    assert not any("\n" in text for text in (notes.data, *notes.limits, *notes.failures))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE.replace('["None was looked at."]', "[]"), "failures: .*at least 1"),
        (WHOLE.replace("Drawn heads.", "  "), "data: "),
        (WHOLE.replace("limits", "limit"), "limits: Field required.*The file needs data, limits and failures"),
        (WHOLE + "mood = 1", "mood: Extra inputs"),
        ("data =", "is not TOML"),
    ],
)
def test_incomplete_card_notes_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.toml"
    path.write_text(text)
    with pytest.raises(CardNotesError, match=message):
        read_card_notes(path)


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CardNotesError, match=r"cannot be read.*models/card-notes.toml"):
        read_card_notes(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CardNotesError, match="cannot be read"):
        read_card_notes(tmp_path / "binary.toml")
