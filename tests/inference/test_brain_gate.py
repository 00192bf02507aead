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
