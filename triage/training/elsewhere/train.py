"""Train the trials of a pack one after another within a given time, on the machine that the pack was brought to."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import keras
import numpy as np
from numpy.typing import NDArray

from triage.networks.twolook import MASK
from triage.text import one_line
from triage.training.elsewhere.drawing import Pool
from triage.training.elsewhere.learnt import Learnt
from triage.training.elsewhere.names import START_FILE, TRIALS_FILE
from triage.training.elsewhere.pictures import PICTURES_FILE, PackError, read_pictures
from triage.training.elsewhere.starts import read_start
from triage.training.elsewhere.step import FIGURES, Batch, Network, Trained
from triage.training.views.two_look_views import TwoLookViews

#: Seconds at the end of the given time that no trial is planned into.
RESERVE = 5.0
PACKAGES = ("keras", "jax", "numpy", "opencv-python-headless", "pillow")


def main(pack: Path) -> None:
    """Train the trials of a pack as the command line says."""
    parser = argparse.ArgumentParser(description="Train the trials of this pack and write what they learn.")
    parser.add_argument("--seconds", type=float, required=True, help="time for all, from start to end")
    parser.add_argument("--out", type=Path, required=True, help="folder to write; bring it back for `unpack`")
    given = parser.parse_args()
    try:
        train(pack, given.out, given.seconds)
    except PackError as error:
        sys.exit(str(error))


def train(pack: Path, out: Path, seconds: float) -> None:
    """Train the trials in their order; the time that is left is shared evenly by those to come.

    Each trains for the epochs of its recipe, or for as many as its share of the time allows, and is written at once.

    Raises
    ------
    PackError
        If `out` holds results already, or the views cannot be drawn.
    """
    end = time.monotonic() + seconds - RESERVE
    plan = json.loads((pack / TRIALS_FILE).read_text(), object_hook=lambda values: SimpleNamespace(**values))
    packed = read_pictures(pack / PICTURES_FILE)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise PackError(f"{one_line(str(out))} is not empty. Choose another folder.")
    pool = Pool(
        TwoLookViews(
            packed.pictures,
            packed.weights,
            size=plan.side,
            batch=1,
            seed=plan.seed,
            reordered=plan.reordered,
            stripped=plan.stripped,
        ),
        plan.views,
        max((os.cpu_count() or 2) - 1, 1),
    )
    if jax.default_backend() == "gpu":
        keras.config.set_dtype_policy("mixed_bfloat16")
    learnt = Learnt(out, {"pack": plan.id, "environment": _environment()})
    networks: dict[str, tuple[Network, float]] = {}
    lessons: dict[tuple[str, str], Trained] = {}
    teachers = {trial.stage.teacher for trial in plan.trials}
    for number, (trial, allowed) in enumerate(zip(plan.trials, packed.allowed, strict=True)):
        epochs = 0
        if time.monotonic() < end:  # to compile a network takes longer than many epochs
            if trial.recipe not in networks:
                keras.utils.set_random_seed(plan.seed)
                start = read_start(pack / START_FILE, trial.stage.network.encoder)
                teacher = networks[trial.stage.teacher][0] if trial.stage.teacher else None
                network = Network(trial.stage, start, teacher)
                networks[trial.recipe] = network, network.seconds_of_a_step(plan.side)
            network, each = networks[trial.recipe]
            share = (end - time.monotonic()) / (len(plan.trials) - number)
            drawn = float(packed.weights[allowed].sum())
            epochs = _epochs_within(share, trial.stage, each, pool, drawn)
        if not epochs:
            _say(f"{trial.name}: no time is left for one epoch. Give more --seconds.")
            continue
        lesson = lessons.get((trial.stage.teacher, trial.part)) if trial.stage.teacher else None
        if trial.stage.teacher and lesson is None:
            _say(f"{trial.name}: its teacher was not trained. Give more --seconds.")
            continue
        trained = _train(trial, network, lesson, pool, allowed, epochs, learnt)
        if trained and trial.recipe in teachers:
            lessons[trial.recipe, trial.part] = trained


def _epochs_within(seconds: float, stage: Any, each: float, pool: Pool, share: float) -> int:
    """Return for how many epochs there is time.

    Parameters
    ----------
    seconds
        Time for the trial.
    stage
        The stage of its recipe.
    each
        Seconds of a step.
    pool
        Its views; as long as some are not drawn, the trial may have to wait for them.
    share
        Share of the views that show only pictures of the trial.
    """
    steps = seconds / each
    if pool.ready < pool.count:
        steps = min(steps, share * (pool.ready + pool.rate * seconds) / stage.batch)
    return max(min(int(stage.epochs), int(steps / stage.steps)), 0)


def _train(
    trial: Any,
    network: Network,
    lesson: Trained | None,
    pool: Pool,
    allowed: NDArray[np.bool_],
    epochs: int,
    learnt: Learnt,
) -> Trained | None:
    """Train a trial and write what it learnt; return None if it diverged."""
    began, waited = time.monotonic(), pool.waited
    state, curve = network.first, []
    steps = trial.stage.steps
    rates = network.rates(epochs * steps)
    batches = _batches(pool, allowed, trial.stage.batch)
    for epoch in range(epochs):
        epoch_began, figures = time.monotonic(), []
        for rate in rates[epoch * steps : (epoch + 1) * steps]:
            state, of_step = network.step(state, rate, next(batches), lesson)
            figures.append(of_step)
        means = np.mean([np.asarray(of_step) for of_step in figures], axis=0)
        if not np.isfinite(means).all():
            _say(f"{trial.name}: the loss is not finite in epoch {epoch + 1}. Lower the recipe's learning_rate.")
            return None
        row = dict(zip(FIGURES, map(float, means), strict=True))
        curve.append({"epoch": epoch + 1, **row, "seconds": round(time.monotonic() - epoch_began, 3)})
    seconds = time.monotonic() - began
    record = {
        "epochs": epochs,
        "wanted_epochs": trial.stage.epochs,
        "views": epochs * steps * trial.stage.batch,
        "seconds": round(seconds, 1),
        "network_share": round(1 - (pool.waited - waited) / seconds, 4),
        "curve": curve,
    }
    trained = network.result(state)
    learnt.add(trial.name, trial.recipe, trained.learnt, record)
    loss, mask = curve[-1]["loss"], curve[-1][f"{MASK}_loss"]
    waited = pool.waited - waited
    _say(
        f"{trial.name}: {epochs} of {trial.stage.epochs} epochs in {seconds:.0f} s, {waited:.0f} s of them waiting for "
        f"views; loss {loss:.4f}, of the mask {mask:.4f}"
    )
    return trained


def _batches(pool: Pool, allowed: NDArray[np.bool_], size: int) -> Iterator[Batch]:
    for numbers in pool.batches(allowed, size):
        yield Batch(pool.frames[numbers], pool.masks[numbers], pool.targets[numbers])


def _environment() -> dict[str, Any]:
    """Return versions, processor and accelerator; nothing that identifies the machine or its user."""
    return {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "device": jax.devices()[0].device_kind,
        "products": keras.config.dtype_policy().compute_dtype,
    }


def _say(text: str) -> None:
    print(one_line(text), flush=True)
