"""The mean of two runs of the recipe two-look, made small."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from drawn import manifest_set, small
from rich.console import Console

from triage.errors import ModelError
from triage.training.fit.checkpoints import ResumeError, write_json
from triage.training.fit.lineage import PARTS_FILE, RESULT_FILE
from triage.training.fit.loop import load_kept
from triage.training.fit.run import CONFIG_FILE, Options, run_recipe
from triage.training.layouts import read_dataset
from triage.training.release.average import AverageError, average

Runs = tuple[Path, Path]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Two trials of one recipe, the second from the first one's weights."""
    folder = tmp_path_factory.mktemp("average")
    data = read_dataset(manifest_set(folder / "data", each=10))
    one, other = folder / "one", folder / "other"
    tf.config.run_functions_eagerly(True)  # one step: building the graph would take most of a minute
    try:
        for run, weights in ((one, "packaged"), (other, str(one / "model.keras"))):
            options = Options(validation_fold=False, weights=weights)
            run_recipe(small("two-look", size=64, epochs=1, steps=1), data, run, options, Console(quiet=True))
    finally:
        tf.config.run_functions_eagerly(False)
    return one, other


def changed(run: Path, folder: Path, name: str, **values: object) -> Path:
    shutil.copytree(run, folder)
    write_json(folder / name, json.loads((folder / name).read_text()) | values)
    return folder


def started_from(run: Path) -> str:
    return str(json.loads((run / RESULT_FILE).read_text())["started_from"])


def test_the_mean_counts_as_having_seen_the_data_of_both_runs(runs: Runs, tmp_path: Path) -> None:
    more = changed(runs[1], tmp_path / "more", PARTS_FILE, seen_sha256=["of another data set"])
    average([runs[0], more], tmp_path / "mean")
    kernels = [load_kept(run).get_layer("mask").kernel.numpy() for run in (*runs, tmp_path / "mean")]
    assert not np.array_equal(kernels[0], kernels[1])
    np.testing.assert_allclose(kernels[2], (kernels[0] + kernels[1]) / 2, atol=1e-7)
    seen = json.loads((runs[0] / PARTS_FILE).read_text())["seen_sha256"]
    assert set(json.loads((tmp_path / "mean" / PARTS_FILE).read_text())["seen_sha256"]) == {
        *seen,
        "of another data set",
    }
    one, other = (started_from(run) for run in runs)
    assert started_from(tmp_path / "mean") == f"({one}) and ({other}), the mean of 2 runs"


def test_a_mean_of_means_records_what_they_were_made_from(runs: Runs, tmp_path: Path) -> None:
    alike = [changed(run, tmp_path / run.name, RESULT_FILE, started_from="weights") for run in runs]
    average(alike, tmp_path / "mean")
    assert started_from(tmp_path / "mean") == "weights, the mean of 2 such runs"
    average([tmp_path / "mean", alike[0]], tmp_path / "nearer")
    assert started_from(tmp_path / "nearer") == "(weights, the mean of 2 such runs) and (weights), the mean of 2 runs"


def test_runs_that_differ_in_more_than_their_start_are_refused(runs: Runs, tmp_path: Path) -> None:
    split = changed(runs[1], tmp_path / "split", CONFIG_FILE, split="deduplicated")
    with pytest.raises(AverageError, match="one and split differ in split"):
        average([runs[0], split], tmp_path / "mean")
    fewer = changed(runs[1], tmp_path / "fewer", PARTS_FILE, train=[])
    with pytest.raises(AverageError, match="one and fewer differ in train"):
        average([runs[0], fewer], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_single_unfinished_and_missing_runs_are_refused(runs: Runs, tmp_path: Path) -> None:
    for few in ([runs[0]], [runs[0], runs[0]]):
        with pytest.raises(AverageError, match="two or more runs"):
            average(few, tmp_path / "mean")
    half = changed(runs[1], tmp_path / "half", PARTS_FILE)
    (half / RESULT_FILE).unlink()
    with pytest.raises(AverageError, match="is not a finished run"):
        average([runs[0], half], tmp_path / "mean")
    with pytest.raises(ModelError, match="neither a model folder nor a run"):
        average([runs[0], tmp_path], tmp_path / "mean")


def test_a_run_is_never_overwritten(runs: Runs, tmp_path: Path) -> None:
    taken = changed(runs[1], tmp_path / "taken", PARTS_FILE)
    before = (taken / "model.keras").read_bytes()
    with pytest.raises(ResumeError, match="already holds a run"):
        average(runs, taken)
    assert (taken / "model.keras").read_bytes() == before
