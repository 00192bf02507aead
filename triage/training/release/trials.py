"""The weights of a release's cross-validation runs, kept beside its network so that its figures can be made again.

Tested in tests/training/release/test_release.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from triage.networks.lite0 import LOGITS
from triage.networks.twolook import build_two_look, encoder_of
from triage.training.evaluate.scorer import Scorer
from triage.training.fit.checkpoints import atomic_write
from triage.training.release.runs import fold_of

#: Folder inside the model folder.
TRIALS = "trials"


def write_trials(trials: Sequence[Scorer], folder: Path) -> None:
    """Write the weights of each trial to ``trials/fold-<test fold>.npz`` in a model folder, in 16 bits."""
    (folder / TRIALS).mkdir(exist_ok=True)
    for trial in trials:
        arrays = {str(index): array.astype(np.float16) for index, array in enumerate(trial.trained.get_weights())}
        with atomic_write(folder / TRIALS / f"fold-{fold_of(trial)}.npz") as part, part.open("wb") as stream:
            np.savez(stream, **arrays)


def read_trial(shipped: keras.Model, path: Path) -> keras.Model:
    """Return the network of a trial; `shipped` is the released network, which has the same form."""
    model = build_two_look(shipped.input_shape[1], shipped.get_layer(LOGITS).units, encoder=encoder_of(shipped)[0])
    with np.load(path) as stored:
        model.set_weights([stored[name] for name in stored.files])
    return model
