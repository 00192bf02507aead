from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from elsewhere import LEFT_OUT, PARTS, PUPIL, QUIET

from triage.training.elsewhere.learnt import RESULTS_FILE, read_weights
from triage.training.elsewhere.pictures import PackError
from triage.training.elsewhere.unpack import unpack
from triage.training.evaluate.evaluate import evaluate
from triage.training.evaluate.scorer import open_model
from triage.training.release.runs import open_runs


@pytest.fixture(scope="module")
def runs(packed: Path, learnt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    assert len(unpack(learnt, packed, folder)) == 12
    return folder


def test_the_folders_are_runs_that_can_be_released_and_evaluated(data: Path, runs: Path, tmp_path: Path) -> None:
    name = "two-look-all"
    folds = [runs / f"{name}-{part}" for part in PARTS[1:]]
    opened = open_runs(data, folds, runs / f"{name}-all")
    assert [trial.config["test_fold"] for trial in opened.trials] == [0, 1, 2, 3, 4]
    assert [LEFT_OUT in trial.config["sources"] for trial in opened.trials] == [False, True, True, True, True]
    summary = evaluate(folds[1], data, tmp_path / "figures.json", QUIET)
    assert summary["data"]["judged"] == len(opened.trials[1].parts["test"])


def test_the_network_is_the_one_that_was_learnt(learnt: Path, runs: Path) -> None:
    for name, trial in json.loads((learnt / RESULTS_FILE).read_text())["trials"].items():
        learning = [weights.shape for weights in read_weights(learnt, trial)]
        kept = open_model(runs / name).trained.trainable_variables
        assert [tuple(variable.shape) for variable in kept] == learning
        for ours, theirs in zip(read_weights(learnt, trial), kept, strict=True):
            np.testing.assert_array_equal(np.asarray(theirs), ours.astype(np.float32))


def test_the_record_is_that_of_an_ordinary_run(runs: Path) -> None:
    run = runs / "two-look-all-fold-3"
    names = ("config", "curve", "environment", "parts", "result", "skipped")
    assert {path.name for path in run.iterdir()} == {*(f"{name}.json" for name in names), "curve.png", "model.keras"}
    result = json.loads((run / "result.json").read_text())
    assert set(result) == {"recipe", "started_from", "parameters", "pictures", "notes", "classifier"}
    assert "packaged ImageNet" in result["started_from"]
    assert result["classifier"]["epochs"] == result["classifier"]["kept_epoch"] == 3


def test_another_pack_a_damaged_file_and_a_second_time_are_refused(
    packed: Path, learnt: Path, runs: Path, tmp_path: Path
) -> None:
    with pytest.raises(PackError, match="Name another folder for the --runs"):
        unpack(learnt, packed, runs)
    other = shutil.copytree(packed, tmp_path / "pack")
    plan = json.loads((other / "trials.json").read_text())
    (other / "trials.json").write_text(json.dumps(plan | {"id": "another"}))
    with pytest.raises(PackError, match="Name the pack that its trials were trained with"):
        unpack(learnt, other, tmp_path / "runs")
    cut = shutil.copytree(learnt, tmp_path / "cut")
    part = cut / "two-look-all-0.npz"
    part.write_bytes(part.read_bytes()[:1000])
    with pytest.raises(PackError, match="Copy both again, whole"):
        unpack(cut, packed, tmp_path / "runs")
    with pytest.raises(PackError, match="Copy both again, whole"):
        unpack(tmp_path / "nothing", packed, tmp_path / "runs")


def test_trials_whose_parts_were_not_brought_back_are_left_out(packed: Path, learnt: Path, tmp_path: Path) -> None:
    some = shutil.copytree(learnt, tmp_path / "some")
    for part in some.glob("two-look-all-*.npz"):
        part.unlink()
    folders = unpack(some, packed, tmp_path / "runs")
    assert [folder.name for folder in folders] == [f"{PUPIL}-{part}" for part in PARTS]
