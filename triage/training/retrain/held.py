"""AdamW that pulls every weight back to its start, the harder the more the old answers depend on it.

The pull is separate from the gradient, as the weight decay of AdamW is (Loshchilov & Hutter, ICLR 2019): in the loss,
as L2-SP (Li et al., ICML 2018) and EWC (Kirkpatrick et al., PNAS 2017) have it, Adam would divide it by its own size. A
step of Adam is at most about the learning rate, so a weight gets no further than where the pull is as strong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

Floats = NDArray[np.float32]
#: The importance of a weight counts between a quarter of the average and four times that.
RANGE = (0.25, 4.0)


class HeldAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW with a pull to the start for each variable, in the order of the variables it is built with."""

    def __init__(self, starts: Sequence[Floats], pulls: Sequence[Floats], *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.starts, self.pulls = starts, pulls

    def update_step(
        self, gradient: keras.KerasTensor, variable: keras.Variable, learning_rate: keras.KerasTensor
    ) -> None:
        """Update one variable."""
        at = self._get_variable_index(variable)
        moved = variable - ops.convert_to_tensor(self.starts[at], variable.dtype)
        back = ops.multiply(moved, ops.convert_to_tensor(self.pulls[at], variable.dtype))
        super().update_step(gradient, variable, learning_rate)
        self.assign_sub(variable, ops.multiply(back, ops.cast(learning_rate, variable.dtype)))


def held(model: keras.Model, importance: Mapping[str, Floats], furthest: float) -> tuple[list[Floats], list[Floats]]:
    """Return start and pull of each trainable variable.

    Parameters
    ----------
    model
        With the weights that it starts from.
    importance
        `triage.training.release.replay.Replay.importance`; empty if it is not known: then all count the same (L2-SP).
    furthest
        How far a weight of average importance gets.
    """
    starts = [np.asarray(variable) for variable in model.trainable_variables]
    known = [each for each in importance.values() if each.size]
    average = float(np.mean(np.concatenate(known))) if known else 1.0
    pulls = []
    for variable in model.trainable_variables:
        found = importance.get(variable.path)
        relative = np.ones(variable.shape[-1], np.float32) if found is None else found / max(average, 1e-12)
        pulls.append(np.clip(relative, *RANGE).astype(np.float32) / np.float32(furthest))
    return starts, pulls
