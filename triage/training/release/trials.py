"""The cross-validation runs of a release, kept beside its network: to check its figures, or to train them further.

Tested in tests/training/release/test_release.py.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import keras
import numpy as np

from triage.inference.card import KERAS
from triage.networks.backbones import open_saved
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import build_two_look, encoder_of
from triage.training.data.splits import FOLDS
from triage.training.fit.checkpoints import atomic_write, save_model, write_json
from triage.training.fit.curves import draw_curves
from triage.training.fit.lineage import PARTS_FILE, RESULT_FILE
from triage.training.fit.loop import CURVE_FILE, CURVE_PLOT, load_kept
from triage.training.fit.run import CONFIG_FILE, ENVIRONMENT_FILE, SKIPPED_FILE
from triage.training.release.runs import ReleaseError

#: Folder inside the model folder.
TRIALS = "trials"
RECORDS_FILE = "records.json.xz"
#: What a run folder says about its run.
RECORDS = (CONFIG_FILE, ENVIRONMENT_FILE, SKIPPED_FILE, PARTS_FILE, CURVE_FILE, RESULT_FILE)


def write_trials(runs: Sequence[Path], folder: Path) -> None:
    """Write what the runs are to a model folder: their weights in 16 bits, and their records.

    Parameters
    ----------
    runs
        Run folders, each with another test fold.
    folder
        The model folder.
    """
    kept = folder / TRIALS
    kept.mkdir(exist_ok=True)
    records = {}
    for run in runs:
        name = f"fold-{json.loads((run / CONFIG_FILE).read_text())['test_fold']}"
        records[name] = {file: json.loads((run / file).read_text()) for file in RECORDS}
        weights = {str(index): array.astype(np.float16) for index, array in enumerate(load_kept(run).get_weights())}
        with atomic_write(kept / f"{name}.npz") as part, part.open("wb") as stream:
            np.savez(stream, **weights)
    with atomic_write(kept / RECORDS_FILE) as part:
        part.write_bytes(lzma.compress(json.dumps(records).encode()))


def restore_trials(folder: Path, runs: Path) -> list[Path]:
    """Write the run folders of the trials that are kept in a model folder, without the state to continue from.

    Raises
    ------
    ReleaseError
        If the model folder holds none, they are damaged, or a run folder exists.
    """
    try:
        read = json.loads(lzma.decompress((folder / TRIALS / RECORDS_FILE).read_bytes()))
        # Only what `write_trials` names: a name in the file must not lead out of the folder.
        names = [name for name in map("fold-{}".format, range(FOLDS)) if name in read]
        records = {name: {file: read[name][file] for file in RECORDS} for name in names}
        shipped = open_saved(folder / KERAS)
        models = {name: _model(shipped, folder / TRIALS / f"{name}.npz") for name in records}
    except (OSError, ValueError, KeyError, TypeError, EOFError, lzma.LZMAError, BadZipFile) as error:
        raise ReleaseError(
            f"{folder} holds no cross-validation runs, or damaged ones ({type(error).__name__}). Name a model folder "
            "that `release` wrote, whole."
        ) from error
    restored = [runs / name for name in records]
    for run in restored:
        if run.exists():
            raise ReleaseError(f"{run} exists. Name another folder for the --runs.")
    for run in restored:
        run.mkdir(parents=True)
        for file, content in records[run.name].items():
            write_json(run / file, content)
        draw_curves(records[run.name][CURVE_FILE], run / CURVE_PLOT)
        save_model(models[run.name], run)
    return restored


def _model(shipped: keras.Model, path: Path) -> keras.Model:
    """Return the network of a trial, which has the form of the released one."""
    size, classes = shipped.input_shape[1], shipped.get_layer(LOGITS).units
    model = build_two_look(size, classes, encoder=encoder_of(shipped)[0])
    with np.load(path) as stored:
        model.set_weights([stored[name] for name in stored.files])
    return model
