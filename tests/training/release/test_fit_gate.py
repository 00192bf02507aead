"""A gate is measured on sources that it was fitted without; CT among the pictures of the web is no brain."""

from __future__ import annotations

import numpy as np
import pytest

from triage.training.release.fit_gate import Examples, fit_gate

FEATURES = 6


def pictures(source: str, brain: bool, centre: float, count: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 0.3, (count, FEATURES)).astype(np.float32)
    features[:, 0] += centre
    return Examples(features, np.full(count, brain), np.full(count, source))


def joined(*parts: Examples) -> Examples:
    return Examples(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "brain", "sources"))
    )


@pytest.fixture(scope="module")
def examples() -> Examples:
    return joined(
        pictures("scanner", True, 2, 60, 1),
        pictures("other scanner", True, 2.2, 40, 2),
        pictures("ct", False, -2, 40, 3),
        pictures("heart", False, -2.2, 30, 4),
        pictures("sartaj", True, 2.1, 30, 5),
        pictures("sartaj", True, -2.1, 6, 6),  # CT among them
    )


def test_the_gate_tells_both_apart_and_counts_ct_of_the_web(examples: Examples) -> None:
    gate, report = fit_gate(examples)
    assert report["counted_as_ct"] == {"sartaj": 6}
    assert report["refused"]["scanner"][0] <= 1  # without its source, the gate knows 70 brains of two others
    assert report["refused"]["sartaj"][1] == 30
    assert report["passed"]["ct"] == [0, 40]
    assert report["passed"]["sartaj"][1] == 6
    assert report["vectors"] == len(gate.vectors)
    for row, brain in zip(examples.features[:170], examples.brain[:170], strict=True):
        assert gate.passes(row) == brain


def test_a_source_that_is_like_nothing_else_shows_in_the_report(examples: Examples) -> None:
    """Fitted with its source, a gate knows these pictures; the report says what one without it does."""
    odd = joined(examples, pictures("odd organ", False, 2.1, 20, 7))
    gate, report = fit_gate(odd)
    assert report["passed"]["odd organ"][0] > 15
    assert len(gate.vectors) > 0
