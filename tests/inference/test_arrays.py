"""Arrays of a model folder are read whole; a damaged file is named, with what helps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from triage.errors import ModelError
from triage.inference.arrays import Arrays, read_arrays, read_memory


def total(arrays: Arrays) -> float:
    return float(arrays["values"].sum())


def damages(whole: bytes) -> dict[str, bytes]:
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes(value ^ 255 for value in whole[middle : middle + 40]) + whole[middle + 40 :]
    return {"empty": b"", "other": b"no arrays", "short": whole[:middle], "flipped": flipped}


def test_the_arrays_are_given_by_name(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "some.npz", values=np.arange(4), other=np.zeros(2))
    assert read_arrays(tmp_path / "some.npz", total, "") == 6
    assert read_memory(tmp_path, {"some.npz"}, "some.npz", total) == 6
    assert read_memory(tmp_path, {"model.onnx"}, "some.npz", total) is None, "the card does not name it"


@pytest.mark.parametrize("damage", ["empty", "other", "short", "flipped"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "some.npz"
    np.savez_compressed(path, values=np.random.default_rng(0).random(1000))
    path.write_bytes(damages(path.read_bytes())[damage])
    with pytest.raises(ModelError, match=r"some\.npz is damaged\. .* triage remember"):
        read_memory(tmp_path, {"some.npz"}, "some.npz", total)
    with pytest.raises(ModelError, match="bring it back"):
        read_arrays(path, total, "bring it back")


def test_a_missing_file_or_array_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="bring it back"):
        read_arrays(tmp_path / "some.npz", total, "bring it back")
    np.savez(tmp_path / "some.npz", other=np.zeros(2))
    with pytest.raises(ModelError, match="bring it back"):
        read_arrays(tmp_path / "some.npz", total, "bring it back")
