"""The two-look policy: sure, in doubt, and the same whoever asks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from triage.domain import Finding
from triage.inference import network, two_look
from triage.inference.card import ONNX
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.two_look import Look, log_probabilities, look_twice
from triage.inference.views import FRAME, MIDDLE, WHOLE, Box, crop, second_look
from triage.phantoms import Phantom
from triage.scans.formats.raster import decode
from triage.settings import Settings


def test_in_doubt_the_middle_is_looked_at_closer(slices: list[Phantom], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Network(Settings().model / ONNX)
    frame = prepare(decode(slices[0].png).pixels, FRAME)[0]
    shown: list[Box] = []

    def counted(picture: np.ndarray, box: Box, size: int) -> np.ndarray:
        shown.append(box)
        return crop(picture, box, size)

    monkeypatch.setattr(network, "crop", counted)
    monkeypatch.setattr(two_look, "SURE", 1.0)
    answers = {}
    for doubt in (0.0, 1.0):
        shown.clear()
        monkeypatch.setattr(two_look, "DOUBT", doubt)
        answers[doubt] = asked.look_twice(frame)
        assert shown[:-1] == ([WHOLE, MIDDLE] if doubt else [WHOLE])
        assert shown[-1] == answers[doubt][1].box == second_look(answers[doubt][0].mask)
    alone, together = answers[0.0][0], answers[1.0][0]
    np.testing.assert_allclose(np.exp(together.log_probabilities).sum(), 1, rtol=1e-5)
    assert not np.allclose(together.log_probabilities, alone.log_probabilities)
    inner = slice(round(0.125 * len(alone.mask)), round(0.875 * len(alone.mask)))
    beside = np.ones(alone.mask.shape, bool)
    beside[inner, inner] = False
    np.testing.assert_array_equal(together.mask[beside], alone.mask[beside])
    assert not np.allclose(together.mask[inner, inner], alone.mask[inner, inner])
    np.testing.assert_array_equal(together.cam, alone.cam)


def test_there_is_no_second_look_where_the_first_is_sure(
    slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Network(Settings().model / ONNX)
    frame = prepare(decode(slices[0].png).pixels, FRAME)[0]
    none = float(np.exp(asked.look(frame, WHOLE).log_probabilities[two_look.NOTUMOR]))
    monkeypatch.setattr(two_look, "SURE", none * 1.01)
    _, second = asked.look_twice(frame)
    assert second.box.side < 1
    monkeypatch.setattr(two_look, "SURE", none * 0.99)
    first, second = asked.look_twice(frame)
    assert first is second


def test_each_slice_of_a_batch_is_looked_at_as_it_is_alone() -> None:
    """Of three slices one is sure, one plain, one in doubt: each gets the views that it needs, no other."""
    first = {0: (0.02, 0.02, 0.01, 0.95), 1: (0.90, 0.05, 0.03, 0.02), 2: (0.40, 0.30, 0.20, 0.10)}
    asked: list[tuple[int, Box]] = []

    def ask(frames: np.ndarray, boxes: Sequence[Box]) -> list[Look]:
        looks = []
        for frame, box in zip(frames, boxes, strict=True):
            number = int(frame[0, 0])
            asked.append((number, box))
            answer = first[number] if box == WHOLE else (0.1, 0.7, 0.1, 0.1)
            mask = np.zeros((8, 8), np.float32)
            mask[number, number] = 0.9
            looks.append(Look(box, np.log(np.array(answer, np.float32)), mask))
        return looks

    frames = np.stack([np.full((FRAME, FRAME), number, np.uint8) for number in first])
    looks = look_twice(ask, frames)
    assert [sum(number == at for number, _ in asked) for at in first] == [1, 2, 3]
    assert (2, MIDDLE) in asked
    assert looks[0][0] is looks[0][1]
    alone = [look_twice(ask, frames[at : at + 1])[0] for at in first]
    for together, single in zip(looks, alone, strict=True):
        for one, other in zip(together, single, strict=True):
            assert one.box == other.box
            np.testing.assert_array_equal(one.log_probabilities, other.log_probabilities)
            np.testing.assert_array_equal(one.mask, other.mask)
    table = np.exp(log_probabilities(looks)[0])
    assert table.shape == (3, len(Finding))
    expected = np.sqrt(np.array(first[2]) * (0.1, 0.7, 0.1, 0.1))
    np.testing.assert_allclose(table[2], expected / expected.sum(), rtol=1e-5)
