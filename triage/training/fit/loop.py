"""The training loop: batches are prepared in other threads, every epoch is saved, and a resumed run has the same curve.

`keras.Model.fit` lacks two things, so this is a loop around `keras.Model.train_on_batch`: the exact time that the
network waited for input, and an epoch that restarts after a kill exactly as it started before.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from triage.errors import TriageError
from triage.inference.card import KERAS
from triage.training.fit.checkpoints import Row, averaged_weights, load_state, save_model, save_state, write_json
from triage.training.fit.curves import draw_curves
from triage.training.fit.optimizer import learning_rate_of, optimizer_of
from triage.training.fit.recipe import Stage
from triage.training.views.frames import prefetch

CURVE_FILE = "curve.json"
CURVE_PLOT = "curve.png"
#: Below this share of the epoch time spent in the network, preparing the input is the bottleneck.
MIN_NETWORK_SHARE = 0.9
Validate = Callable[[keras.Model], Row]
Function = Callable[..., keras.KerasTensor]
#: A function of targets and outputs; one by output name if a network has several outputs.
Loss = Function | Mapping[str, Function]
Metrics = Sequence[Function] | Mapping[str, Sequence[Function]]


class Batches(Protocol):
    """Training batches; each depends only on the seed, the epoch and the step."""

    steps: int

    def make(self, epoch: int, step: int) -> tuple[Any, Any]:
        """Return pictures and targets."""


class DivergedError(TriageError):
    """The loss is not finite."""


@dataclass(frozen=True)
class Outcome:
    """The result of a training: its curve, the epoch whose weights were kept, and the network's share of the time."""

    curve: list[Row]
    kept_epoch: int
    network_share: float


