"""The baseline to beat: a logistic regression on frozen ImageNet features of the whole slice.

``python -m triage.training.probe DATA`` prints its figures on fold 0, trained on folds 1 to 4, same images, same
preprocessing, same intervals as for the network that ships.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from triage.networks.checkpoint import imagenet_lite0
from triage.networks.lite0 import build_lite0, load_imagenet
from triage.training.batches import load_frames
from triage.training.evaluate import Figure, figures, truth_of
from triage.training.manifest import Example, in_folds, read_manifest, typed


def probe(root: Path, train_folds: Sequence[int], test_folds: Sequence[int], size: int = 224) -> dict[str, Figure]:
    """Return the figures of the probe on typed examples of the test folds."""
    network = build_lite0(size=size)
    load_imagenet(network, imagenet_lite0())
    encoder = keras.Model(network.input, network.get_layer("pool").output)
    examples = typed(read_manifest(root))
    train, test = in_folds(examples, train_folds), in_folds(examples, test_folds)
    # The customary strength for features of this number; nothing is tuned on the test folds.
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    classifier.fit(_features(encoder, root, train, size), truth_of(train))
    return figures(classifier.predict_proba(_features(encoder, root, test, size)), test)


def _features(encoder: keras.Model, root: Path, examples: list[Example], size: int) -> NDArray[np.float32]:
    frames = load_frames(root, examples, size)[..., None].astype(np.float32)
    return np.asarray(encoder.predict(frames, batch_size=64, verbose=0))


if __name__ == "__main__":
    for name, figure in probe(Path(sys.argv[1]), (1, 2, 3, 4), (0,)).items():
        print(f"{name:20} {figure}")
