"""From runs to a model folder that serves; the runs are of the recipe two-look, made small."""

from __future__ import annotations

import json
import lzma
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from drawn import drawn_volumes, head, manifest_set, small
from rich.console import Console

from triage.copies.seen import Pictures, Use, read_seen
from triage.errors import ModelError
from triage.inference.card import CARD, MODEL_CARD, read_card
from triage.inference.runtime import Runtime
from triage.inference.two_look import GLIOMA, log_probabilities
from triage.inference.views import FRAME
from triage.training.data.splits import Sample
from triage.training.evaluate.predictions import predictions_of
from triage.training.evaluate.scorer import held_out, open_model
from triage.training.fit.lineage import PARTS_FILE, RESULT_FILE
from triage.training.fit.recipe import RecipeError
from triage.training.fit.run import CONFIG_FILE, Options, read_chosen, run_recipe
from triage.training.layouts import read_dataset
from triage.training.release import gate, replay
from triage.training.release.calibration import calibrate
from triage.training.release.card_notes import CardNotes
from triage.training.release.export import serving_network
from triage.training.release.release import describe, release
from triage.training.release.runs import ReleaseError
from triage.training.release.trials import RECORDS_FILE, TRIALS, restore_trials
from triage.training.views.frames import load_frames_of

QUIET = Console(quiet=True)
Runs = tuple[Path, list[Path]]
#: What the narrow run may see.
KNOWN = ("br35h", "figshare")
CARD_NOTES = CardNotes(data="Drawn heads.", limits=("Drawn, every one.",), failures=("None was looked at.",))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few pictures for the gate, and measure the weights on few: what a release takes most of its time for."""
    monkeypatch.setattr(gate, "DRAWN", 40)
    monkeypatch.setattr(gate, "PHANTOMS", 8)
    monkeypatch.setattr(replay, "MEASURED_ON", 4)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A data set with volumes, and two trials that left out a fold and a patient's volume each.

    Beside them stand two that left out a source as well, `narrow` and, with the other fold, `fewer`, and one that left
    out nothing, `whole`.
    """
    folder = tmp_path_factory.mktemp("release")
    data = manifest_set(folder / "data", each=15, others=5)
    volumes = drawn_volumes(data / "volumes")
    recipe = small("two-look", size=64, epochs=1, steps=1)
    tf.config.run_functions_eagerly(True)  # one step each: building the graphs would take most of a minute
    try:
        for name, options in (
            ("trial0", Options(validation_fold=False, volumes=volumes)),
            ("trial1", Options(validation_fold=False, volumes=volumes, test_fold=1)),
            ("whole", Options(validation_fold=False, volumes=volumes, test_fold=None)),
        ):
            run_recipe(recipe, read_chosen(data, volumes=volumes), folder / name, options, QUIET)
        fewer = Options(validation_fold=False, volumes=volumes, test_fold=1)
        run_recipe(recipe, read_chosen(data, KNOWN, volumes), folder / "fewer", fewer, QUIET)
        narrow = Options(validation_fold=False, volumes=volumes)
        run_recipe(recipe, read_chosen(data, KNOWN, volumes), folder / "narrow", narrow, QUIET)
    finally:
        tf.config.run_functions_eagerly(False)
    return data, [folder / "trial0", folder / "trial1"]


def altered(run: Path, folder: Path, name: str, **values: object) -> Path:
    """Copy a run and change some values of one of its files."""
    shutil.copytree(run, folder)
    (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | values))
    return folder


def slices_tested(run: Path) -> int:
    """Return how many slices with a type a trial is tested on."""
    return sum("#" not in name for name in json.loads((run / PARTS_FILE).read_text())["test"])


def flagged_stretches(data: Path, trials: list[Path], folder: Path) -> int:
    """Count the tumour-free stretches that each trial would flag in the volume of the patient that it left out.

    The tumour is on slices 4 and 5 of 10, so these are slices 0 to 2 and 7 to 9. A study of three slices is flagged if
    their mean probability of glioma reaches the operating point, which is fitted on the fold of the other trial.
    """
    folder.mkdir()
    dataset = read_chosen(data, volumes=data / "volumes")
    scorers = [open_model(trial) for trial in trials]
    networks = [serving_network(scorer, dataset, folder) for scorer in scorers]
    own = [
        predictions_of(network, data, held_out(scorer, dataset), 0)
        for network, scorer in zip(networks, scorers, strict=True)
    ]
    count = 0
    for patient, network, other in zip(("01", "02"), networks, reversed(own), strict=True):
        calibration = calibrate(other.first, other.second, other.items)
        scan = [Sample(item) for item in read_dataset(data / "volumes").items if item.path.startswith(patient)]
        looks = network.look_at_all(load_frames_of(data / "volumes", scan, FRAME).pixels)
        glioma = calibration.fusion.probabilities(*log_probabilities(looks))[:, GLIOMA]
        count += sum(glioma[part].mean() >= calibration.points.glioma for part in (slice(0, 3), slice(7, 10)))
    return count


