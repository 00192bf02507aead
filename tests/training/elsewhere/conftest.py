"""A pack of a small recipe on drawn heads, and what its script learns in a process of its own, on JAX."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn import manifest_set
from elsewhere import LEFT_OUT, QUIET, pupil, run_script, tiny

from triage.training.elsewhere.pack import Chosen, pack


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return manifest_set(tmp_path_factory.mktemp("elsewhere") / "data", each=10, others=2)


@pytest.fixture(scope="session")
def packed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of twelve trials, each second one taught by the one before."""
    folder = tmp_path_factory.mktemp("elsewhere") / "pack"
    pack([tiny(), pupil()], Chosen(data, left_out=[[LEFT_OUT]]), folder, 20, QUIET)
    return folder


@pytest.fixture(scope="session")
def learnt(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the trials of the pack have learnt."""
    out = tmp_path_factory.mktemp("elsewhere") / "out"
    done = run_script(packed, "--seconds", "900", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out
