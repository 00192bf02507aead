"""The decision function is that of scikit-learn, and a damaged file is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.svm import SVC

from triage.errors import ModelError
from triage.inference.brain_gate import BrainGate, load_gate


def test_the_decision_is_that_of_the_machine_that_was_fitted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (60, 5)).astype(np.float32)
    brain = features[:, 0] > 3
    mean, scale = features.mean(axis=0), features.std(axis=0)
    machine = SVC(C=2.0, gamma=0.1).fit((features - mean) / scale, brain)
    gate = BrainGate(
        mean,
        scale,
        machine.support_vectors_.astype(np.float32),
        machine.dual_coef_[0].astype(np.float32),
        float(machine.intercept_[0]),
        0.1,
        0.25,
    )
    gate.save(tmp_path / "gate.npz")
    read = load_gate(tmp_path / "gate.npz")
    expected = machine.decision_function((features - mean) / scale)
    assert [read.decision(row) for row in features] == pytest.approx(expected, abs=1e-4)
    assert [read.passes(row) for row in features] == (expected >= 0.25).tolist()
    assert not any(replace(read, least=99.0).passes(row) for row in features)


def test_a_gate_of_an_earlier_release_looks_at_the_last_features_only() -> None:
    rng = np.random.default_rng(1)
    mean, vectors = rng.normal(0, 1, 3).astype(np.float32), rng.normal(0, 1, (4, 3)).astype(np.float32)
    gate = BrainGate(mean, np.full(3, 2, np.float32), vectors, np.array([1, -1, 2, -2], np.float32), 0.5, 0.3, 0.0)
    last = rng.normal(0, 1, 3).astype(np.float32)
    distances = ((vectors - (last - mean) / 2) ** 2).sum(axis=1)
    expected = np.exp(-0.3 * distances) @ [1, -1, 2, -2] + 0.5
    assert gate.decision(last) == pytest.approx(expected, abs=1e-5)
    for finer in (np.zeros(2, np.float32), np.full(2, 9, np.float32)):
        assert gate.decision(np.concatenate([finer, last])) == pytest.approx(expected, abs=1e-5)
    assert gate.decision(np.concatenate([last, np.zeros(2, np.float32)])) != pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("content", [None, b"", b"no gate", b"PK\x03\x04 cut short"])
def test_a_missing_or_damaged_gate_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "gate.npz").write_bytes(content)
    with pytest.raises(ModelError, match="is missing or no gate"):
        load_gate(tmp_path / "gate.npz")


def test_a_file_without_a_part_of_the_gate_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "gate.npz", mean=np.zeros(3))
    with pytest.raises(ModelError, match="is missing or no gate"):
        load_gate(tmp_path / "gate.npz")
