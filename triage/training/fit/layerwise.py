"""A learning rate for each layer of a two-look network: the earlier the layer, the less it moves from its start.

Layer-wise decay as in Clark et al., "ELECTRA" (ICLR 2020). Adam divides a gradient by its size, so that scaled
gradients would change nothing: it is the step that is scaled.
"""

from __future__ import annotations

import re

import keras

from triage.networks.twolook import encoder_of

#: Decoder and heads start from random weights, so they take larger steps than any layer of the encoder.
HEADS_SHARE = 2.0


class LayerwiseAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW with a share of the learning rate for each variable, in the order of the variables it is built with."""

    def __init__(self, shares: list[float], *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.shares = shares

    def update_step(
        self, gradient: keras.KerasTensor, variable: keras.Variable, learning_rate: keras.KerasTensor
    ) -> None:
        """Update one variable."""
        super().update_step(gradient, variable, learning_rate * self.shares[self._get_variable_index(variable)])


def shares_of(model: keras.Model, decay: float) -> list[float]:
    """Return the share of each trainable variable of a two-look network.

    Parameters
    ----------
    model
        From `triage.networks.twolook.build_two_look`.
    decay
        Share of the last block of the encoder. That of the block before is this share of it, and so on to the input.
    """
    encoder = keras.Model(model.input, model.get_layer(encoder_of(model)[1].last_map).output)
    steps, block = {}, -1
    for layer in encoder.layers:
        found = re.match(r"block(\d+)_", layer.name)
        block = int(found[1]) if found else block
        steps[layer.name] = block
    shares = {name: decay ** (block + 1 - step) for name, step in steps.items()}
    return [shares.get(layer.name, HEADS_SHARE) for layer in model.layers for _ in layer.trainable_variables]
