"""Files of a run folder, written atomically: a kill or a full disk loses the current epoch, never the run."""

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

STATE_FILE = "state.npz"
Row = dict[str, float]


class ResumeError(TriageError):
    """The run folder belongs to another run, or holds no state to resume from."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a path to write to; the written file replaces `path` once it is synced to disk.

    Raises
    ------
    StorageError
        If the file cannot be written. `path` is then unchanged.
    """
    # Keep the suffix: Keras and NumPy choose the format by it.
    part = path.with_name(f"part-{path.name}")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(
            f"{path.name} could not be written ({error.strerror or error}); its previous version is intact. Free some "
            f"space in {path.parent} and continue with --resume."
        ) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: object) -> None:
    """Write a JSON file atomically."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(value, indent=1) + "\n")


def save_model(model: keras.Model, folder: Path) -> None:
    """Write ``model.keras`` atomically."""
    with atomic_write(folder / KERAS) as part:
        model.save(part, include_optimizer=False)


def save_state(model: keras.Model, folder: Path, curve: list[Row]) -> None:
    """Write everything that the next epoch depends on: weights, optimizer variables, random states and the curve.

    All of it is in one file: a kill between two files could combine the weights of one epoch with the optimizer of
    another.
    """
    arrays: dict[str, Any] = {f"v{index}": np.asarray(variable) for index, variable in enumerate(_variables(model))}
    with atomic_write(folder / STATE_FILE) as part:
        np.savez(part, curve=json.dumps(curve), **arrays)


def load_state(model: keras.Model, folder: Path) -> list[Row]:
    """Restore a saved state into a compiled model; return the curve so far.

    Raises
    ------
    ResumeError
        If there is no state, or it belongs to another network.
    """
    if not (folder / STATE_FILE).is_file():
        raise ResumeError(f"{folder} holds no {STATE_FILE} to resume from. Start the run without --resume.")
    with np.load(folder / STATE_FILE) as state:
        curve: list[Row] = json.loads(str(state["curve"]))
        variables = _variables(model)
        if len(variables) != len(state.files) - 1:
            raise ResumeError(
                f"{folder} is a run of another network. Start this one without --resume, in another folder."
            )
        for index, variable in enumerate(variables):
            variable.assign(state[f"v{index}"])
    return curve


def epochs_done(folder: Path) -> int:
    """Return how many epochs the saved state of a run has behind it; its curve is written after it, or not at all."""
    with np.load(folder / STATE_FILE) as state:
        return len(json.loads(str(state["curve"])))


@contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Replace the weights by their moving average inside the context, if the optimizer keeps one."""
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


def write_settings(path: Path, settings: dict[str, Any], resume: bool) -> None:
    """Write the settings of a new run, or check that a resumed run has the same settings.

    Raises
    ------
    ResumeError
        If the folder already holds a run, or the settings differ.
    """
    value: dict[str, Any] = json.loads(json.dumps(settings))
    if not path.exists():
        if resume:
            raise ResumeError(f"{path.parent} holds no run to resume. Start the run without --resume.")
        write_json(path, value)
        return
    if not resume:
        raise ResumeError(f"{path.parent} already holds a run. Continue it with --resume, or choose another folder.")
    before: dict[str, Any] = json.loads(path.read_text())
    changed = sorted(key for key in value if before.get(key) != value[key])
    if changed:
        raise ResumeError(
            f"{path.parent} was started with another {', '.join(changed)}. Resume it with the same options and data."
        )


def _variables(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
