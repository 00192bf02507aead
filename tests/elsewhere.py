"""A recipe as small as it gets, and the script of a pack run in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from drawn import small
from rich.console import Console

from triage.training.elsewhere.pictures import PICTURES_FILE, read_pictures
from triage.training.fit.recipe import Recipe
from triage.training.views.two_look_views import TwoLookViews

QUIET = Console(quiet=True)
#: The source that the trial with test fold 0 leaves out.
LEFT_OUT = "sartaj"
#: What the trials of the pack are trained on.
PARTS = ["all", f"fold-0-without-{LEFT_OUT}", *(f"fold-{fold}" for fold in range(1, 5))]
#: The recipe of a small network that learns from another one.
PUPIL = "pupil"


def tiny(**train: object) -> Recipe:
    """Return the recipe ``two-look-all`` with single steps as epochs, and without chance in the network.

    Adam's first steps have the size of the learning rate, whichever sign rounding gives a slope near 0: it is small, so
    that two backends stay together.
    """
    recipe = small("two-look-all", **{"size": 64, "epochs": 3, "steps": 1, "batch": 4, "learning_rate": 5e-5} | train)
    network = recipe.train.network.model_copy(update={"dropout": 0.0})
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"network": network})})


def pupil() -> Recipe:
    """Return the recipe of `tiny` with a teacher of the same form."""
    return tiny(teacher="two-look-all").model_copy(update={"name": PUPIL})


def run_script(packed: Path, *arguments: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run ``train.py`` of a pack, from another folder than the project's."""
    command = [sys.executable, *python, str(packed / "train.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=packed.parent)


def views_of(packed: Path, side: int) -> TwoLookViews:
    """Return the views of the pictures of a pack."""
    read = read_pictures(packed / PICTURES_FILE)
    return TwoLookViews(read.pictures, read.weights, size=side, batch=1, seed=7, reordered=0.3, stripped=0.2)
