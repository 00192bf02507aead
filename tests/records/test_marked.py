"""What a browser sends as marks is taken as it is or refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from marked_samples import length, marks, mask

from triage.errors import ReadingError
from triage.records.marked import MAX_MEASUREMENTS, Mask, Measurement, described, marker, parse

FILE = "a" * 64
HERE = f"{FILE}/0"
SQUARE = mask(np.pad(np.ones((2, 3), bool), 1))


def test_marks_come_back_as_they_were_sent() -> None:
    sent = marks(length(HERE), masks={HERE: SQUARE}, keys=(HERE,))
    parsed = parse(sent, {FILE: 1})
    assert json.loads(json.dumps(parsed.stored())) == sent
    assert parsed.markers == {marker(FILE, 0)}
    assert parsed
    assert not parse(marks())


def test_an_outline_that_began_as_that_of_a_model_says_so() -> None:
    sent = marks(masks={HERE: SQUARE | {"origin": "0123456789abcdef"}})
    parsed = parse(sent)
    assert json.loads(json.dumps(parsed.stored())) == sent
    assert parsed.masks[HERE].origin == "0123456789abcdef"
    assert parse(marks(masks={HERE: SQUARE})).masks[HERE].origin is None
    with pytest.raises(ReadingError):
        parse(marks(masks={HERE: SQUARE | {"origin": "<b>some model</b>"}}))


def test_an_outline_that_was_changed_by_hand_says_so() -> None:
    sent = marks(masks={HERE: SQUARE | {"by_hand": True}})
    assert parse(sent).stored() == sent
    assert parse(sent).masks[HERE].by_hand
    assert not parse(marks(masks={HERE: SQUARE})).masks[HERE].by_hand
    with pytest.raises(ReadingError):
        parse(marks(masks={HERE: SQUARE | {"by_hand": "yes"}}))


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_a_mask_is_unpacked_pixel_for_pixel(pixels: np.ndarray) -> None:
    unpacked = Mask.model_validate(mask(pixels))
    assert np.array_equal(unpacked.pixels, pixels)
    assert unpacked.is_empty is not pixels.any()


def broken(**changes: Any) -> dict[str, Any]:
    return marks(length(HERE) | changes)


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "marks",
        {"format": 2},
        marks() | {"more": 1},
        broken(kind="circle"),
        broken(points=[[1, 2]]),
        broken(points=[[1, 2], [3]]),
        broken(points=[[1, 2], [3, float("nan")]]),
        broken(points=[[1, 2], [3, "4"]]),
        broken(values={"furlongs": 1}),
        broken(values={"mm": float("inf")}),
        broken(values={"mm": None}),
        broken(marker="0/0"),
        broken(marker=f"{FILE}/-1"),
        broken(id="../../x"),
        broken(unit=None),
        broken(script="x"),
        marks(*(length(HERE, name=f"{number:x}") for number in range(MAX_MEASUREMENTS + 1))),
        marks(masks={HERE: {"rows": 2, "columns": 2, "runs": [3]}}),
        marks(masks={HERE: {"rows": 2, "columns": 2, "runs": [1, 0, 3]}}),
        marks(masks={HERE: {"rows": 2, "columns": 2, "runs": [5, -1]}}),
        marks(masks={HERE: {"rows": 0, "columns": 2, "runs": [0]}}),
        marks(masks={HERE: {"rows": 2, "columns": 2, "runs": [True, 3]}}),
        marks(masks={"nowhere": SQUARE}),
        marks(keys=("nowhere",)),
        marks(length(f"{FILE}/1")),
        marks(keys=(f"{'b' * 64}/0",)),
    ],
)
def test_what_is_no_mark_of_the_study_is_refused_with_a_sentence(content: object) -> None:
    with pytest.raises(ReadingError) as caught:
        parse(content, {FILE: 1})
    assert str(caught.value).startswith("The marks were not saved")
    assert str(caught.value).endswith((".", "again."))
    assert len(str(caught.value)) < 300


def test_a_unit_is_kept_without_what_cannot_be_seen() -> None:
    (one,) = parse(broken(unit="\u202eH\x00U" + "x" * 100)).measurements
    assert one.unit == "HU" + "x" * 30


@pytest.mark.parametrize(
    ("kind", "values", "unit", "text"),
    [
        ("length", {"mm": 12.345}, "", "12.3 mm"),
        ("length", {"px": 3.14159}, "", "3.14 px"),
        ("angle", {"degrees": 90}, "", "90°"),
        ("probe", {"value": 1234.5, "stored": 3}, "HU", "1234 HU"),
        ("probe", {}, "", "outside the picture"),
        ("ellipse", {"mm2": 78.54}, "", "78.5 mm²"),
        (
            "ellipse",
            {"px2": 10, "mean": 99.26, "sd": 2.5, "min": 90, "max": 108, "pixels": 9},
            "",
            "mean 99.3, SD 2.50, 90 to 108, 10 px²",
        ),
    ],
)
def test_a_measurement_in_words(kind: str, values: dict[str, float], unit: str, text: str) -> None:
    count = {"length": 2, "angle": 3, "ellipse": 2, "probe": 1}[kind]
    sent = length(HERE) | {"kind": kind, "points": [[0, 0]] * count, "values": values, "unit": unit}
    assert described(Measurement.model_validate(sent)) == text
