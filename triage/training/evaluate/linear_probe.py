"""The baseline: a logistic regression on frozen ImageNet features of the whole slice.

``python -m triage.training.evaluate.linear_probe DATA`` trains it on folds 1 to 4 and prints its figures on fold 0,
with the pictures, the preprocessing and the intervals of the released network.
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
from triage.training.data.splits import CLASSES, Sample, Split, cut
from triage.training.evaluate.metrics import Figure, metrics_for, with_intervals
from triage.training.evaluate.scorer import resampling_groups, truth_for
from triage.training.fit.loop import predict
from triage.training.layouts import Dataset, read_dataset
from triage.training.views.frames import load_frames_of


def probe(dataset: Dataset, size: int = 224) -> dict[str, Figure]:
    """Return the figures of the baseline on the patients of fold 0."""
    network = build_lite0(size=size)
    load_imagenet(network, imagenet_lite0())
    encoder = keras.Model(network.input, network.get_layer("pool").output)

    def features(samples: Sequence[Sample]) -> NDArray[np.float32]:
        return predict(encoder, load_frames_of(dataset.root, samples, size).pixels)

    classes = CLASSES["finding"]
    parts = cut(dataset, "finding", Split.PATIENTS, seed=0, validation_fold=False)
    train, test = ([sample.item for sample in part] for part in (parts.train, parts.test))
    # A usual regularisation for this number of features; nothing is tuned on the test fold.
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    classifier.fit(features(parts.train), truth_for(train, classes))
    probabilities = classifier.predict_proba(features(parts.test))
    groups, _ = resampling_groups(test)
    return with_intervals(metrics_for(classes), probabilities, truth_for(test, classes), groups)


if __name__ == "__main__":
    for name, figure in probe(read_dataset(Path(sys.argv[1]))).items():
        print(f"{name:20} {figure}")
