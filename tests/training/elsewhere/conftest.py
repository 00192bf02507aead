"""A pack of a small recipe on drawn heads, and what its script learns in a process of its own, on JAX."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from drawn import manifest_set, small
from rich.console import Console

from triage.training.elsewhere.pack import Chosen, pack
from triage.training.fit.recipe import Recipe

QUIET = Console(quiet=True)
#: The source that one trial leaves out.
LEFT_OUT = "sartaj"


def tiny(**train: object) -> Recipe:
    """The recipe ``two-look-all`` with single steps as epochs, and without chance in the network."""
    recipe = small("two-look-all", **{"size": 64, "epochs": 3, "steps": 1, "batch": 4} | train)
    network = recipe.train.network.model_copy(update={"dropout": 0.0})
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"network": network})})


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return manifest_set(tmp_path_factory.mktemp("elsewhere") / "data", each=10, others=2)


@pytest.fixture(scope="session")
def packed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of seven trials."""
    folder = tmp_path_factory.mktemp("elsewhere") / "pack"
    pack([tiny()], Chosen(data, left_out=[[LEFT_OUT]]), folder, 20, QUIET)
    return folder


@pytest.fixture(scope="session")
def learnt(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the trials of the pack have learnt."""
    out = tmp_path_factory.mktemp("elsewhere") / "out"
    done = run_script(packed, "--seconds", "900", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out


def run_script(packed: Path, *arguments: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run ``train.py`` of a pack, from another folder than the project's."""
    command = [sys.executable, *python, str(packed / "train.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=packed.parent)
