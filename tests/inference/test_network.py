"""The network as it serves, on processors of all kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from triage.inference import network
from triage.inference.card import ONNX
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.views import FRAME
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
    assert network._sums_without_overflow() is fast
