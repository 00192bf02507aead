from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from triage.inference.explain import Method, class_map
from triage.networks import backbones
from triage.networks.backbones import BACKBONES, LITE0, WeightsError, build_backbone


@pytest.mark.parametrize("backbone", [name for name in BACKBONES if name != "resnet101"])
def test_every_backbone_is_one_flat_graph_of_gray_pictures(backbone: str) -> None:
    model, started_from = build_backbone(backbone, 4, 32, weights="none")
    assert started_from == "none"
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert model.input_shape == (None, 32, 32, 1)
    assert model.output_shape == (None, 4)


def test_lite0_starts_from_the_packaged_weights() -> None:
    model, started_from = build_backbone(LITE0, 4, 32)
    again, _ = build_backbone(LITE0, 4, 32)
    assert "packaged" in started_from
    kernel = model.get_layer("head_conv").get_weights()[0]
    np.testing.assert_array_equal(kernel, again.get_layer("head_conv").get_weights()[0])


def test_grad_cam_works_on_a_backbone() -> None:
    model, _ = build_backbone("efficientnetb0", 4, 64)
    shown = class_map(model, np.random.default_rng(0).uniform(0, 255, (64, 64)).astype(np.float32), 0, Method.GRAD_CAM)
    assert shown.shape == (64, 64)
    assert np.isfinite(shown).all()


def test_weights_are_loaded_from_a_file_of_the_same_network(tmp_path: Path) -> None:
    published = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(32, 32, 3))
    file = tmp_path / "notop.weights.h5"
    published.save_weights(file)
    model, started_from = build_backbone("efficientnetb0", 4, 32, weights=str(file))
    assert started_from == "file notop.weights.h5"
    for name in ("stem_conv", "top_conv"):
        np.testing.assert_array_equal(
            model.get_layer(name).get_weights()[0], published.get_layer(name).get_weights()[0]
        )


def test_weights_are_loaded_from_a_run(tmp_path: Path) -> None:
    before, _ = build_backbone(LITE0, 2, 32, weights="none")
    before.save(tmp_path / "model.keras")
    model, _ = build_backbone(LITE0, 4, 32, weights=str(tmp_path / "model.keras"))
    np.testing.assert_array_equal(
        model.get_layer("stem_conv").get_weights()[0], before.get_layer("stem_conv").get_weights()[0]
    )


def test_frozen_layers_are_not_trained() -> None:
    model, _ = build_backbone(LITE0, 4, 32, frozen=-1)
    assert [layer.name for layer in model.layers if layer.trainable_weights] == ["logits"]
    some, _ = build_backbone(LITE0, 4, 32, frozen=20)
    assert not any(layer.trainable_weights for layer in some.layers[:20])
    assert some.layers[-1].trainable_weights


def test_batch_norms_keep_the_loaded_statistics() -> None:
    loaded, _ = build_backbone(LITE0, 4, 32)
    fresh, _ = build_backbone(LITE0, 4, 32, weights="none")
    norms = sum(isinstance(layer, keras.layers.BatchNormalization) for layer in loaded.layers)
    assert len(fresh.trainable_weights) - len(loaded.trainable_weights) == 2 * norms


@pytest.mark.parametrize(
    ("backbone", "weights", "message"),
    [
        ("alexnet", None, "Choose one of resnet50"),
        ("resnet50", "packaged", "--backbone efficientnet-lite0"),
        ("vgg16", "missing.h5", "does not exist"),
        (LITE0, "imagenet", "Use --weights packaged"),
        (LITE0, "missing.keras", "cannot be read as a network"),
    ],
)
def test_unavailable_weights_are_refused_with_the_remedy(backbone: str, weights: str | None, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        build_backbone(backbone, 4, 32, weights=weights)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.weights.h5"
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save_weights(file)
    with pytest.raises(WeightsError, match="weights of this network without its top"):
        build_backbone("efficientnetb0", 4, 32, weights=str(file))


def test_a_failed_download_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    build = keras.applications.EfficientNetB0

    def offline(**options: object) -> keras.Model:
        if options["weights"] == "imagenet":
            raise Exception("URL fetch failure")  # what keras.utils.get_file raises
        return build(**options)

    monkeypatch.setattr(backbones.keras.applications, "EfficientNetB0", offline)
    with pytest.raises(WeightsError, match="Connect to the internet"):
        build_backbone("efficientnetb0", 4, 32, weights="imagenet")
