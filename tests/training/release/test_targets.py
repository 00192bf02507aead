"""Targets compared with figures and their intervals, and the rendered model card."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from triage.inference.card import MODEL_CARD, read_card
from triage.settings import ROOT, Settings
from triage.training.release.model_card import model_card
from triage.training.release.targets import targets_of, verdict

#: A released model with a run on fewer sources, evaluated on the others, and with volumes.
VALIDATED = ROOT / "models" / "two-look-v6.1"


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict_text"),
    [
        (0.97, 0.96, 0.98, "reached"),
        (0.95, 0.95, 0.98, "reached"),
        (0.96, 0.94, 0.98, "reached, but the interval includes the target"),
        (0.94, 0.92, 0.96, "missed, but the interval includes the target"),
        (0.94, 0.92, 0.949, "missed"),
    ],
)
def test_a_figure_is_compared_with_its_target(value: float, low: float, high: float, verdict_text: str) -> None:
    assert verdict({"value": value, "low": low, "high": high}, 0.95) == verdict_text


def test_a_figure_without_a_value_is_not_measurable() -> None:
    assert verdict({"value": None, "low": None, "high": None}, 0.95) == "not measurable"


def test_a_smaller_calibration_error_is_better() -> None:
    card = read_card(Settings().model)
    ece = card.metrics["test"]["figures"]["ece"]
    for value, verdict_text in ((0.01, "reached"), (0.05, "missed")):
        ece |= {"value": value, "low": value - 0.005, "high": value + 0.005}
        rows = {row[0]: row for row in targets_of(card)}
        assert rows["calibration error (ECE)"][1:] == (
            "0.03 or less",
            f"{value:.3f} ({value - 0.005:.3f} to {value + 0.005:.3f})",
            verdict_text,
        )


def test_the_large_source_with_the_most_refusals_counts() -> None:
    card = read_card(Settings().model)
    name = "brains that the gate refuses, in the source with the most"
    for refused, verdict_text in ((2, "reached"), (3, "missed")):
        card.metrics["gate"]["refused"] = {"web": [0, 500], "scanner": [refused, 200], "few": [9, 10]}
        assert (name, "1% or less", f"{refused / 200:.2%} of scanner", verdict_text) in targets_of(card)


def test_real_strangers_count_together_and_drawn_ones_do_not() -> None:
    card = read_card(Settings().model)
    name = "real pictures of anything else that the gate lets pass"
    for passed, verdict_text in ((2, "reached"), (3, "missed")):
        card.metrics["gate"]["passed"] = {"ct": [passed, 150], "heart": [0, 50], "drawn CT": [9, 10]}
        expected = (name, "1% or less", f"{passed / 200:.2%} ({passed} of 200)", verdict_text)
        assert expected in targets_of(card)
    card.metrics["gate"]["passed"] = {"drawn CT": [9, 10]}
    assert name not in {row[0] for row in targets_of(card)}


def test_all_volumes_must_be_flagged() -> None:
    card = read_card(Settings().model)
    volumes = card.metrics["volumes"]
    for row in volumes:
        row["flagged"] = True
    assert ("volumes flagged as glioma", "6 of 6", "6 of 6", "reached") in targets_of(card)
    volumes[0]["flagged"] = False
    assert ("volumes flagged as glioma", "6 of 6", "5 of 6", "missed") in targets_of(card)


def test_a_target_without_a_figure_is_left_out() -> None:
    card = read_card(VALIDATED)
    before = {row[0] for row in targets_of(card)}
    del card.metrics["new_sources"], card.metrics["volumes"]
    gone = before - {row[0] for row in targets_of(card)}
    assert len(gone) == 4
    assert all("new sources" in name or "volumes" in name for name in gone)


def test_the_shipped_model_card_is_rendered_from_the_card() -> None:
    folder: Path = Settings().model
    assert (folder / MODEL_CARD).read_text() == model_card(read_card(folder))


def test_names_of_files_cannot_break_a_table_of_the_card() -> None:
    card = read_card(Settings().model)
    card.metrics["volumes"][0]["volume"] = "a|b\n| c | <img src=x> `d`.nii.gz"
    card.metrics["test"]["by_source"]["*x*|y"] = card.metrics["test"]["by_source"].pop("sartaj")
    tables = [line for line in model_card(card).splitlines() if line.startswith("|")]
    volume = next(line for line in tables if "img src" in line)
    assert r"a\|b \| c \| \<img src\=x\>" in volume
    assert len(re.findall(r"(?<!\\)\|", volume)) == 8
    assert any(r"\*x\*\|y" in line for line in tables)


def test_a_card_without_external_validation_and_volumes_has_no_such_sections() -> None:
    card = read_card(VALIDATED)
    whole = model_card(card)
    del card.metrics["new_sources"], card.metrics["volumes"]
    text = model_card(card)
    for heading in ("## External validation", "## Volumes, evaluated as studies"):
        assert heading in whole
        assert heading not in text
    assert "\n\n\n" not in text
    assert "\n\n\n" not in whole
