from __future__ import annotations

import numpy as np

from triage.networks.cnn import build_cnn


def test_the_tuned_network_has_the_published_number_of_parameters() -> None:
    model = build_cnn(4, 224, dense=(64, 16), dropout=0.3, batch_norm=True)
    assert round(model.count_params() / 1e6, 2) == 3.24


def test_the_output_is_logits() -> None:
    model = build_cnn(2, 32, dense=(8,))
    logits = np.asarray(model(np.full((3, 32, 32, 1), 255.0, np.float32)))
    assert logits.shape == (3, 2)
    assert not np.allclose(logits.sum(axis=1), 1)
