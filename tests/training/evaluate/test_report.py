"""The HTML report: figures and pictures in one file, and text of a data set shown as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from triage.training.evaluate.report import Mistake, write_report

HOSTILE = "</title><script>alert('x')</script>&.png"


def figure(value: float | None) -> dict[str, float | None]:
    return {"value": value, "low": value and value - 0.1, "high": value and value + 0.1}


def summary() -> dict[str, object]:
    classes = ["tumor", "notumor"]
    kinds = ("precision", "recall", "f1", "auroc", "sensitivity_at_95_specificity")
    return {
        "model": HOSTILE,
        "data": {"layout": HOSTILE, "judged": 1234, "notes": [HOSTILE, "the test part"]},
        "skipped": [{"path": HOSTILE, "reason": "is no picture"}],
        "classes": classes,
        "counts": {"tumor": 617, "notumor": 617},
        "intervals": "95 %, 10 bootstrap draws by patient",
        "confusion": [[600, 17], [0, 617]],
        "confusion_shares": {true: {called: figure(0.5) for called in classes} for true in classes},
        "figures": {name: figure(0.875) for name in ("accuracy", "ece", "brier")}
        | {f"{kind}_{name}": figure(None) for kind in kinds for name in classes},
        "masks": {
            "pictures": 9,
            "called_tumour": 7,
            "intervals": "95 %",
            "figures": {name: figure(0.625) for name in ("dice", "iou", "dice_where_called")},
        },
    }


def test_text_of_the_data_is_escaped_and_figures_are_shown(tmp_path: Path) -> None:
    mistake = Mistake(HOSTILE, "tumor", "notumor", 0.875, np.zeros((8, 8), np.uint8))
    path = tmp_path / "report.html"
    write_report(path, summary(), np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), [mistake])
    page = path.read_text()
    assert "alert('x')" not in page
    assert page.count("&lt;script&gt;alert(") == 6, "title, heading, layout, note, mistake, skipped file"
    assert "1,234 pictures" in page
    assert "tumor 617, notumor 617." in page
    assert "0.875 <small>(0.775 to 0.975)</small>" in page
    assert "<td>–</td>" in page
    assert "7 of 9 pictures with a mask are called a tumour" in page
    assert "tumor, called notumor (0.88)" in page
    assert page.count("data:image/jpeg;base64,") == 1
    assert page.count('id="chart') == 3
    assert "<script src=" not in page


def test_a_report_without_masks_and_skipped_files_has_no_such_sections(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    plain = summary() | {"masks": None, "skipped": []}
    write_report(path, plain, np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), [])
    page = path.read_text()
    assert "<h2>Masks</h2>" not in page
    assert "<h2>Skipped files</h2>" not in page
    assert "<figure>" not in page