def train(
    model: keras.Model,
    loss: Loss,
    batches: Batches,
    validate: Validate,
    stage: Stage,
    folder: Path,
    *,
    metrics: Metrics = (),
    optimizer: keras.optimizers.Optimizer | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> Outcome:
    """Train a network; write its model, state and curves to `folder` after every epoch.

    Parameters
    ----------
    model
        The network, not compiled.
    loss
        Function of targets and logits.
    batches
        The training batches.
    validate
        Returns metrics on the validation part after every epoch. They must include ``val_loss`` if the stage selects
        or stops by it.
    stage
        Optimizer, schedule, epochs, patience.
    folder
        An existing folder.
    metrics
        Functions of targets and outputs, averaged over the batches of an epoch.
    optimizer
        In place of that of the stage.
    resume
        Continue from the state in the folder.
    console
        Where progress bars are shown; None for no output.

    Raises
    ------
    StorageError
        If a checkpoint cannot be written; the last one is kept.
    DivergedError
        If the loss is not finite; the last good checkpoint is kept.
    KeyboardInterrupt
        Passed on. The folder then holds a model that loads, and the state of the last complete epoch.
    """
    compile_for(model, loss, stage, batches.steps, metrics, optimizer)
    if resume:
        curve = load_state(model, folder)
    else:
        curve = []
        save_state(model, folder, curve)
        save_model(model, folder)  # a run stopped in its first epoch leaves a model too
    stopper = _Stopper(stage, curve)
    with _progress(console) as progress:
        epochs = progress.add_task("Epochs", total=stage.epochs, completed=len(curve))
        for epoch in range(len(curve), stage.epochs):
            if stopper.stop:
                break
            steps = progress.add_task(f"Epoch {epoch + 1}", total=batches.steps)
            row = _epoch(model, batches, epoch, partial(progress.advance, steps))
            with averaged_weights(model):
                row |= validate(model)
                curve.append(row)
                if stopper.better(row):
                    save_model(model, folder)
            save_state(model, folder, curve)
            _write_curve(curve, folder)
            progress.remove_task(steps)
            progress.advance(epochs)
            progress.console.print(_line(row, stage.epochs), highlight=False)
    return Outcome(curve, stopper.best_epoch, float(np.mean([row["network_share"] for row in curve])))


def compile_for(
    model: keras.Model,
    loss: Loss,
    stage: Stage,
    steps: int,
    metrics: Metrics = (),
    optimizer: keras.optimizers.Optimizer | None = None,
) -> None:
    """Compile a model with the optimizer of a stage or another, and create the optimizer's variables."""
    optimizer = optimizer or optimizer_of(model, stage, learning_rate_of(stage, stage.epochs * steps))
    # On a CPU, XLA takes minutes to compile these networks, and every step is slower than without it.
    model.compile(optimizer, loss, metrics=metrics, jit_compile=False)
    optimizer.build(model.trainable_variables)


def predict(model: keras.Model, frames: NDArray[np.uint8], batch: int = 32) -> NDArray[np.float32]:
    """Return the outputs of a network for frames ``(samples, side, side)``, computed in batches."""
    answers = [
        np.asarray(model.predict_on_batch(frames[start : start + batch, ..., None].astype(np.float32)))
        for start in range(0, len(frames), batch)
    ]
    return np.concatenate(answers)


class _Stopper:
    """Early stopping and the choice of the checkpoint as in Keras, with the same decisions after a resume."""

    def __init__(self, stage: Stage, curve: list[Row]) -> None:
        self.stage, self.best, self.best_epoch = stage, math.inf, 0
        self.early = keras.callbacks.EarlyStopping("val_loss", patience=stage.patience or 0, mode="min")
        self.early.set_model(_Flag())
        self.early.on_train_begin()
        for row in curve:
            self.better(row)

    @property
    def stop(self) -> bool:
        return bool(self.early.model.stop_training)

    def better(self, row: Row) -> bool:
        """Record an epoch; return whether its weights are the ones to keep."""
        if self.stage.patience:
            self.early.on_epoch_end(int(row["epoch"]) - 1, row)
        if self.stage.keep == "best" and row["val_loss"] >= self.best:
            return False
        # A stage that does not choose by the validation loss may have none.
        self.best, self.best_epoch = row.get("val_loss", math.inf), int(row["epoch"])
        return True


class _Flag:
    """The only attribute of a model that early stopping sets."""

    stop_training = False


def _epoch(model: keras.Model, batches: Batches, epoch: int, advance: Callable[[], None]) -> Row:
    steps: list[float] = []
    sums: Counter[str] = Counter()
    began = time.perf_counter()
    for pictures, targets in prefetch(lambda step: batches.make(epoch, step), batches.steps):
        ready = time.perf_counter()
        logs = model.train_on_batch(pictures, targets, return_dict=True)
        steps.append(time.perf_counter() - ready)
        sums.update({"pictures": len(pictures)} | {name: value * len(pictures) for name, value in logs.items()})
        advance()
    if not np.isfinite(sums["loss"]):
        raise DivergedError(f"The loss is {sums['loss']} in epoch {epoch + 1}. Lower the recipe's learning_rate.")
    seconds = time.perf_counter() - began
    pictures_seen = sums.pop("pictures")
    waited = seconds - sum(steps)
    # The first step of a run also builds the graph, so it counts with the median time of a step.
    worked = sum(steps) - steps[0] + float(np.median(steps))
    return {
        "epoch": epoch + 1,
        **{name: float(total / pictures_seen) for name, total in sums.items()},
        "seconds": round(seconds, 3),
        "network_share": round(worked / (worked + waited), 4),
    }


def _write_curve(curve: list[Row], folder: Path) -> None:
    write_json(folder / CURVE_FILE, curve)
    draw_curves(curve, folder / CURVE_PLOT)


def _line(row: Row, epochs: int) -> str:
    figures = ", ".join(
        f"{name.replace('_', ' ')} {value:.4f}" for name, value in row.items() if name not in ("epoch", "seconds")
    )
    return f"epoch {row['epoch']:.0f}/{epochs}: {figures}, {row['seconds']:.0f} s"


def _progress(console: Console | None) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console or Console(quiet=True), transient=True)


def load_kept(folder: Path) -> keras.Model:
    """Load the network that a run kept."""
    return keras.saving.load_model(folder / KERAS, compile=False)
