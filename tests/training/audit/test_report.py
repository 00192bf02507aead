from __future__ import annotations

from pathlib import Path

from PIL import Image
from rich.console import Console

from triage.training.audit import audit, contact_sheet, tables
from triage.training.audit.report import worst_pairs


def test_report_renders(folder: Path, tmp_path: Path) -> None:
    found = audit(folder, against=folder)
    console = Console(record=True, width=160, file=(tmp_path / "out.txt").open("w"))
    with console.file:
        console.print(tables(found))
    assert "copies with contradicting labels" in console.export_text()
    contact_sheet(found, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 3 * 332


def test_the_worst_pairs_come_first(folder: Path) -> None:
    found = audit(folder)
    pairs = worst_pairs(found)
    assert [pair.contradicts for pair in pairs] == [True, False, False, False]
    assert pairs[1].crosses
    assert pairs[2].similarity >= pairs[3].similarity
