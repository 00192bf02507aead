"""How much the answers of a network depend on each of its weights: the diagonal of the Fisher information.

Kirkpatrick et al., "Overcoming catastrophic forgetting in neural networks" (PNAS 2017): the mean square of the gradient
of the log-likelihood, for answers drawn from the network itself. Tested in tests/training/release/test_replay.py.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy.special import expit, softmax

from triage.inference.views import WHOLE, crop, second_look
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK, build_two_look, encoder_of, start_from_two_look
from triage.training.fit.losses import allowed_classes_loss

Floats = NDArray[np.float32]


class SquaredGradients(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Leaves the weights as they are, and adds up the squares of their gradients."""

    def build(self, variables: list[keras.Variable]) -> None:
        """Create the sums."""
        if self.built:
            return
        super().build(variables)
        self.sums = self.add_optimizer_variables(variables, "sum")

    def update_step(
        self, gradient: keras.KerasTensor, variable: keras.Variable, learning_rate: keras.KerasTensor
    ) -> None:
        """Add the square of one gradient."""
        del learning_rate
        self.assign_add(self.sums[self._get_variable_index(variable)], ops.square(gradient))


def _mask_entropy(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    return ops.mean(ops.binary_crossentropy(target, logits, from_logits=True), axis=(1, 2, 3))


def importance_of(model: keras.Model, frames: NDArray[np.uint8], seed: int = 0) -> dict[str, Floats]:
    """Return the importance of the weights that a retraining changes, by the path of the variable.

    Parameters
    ----------
    model
        From `triage.networks.twolook.build_two_look`, trained; its weights are not changed.
    frames
        ``(slices, FRAME, FRAME)``: prepared training slices. Both looks at each count.
    seed
        Seed of the drawn answers.

    Returns
    -------
    dict
        ``(channels,)`` each: the mean over all weights of an output channel. By weight it would be larger than the
        network itself.
    """
    size, classes = int(model.input_shape[1]), int(model.output[LOGITS].shape[-1])
    counted = build_two_look(size, classes, 0.0, encoder=encoder_of(model)[0])
    start_from_two_look(counted, model, "last")
    optimizer = SquaredGradients(learning_rate=1.0)
    counted.compile(optimizer, {LOGITS: allowed_classes_loss, MASK: _mask_entropy}, jit_compile=False)
    rng = np.random.default_rng(seed)
    for frame in frames.astype(np.float32):
        box = WHOLE
        for _ in range(2):
            view = crop(frame, box, size)[None, ..., None]
            given = counted.predict_on_batch(view)
            mask = expit(np.asarray(given[MASK], np.float32))
            chances = softmax(np.asarray(given[LOGITS][0], np.float64))
            drawn = {
                LOGITS: np.eye(len(chances), dtype=np.float32)[[rng.choice(len(chances), p=chances)]],
                MASK: (rng.random(mask.shape) < mask).astype(np.float32),
            }
            counted.train_on_batch(view, drawn)
            box = second_look(mask[0, ..., 0])
    return {
        variable.path: np.sqrt(np.asarray(total).reshape(-1, total.shape[-1]).mean(axis=0)).astype(np.float32)
        for variable, total in zip(counted.trainable_variables, optimizer.sums, strict=True)
    }
