"""Out-of-distribution detection: the Mahalanobis distance of a picture's features to those of the training pictures."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

#: Added to every eigenvalue of the correlation matrix (1 on average), so that directions in which the training pictures
#: hardly vary do not dominate the distance.
SHRINKAGE = 1.0


@keras.saving.register_keras_serializable("triage")
class MahalanobisDistance(keras.layers.Layer):  # type: ignore[misc]
    """Mahalanobis distance of feature vectors to those of the training pictures (Lee et al., NeurIPS 2018).

    It is the root mean square over the features, so it does not grow with their number. Training pictures are mostly
    below 1.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the variables that `fit` sets."""
        features = input_shape[-1]
        self.mean = self.add_weight(shape=(features,), trainable=False, name="mean")
        self.whitening = self.add_weight(shape=(features, features), trainable=False, name="whitening")

    def fit(self, features: NDArray[np.float32]) -> None:
        """Estimate mean and whitening matrix from the ``(pictures, features)`` of training pictures."""
        spread = features.std(axis=0) + 1e-6
        correlations = np.cov(((features - features.mean(axis=0)) / spread).T) + SHRINKAGE * np.eye(len(spread))
        whitening = np.linalg.cholesky(np.linalg.inv(correlations)) / spread[:, None]
        self.set_weights([features.mean(axis=0), whitening])

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return ``(batch,)`` distances of ``(batch, features)``."""
        return ops.sqrt(ops.mean(ops.square(ops.matmul(inputs - self.mean, self.whitening)), axis=-1))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return ``(batch,)``."""
        return (input_shape[0],)
