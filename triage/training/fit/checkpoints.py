"""What a run leaves on disk, each file whole or not there: a kill or a full disk costs the epoch, never the run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from triage.errors import StorageError, TriageError
from triage.inference.card import KERAS

STATE = "state.npz"
Row = dict[str, float]


class ResumeError(TriageError):
    """The run folder is not of this run, or holds no state to resume from."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a path to write to; what was written takes the place of `path` when all of it is on the disk.

    Raises
    ------
    StorageError
        If the disk does not take it. `path` is then what it was.
    """
    # The suffix stays, since Keras and NumPy go by it.
    part = path.with_name(f"part-{path.name}")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(
            f"{path.name} could not be written ({error.strerror or error}); the one from before is whole. Free some "
            f"space in {path.parent} and go on with --resume."
        ) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, whole."""
    with whole(path) as part:
        part.write_text(json.dumps(value, indent=1) + "\n")


def save_model(model: keras.Model, folder: Path) -> None:
    """Write ``model.keras``, whole."""
    with whole(folder / KERAS) as part:
        model.save(part, include_optimizer=False)


def save_state(model: keras.Model, folder: Path, curve: list[Row]) -> None:
    """Write all that the next epoch depends on: weights, the optimizer's variables, random states and the curve.

    One file, so that a kill between two files cannot leave an epoch's weights with another's optimizer.
    """
    arrays: dict[str, Any] = {f"v{index}": np.asarray(variable) for index, variable in enumerate(_variables(model))}
    with whole(folder / STATE) as part:
        np.savez(part, curve=json.dumps(curve), **arrays)


def load_state(model: keras.Model, folder: Path) -> list[Row]:
    """Put a saved state into a compiled model; return the curve so far.

    Raises
    ------
    ResumeError
        If there is none, or it is of another network.
    """
    if not (folder / STATE).is_file():
        raise ResumeError(f"{folder} holds no {STATE} to resume from. Start it without --resume.")
    with np.load(folder / STATE) as state:
        curve: list[Row] = json.loads(str(state["curve"]))
        variables = _variables(model)
        if len(variables) != len(state.files) - 1:
            raise ResumeError(f"{folder} is a run of another network. Start it without --resume, in another folder.")
        for index, variable in enumerate(variables):
            variable.assign(state[f"v{index}"])
    return curve


@contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Give the model its averaged weights for a while, where its optimizer keeps an average."""
    if not model.optimizer.use_ema:
        yield
        return
    current = [np.asarray(variable) for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, current, strict=True):
            variable.assign(value)


def once(path: Path, settings: dict[str, Any], resume: bool) -> None:
    """Write a run's settings, or when resuming check that they are the same.

    Raises
    ------
    ResumeError
        If the folder is taken by a run, or the settings differ.
    """
    value: dict[str, Any] = json.loads(json.dumps(settings))
    if not path.exists():
        if resume:
            raise ResumeError(f"{path.parent} holds no run to resume. Start it without --resume.")
        write_json(path, value)
        return
    if not resume:
        raise ResumeError(f"{path.parent} holds a run. Go on with it by --resume, or choose another folder.")
    before: dict[str, Any] = json.loads(path.read_text())
    changed = sorted(key for key in value if before.get(key) != value[key])
    if changed:
        raise ResumeError(
            f"{path.parent} was started with another {', '.join(changed)}. Resume with the same options and data."
        )


def _variables(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