def test_a_cross_validation_run_is_trained_on_four_folds(runs: Runs) -> None:
    _, trials = runs
    first, second = (json.loads((run / PARTS_FILE).read_text()) for run in trials)
    assert first["validation"] == second["validation"] == []
    assert not set(first["test"]) & {*first["train"], *second["test"]}
    assert {*first["train"], *first["test"]} == {*second["train"], *second["test"]}
    assert set(json.loads((trials[0] / "curve.json").read_text())[0]) >= {"loss", "network_share"}


def test_the_released_run_is_trained_on_everything(runs: Runs) -> None:
    _, trials = runs
    whole = json.loads((trials[0].with_name("whole") / PARTS_FILE).read_text())
    assert whole["test"] == whole["validation"] == whole["untyped"] == []
    parts = [json.loads((run / PARTS_FILE).read_text()) for run in trials]
    assert set(whole["train"]) == {name for part in parts for name in part["train"]}


@pytest.mark.slow
def test_a_released_folder_serves_and_its_card_holds_the_figures(runs: Runs, tmp_path: Path) -> None:
    data, trials = runs
    folder = tmp_path / "drawn-v1"
    narrow, whole = (trials[0].with_name(name) for name in ("narrow", "whole"))
    card = release(data, trials[::-1], whole, CARD_NOTES, folder, volumes=data / "volumes", left_out=narrow)
    assert card.files == read_card(folder).files
    seen = read_seen(folder, card.files)
    assert seen is not None
    assert Counter(seen.trained.tolist()) == {True: len(read_chosen(data, volumes=data / "volumes").items)}
    assert seen.uses_of(Pictures.of([head("glioma", 1)])) == [Use.TRAINED]
    assert card.training["config"]["train_folds"] == [0, 1, 2, 3, 4]
    assert card.training["images"] == 96, "80 heads, and eight telling slices of each of two volumes"
    test = card.metrics["test"]
    assert test["folds"] == [0, 1]
    assert test["on"].startswith("32 slices of 2 folds of patients")
    assert np.sum(test["confusion"]) == 32
    assert test["masks"]["slices"] == 18
    assert set(test["by_source"]) == {"br35h", "figshare", "sartaj"}
    assert card.metrics["operating_points"]["glioma"].endswith("(8 with, 24 without).")
    # Each patient's volume is judged by the one trial that was not trained on it, and by nothing else.
    judged = [(row["trial"], row["volume"]) for row in card.metrics["volumes"]]
    assert judged == [(0, "01/Pre_Scan_T1.nii.gz"), (1, "02/Pre_Scan_T1.nii.gz")]
    flagged, empty = (sum(row[f"empty_stretches{end}"] for row in card.metrics["volumes"]) for end in ("_flagged", ""))
    assert empty == 4, "below and above the tumour of either volume"
    assert flagged == flagged_stretches(data, trials, tmp_path / "networks")
    new = card.metrics["new_sources"]
    assert (new["judged_on"], new["slices"], new["tumours"], new["copies_left_out"]) == (["sartaj"], 20, 15, 0)
    assert 0 <= new["figures"]["auroc"]["low"] <= new["figures"]["auroc"]["value"] <= 1
    words = (folder / MODEL_CARD).read_text()
    assert f"{test['figures']['accuracy']['value']:.3f}" in words
    assert "trained only on br35h, figshare, volumes and evaluated on sartaj" in words
    assert f"{empty} stretches of three or more slices without tumour, {flagged} would be flagged" in words
    assert "Research use only" in words
    for text in (CARD_NOTES.data, *CARD_NOTES.limits, *CARD_NOTES.failures):
        assert text in words
    assert tuple(card.training["limits"]) == CARD_NOTES.limits
    assert "glioma operating point" in describe(card)
    restored = restore_trials(folder, tmp_path / "runs")
    assert [run.name for run in restored] == ["fold-0", "fold-1"]
    for run, trial in zip(restored, trials, strict=True):
        before, after = open_model(trial), open_model(run)
        assert (after.parts, after.config) == (before.parts, before.config)
        for ours, theirs in zip(after.trained.get_weights(), before.trained.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
    with pytest.raises(ReleaseError, match="Name another folder for the --runs"):
        restore_trials(folder, tmp_path / "runs")
    kept = folder / TRIALS / RECORDS_FILE
    records = json.loads(lzma.decompress(kept.read_bytes()))
    records["../out"] = records["fold-0"]
    records["fold-0"]["../../out.json"] = {}
    kept.write_bytes(lzma.compress(json.dumps(records).encode()))
    restore_trials(folder, tmp_path / "inside" / "runs")
    assert not list(tmp_path.rglob("out*")), "no name in the file leads out of the folder"
    (folder / TRIALS / "fold-0.npz").write_bytes(b"PK")
    with pytest.raises(ReleaseError, match="damaged ones"):
        restore_trials(folder, tmp_path / "others")
    assert "It was trained for 1 epochs, the others for 1 to 1." in words
    score = Runtime(folder).score(head("glioma", 1))
    assert sum(score.probabilities.values()) == pytest.approx(1)
    assert open_model(folder).looks_twice


@pytest.mark.slow
def test_a_trial_is_also_evaluated_on_the_sources_that_it_left_out(runs: Runs, tmp_path: Path) -> None:
    data, trials = runs
    fewer, whole = (trials[0].with_name(name) for name in ("fewer", "whole"))
    card = release(data, [trials[0], fewer], whole, CARD_NOTES, tmp_path / "drawn-v1", volumes=data / "volumes")
    left_out = card.metrics["sources_left_out"]
    assert (left_out["sources"], left_out["slices"]) == (["sartaj"], 20)
    assert set(card.metrics["test"]["by_source"]) == {"br35h", "figshare", "sartaj"}, "of the trial that has it"
    assert np.sum(card.metrics["test"]["confusion"]) == slices_tested(trials[0]) + slices_tested(fewer)
    gliomas = next(row for row in left_out["bands"] if (row["label"], row["group"]) == ("glioma", "all"))
    shares = [gliomas["figures"][band]["value"] for band in ("stat", "urgent", "routine")]
    assert sum(shares) == pytest.approx(1)
    assert left_out["figures"]["gliomas_stat"] == gliomas["figures"]["stat"]
    assert left_out["series"] == [], "drawn pictures have no neighbours"
    assert "On sources that the networks were not trained on" in card.metrics["operating_points"]["glioma"]
    words = (tmp_path / "drawn-v1" / MODEL_CARD).read_text()
    assert "## Sources left out" in words
    assert "| sources left out, gliomas in STAT | 0.85 or more |" in words
    assert "\n\n\n" not in words


def test_runs_that_do_not_belong_together_are_refused(runs: Runs, tmp_path: Path) -> None:
    data, trials = runs
    whole = trials[0].with_name("whole")
    other = altered(trials[1], tmp_path / "other", CONFIG_FILE, split="deduplicated")
    with pytest.raises(ReleaseError, match="trial0 and other differ in split"):
        release(data, [trials[0], other], whole, CARD_NOTES, tmp_path / "model")
    validated = altered(trials[1], tmp_path / "validated", PARTS_FILE, validation=["x"])
    with pytest.raises(ReleaseError, match="validated is not a cross-validation run"):
        release(data, [trials[0], validated], whole, CARD_NOTES, tmp_path / "model")
    with pytest.raises(ReleaseError, match="trial1 is not a run on all folds"):
        release(data, trials, trials[1], CARD_NOTES, tmp_path / "model")
    with pytest.raises(ReleaseError, match="trial1 is not a run on fewer sources"):
        release(data, trials, whole, CARD_NOTES, tmp_path / "model", left_out=trials[1])
    for few in (trials[:1], [trials[0], trials[0]]):
        with pytest.raises(ReleaseError, match="at least two of the 5 folds"):
            release(data, few, whole, CARD_NOTES, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_runs_with_a_random_split_are_refused(runs: Runs, tmp_path: Path) -> None:
    data, trials = runs
    random = [altered(run, tmp_path / run.name, CONFIG_FILE, split="random") for run in trials]
    with pytest.raises(ReleaseError, match="--split patients"):
        release(data, random, trials[0].with_name("whole"), CARD_NOTES, tmp_path / "model")


def test_an_unfinished_run_and_other_data_are_refused(runs: Runs, tmp_path: Path) -> None:
    data, trials = runs
    whole = trials[0].with_name("whole")
    shutil.copytree(trials[0], tmp_path / "half")
    (tmp_path / "half" / RESULT_FILE).unlink()
    with pytest.raises(ReleaseError, match="half is not a finished run"):
        release(data, [tmp_path / "half", trials[1]], whole, CARD_NOTES, tmp_path / "model")
    other = manifest_set(tmp_path / "data", each=5)
    drawn_volumes(other / "volumes")
    with pytest.raises(ReleaseError, match="is not the data set that trial0 was trained on"):
        release(other, trials, whole, CARD_NOTES, tmp_path / "model")
    with pytest.raises(ModelError, match=f"Name one that holds {CARD}"):
        release(data, [tmp_path, *trials], whole, CARD_NOTES, tmp_path / "model")


@pytest.mark.parametrize("name", ["transfer", "tuned-cnn", "detect-then-segment"])
def test_a_recipe_that_selects_by_the_validation_loss_needs_a_validation_fold(tmp_path: Path, name: str) -> None:
    dataset = read_dataset(manifest_set(tmp_path / "data", each=5))
    with pytest.raises(RecipeError, match=f"{name} selects by the validation loss"):
        run_recipe(small(name), dataset, tmp_path / "run", Options(validation_fold=False), QUIET)
