from __future__ import annotations

from pathlib import Path

import pytest
from drawn import manifest_set

from triage.training.data.splits import CLASSES
from triage.training.evaluate.linear_probe import probe
from triage.training.evaluate.metrics import metrics_for
from triage.training.layouts import read_dataset


@pytest.mark.slow
def test_the_baseline_has_all_figures_of_a_network(tmp_path: Path) -> None:
    figures = probe(read_dataset(manifest_set(tmp_path, each=10)), size=32)
    assert list(figures) == list(metrics_for(CLASSES["finding"]))
    assert figures["accuracy"].value > 0.25
