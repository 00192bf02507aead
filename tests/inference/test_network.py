"""The network as it serves, on processors of all kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from triage.inference import network
from triage.inference.card import ONNX
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.views import FRAME, MIDDLE, WHOLE, Box, crop, second_look
from triage.phantoms import Phantom
from triage.scans.formats.raster import decode
from triage.settings import Settings


@pytest.mark.parametrize("flags", ["fpu avx2", None])
def test_a_processor_without_vnni_gives_the_same_answers(
    flags: str | None, slices: list[Phantom], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is lacking, or nothing tells, the slower way is taken; one that overflowed would differ."""
    path = Settings().model / ONNX
    frame = prepare(decode(slices[0].png).pixels, FRAME)[0]
    expected = Network(path).look_twice(frame)
    processor = tmp_path / "cpuinfo"
    if flags:
        processor.write_text(f"processor : 0\nflags : {flags}\n")
    monkeypatch.setattr(network, "PROCESSOR", processor)
    for look, same in zip(Network(path).look_twice(frame), expected, strict=True):
        np.testing.assert_allclose(look.log_probabilities, same.log_probabilities, atol=1e-4)
        np.testing.assert_allclose(look.mask, same.mask, atol=1e-4)


@pytest.mark.parametrize(
    ("flags", "fast"), [("fpu avx512f avx512_vnni", True), ("fpu avx2 avx_vnni", True), ("fpu avx2", False)]
)
def test_the_fast_way_is_taken_only_with_vnni(
    flags: str, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a processor without VNNI the fast way overflows, so that which one is taken must follow its flags."""
    processor = tmp_path / "cpuinfo"
    processor.write_text(f"processor : 0\nflags : {flags}\n")
    monkeypatch.setattr(network, "PROCESSOR", processor)
    assert network._adds_without_overflow() is fast


def test_in_doubt_the_middle_is_looked_at_closer(slices: list[Phantom], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Network(Settings().model / ONNX)
    frame = prepare(decode(slices[0].png).pixels, FRAME)[0]
    shown: list[Box] = []

    def counted(picture: np.ndarray, box: Box, size: int) -> np.ndarray:
        shown.append(box)
        return crop(picture, box, size)

    monkeypatch.setattr(network, "crop", counted)
    monkeypatch.setattr(network, "SURE", 1.0)
    answers = {}
    for doubt in (0.0, 1.0):
        shown.clear()
        monkeypatch.setattr(network, "DOUBT", doubt)
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
    none = float(np.exp(asked.look(frame, WHOLE).log_probabilities[network.NOTUMOR]))
    monkeypatch.setattr(network, "SURE", none * 1.01)
    _, second = asked.look_twice(frame)
    assert second.box.side < 1
    monkeypatch.setattr(network, "SURE", none * 0.99)
    first, second = asked.look_twice(frame)
    assert first is second
