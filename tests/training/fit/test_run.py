"""A recipe from the data set to the figures, on heads drawn in code."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import class_folders, manifest_set, small
from helpers import encode
from rich.console import Console

from triage.training.data.splits import Sample, Split, label_for
from triage.training.evaluate.evaluate import evaluate
from triage.training.evaluate.scorer import SLICES_PER_BLOCK, evaluation_samples, open_model
from triage.training.fit.checkpoints import ResumeError
from triage.training.fit.environment import data_hash, file_hashes
from triage.training.fit.loop import load_kept
from triage.training.fit.recipe import Recipe
from triage.training.fit.run import Options, run_recipe
from triage.training.fit.stages import SizeError
from triage.training.layouts import LayoutError, read_dataset
from triage.training.views.frames import load_frames_of

QUIET = Console(quiet=True)
OPTIONS = Options(split=Split.RANDOM)


@pytest.fixture(scope="module")
def two_stage(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """A data set with outlines, and a run of detector and U-Net on it."""
    folder = tmp_path_factory.mktemp("two-stage")
    data, run = manifest_set(folder / "data", each=10, copies=2), folder / "run"
    recipe = small("detect-then-segment", epochs=4, learning_rate=1e-3)
    cnn = {"kind": "cnn", "filters": (8, 8), "dense": (16,)}
    recipe = Recipe.model_validate(recipe.model_dump() | {"train": recipe.train.model_dump() | {"network": cnn}})
    return data, run, run_recipe(recipe, read_dataset(data), run, Options(), QUIET)


def cross_entropy(run: Path, network: str, data: Path) -> float:
    """Return the cross-entropy of a network of a run on the run's validation part, in NumPy."""
    config, parts = (json.loads((run / name).read_text()) for name in ("config.json", "parts.json"))
    by_name = {item.name: item for item in read_dataset(data).items}
    items = [by_name[name] for name in parts["validation"]]
    frames = load_frames_of(data, [Sample(item) for item in items], config["size"]).pixels
    logits = load_kept(run / network).predict(frames[..., None].astype(np.float32), verbose=0).astype(np.float64)
    labels = [config["classes"].index(label_for(item, config["task"])) for item in items]
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return float(-np.log(chances[np.arange(len(labels)), labels]).mean())


def test_the_loss_falls_and_is_that_of_the_kept_network(two_stage: tuple[Path, Path, dict[str, Any]]) -> None:
    data, run, result = two_stage
    curve = json.loads((run / "curve.json").read_text())
    assert curve[-1]["loss"] < curve[0]["loss"]
    kept = curve[result["classifier"]["kept_epoch"] - 1]
    assert kept["val_loss"] == min(row["val_loss"] for row in curve)
    assert kept["val_loss"] == pytest.approx(cross_entropy(run, ".", data), rel=1e-4)


def test_two_stages_write_two_networks_and_their_record(two_stage: tuple[Path, Path, dict[str, Any]]) -> None:
    _, run, result = two_stage
    assert load_kept(run).output_shape == (None, 2)
    assert load_kept(run / "segmenter").output_shape == (None, 32, 32, 1)
    assert result == json.loads((run / "result.json").read_text())
    assert result["started_from"] == "none"
    assert result["segmenter"]["train"] <= 18
    config = json.loads((run / "config.json").read_text())
    assert (config["split"], config["classes"], len(config["data_sha256"])) == ("patients", ["tumor", "notumor"], 64)
    assert json.loads((run / "environment.json").read_text())["packages"]["keras"]
    parts = json.loads((run / "parts.json").read_text())
    assert not set(parts["train"]) & set(parts["test"])


def test_the_evaluation_covers_the_test_part_with_masks(
    two_stage: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    data, run, result = two_stage
    summary = evaluate(run, data, tmp_path / "figures.json", QUIET)
    assert summary == json.loads((tmp_path / "figures.json").read_text())
    assert summary["data"]["judged"] == result["pictures"]["test"] == 8
    assert np.sum(summary["confusion"]) == 8
    for true, row in summary["confusion_shares"].items():
        assert row[true]["value"] == summary["figures"][f"recall_{true}"]["value"]
    assert summary["intervals"].endswith(f"by cluster, {SLICES_PER_BLOCK} successive slices of figshare as one")
    assert summary["masks"]["pictures"] == 6
    for figure in (*summary["figures"].values(), *summary["masks"]["figures"].values()):
        assert figure["value"] is None or figure["low"] is None or figure["low"] <= figure["high"]
    assert summary["masks"]["figures"]["iou"]["value"] <= summary["masks"]["figures"]["dice"]["value"]
    page = (tmp_path / "figures.html").read_text()
    assert "Failure gallery" in page
    assert "plotly" in page
    assert "<script src=" not in page


def test_resuming_a_finished_run_changes_nothing(two_stage: tuple[Path, Path, dict[str, Any]]) -> None:
    data, run, result = two_stage
    recipe = Recipe.model_validate(json.loads((run / "config.json").read_text())["recipe"])
    again = run_recipe(recipe, read_dataset(data), run, Options(resume=True), QUIET)
    assert again["classifier"] == result["classifier"]
    with pytest.raises(ResumeError, match="another recipe"):
        run_recipe(recipe.model_copy(update={"seed": 1}), read_dataset(data), run, Options(resume=True), QUIET)
    with pytest.raises(ResumeError, match="with --resume, or choose another folder"):
        run_recipe(recipe, read_dataset(data), run, Options(), QUIET)


def test_what_a_run_has_seen_is_left_out_of_other_data(two_stage: tuple[Path, Path, dict[str, Any]]) -> None:
    data, run, _ = two_stage
    scorer = open_model(run)
    samples, notes = evaluation_samples(scorer, read_dataset(data / "figshare"))
    assert len(samples) == 6
    assert "24 files of its training and validation parts left out" in notes[0]
    everything, _ = evaluation_samples(scorer, read_dataset(data / "figshare"), everything=True)
    assert len(everything) == 30


def test_damaged_files_are_skipped_and_listed(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", each=5)
    (data / "glioma" / "cut.png").write_bytes((data / "glioma" / "0.png").read_bytes()[:200])
    (data / "notumor" / "text.jpg").write_text("no picture")
    console = Console(record=True, file=io.StringIO(), width=200)
    run_recipe(
        small("tuned-cnn").model_copy(update={"tuner": None}), read_dataset(data), tmp_path / "run", OPTIONS, console
    )
    skipped = json.loads((tmp_path / "run" / "skipped.json").read_text())
    assert {entry["path"] for entry in skipped} == {"glioma/cut.png", "notumor/text.jpg"}
    assert all(entry["reason"] for entry in skipped)
    output = console.export_text()
    assert "Skipped 2 times; skipped.json lists all" in output
    assert "glioma/cut.png" in output


def test_the_tuner_chooses_the_best_trial_and_four_classes_are_evaluated_on_yes_and_no(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", each=6)
    run_recipe(small("tuned-cnn"), read_dataset(data), tmp_path / "run", OPTIONS, QUIET)
    search = json.loads((tmp_path / "run" / "search.json").read_text())
    assert [trial["status"] for trial in search["trials"]] == ["COMPLETED"] * 2
    best = min(search["trials"], key=lambda trial: trial["val_loss"])
    assert search["chosen"] == best["values"]
    # The folder of the search holds the network of the last trial.
    last = search["trials"][-1]["val_loss"]
    assert last == pytest.approx(cross_entropy(tmp_path / "run", "search/networks", data), rel=1e-4)
    units = load_kept(tmp_path / "run").get_layer("dense0").units
    assert str(units) == search["chosen"]["dense"]
    other = class_folders(tmp_path / "other", each=4, labels=("no", "yes"))
    summary = evaluate(tmp_path / "run", other, tmp_path / "figures.json", QUIET)
    assert summary["classes"] == ["tumor", "notumor"]
    assert any("the tumour classes are summed" in note for note in summary["data"]["notes"])


def test_augmentation_before_the_split_counts_variants_in_the_test_part(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", each=10, labels=("no", "yes"))
    options = Options(split=Split.RANDOM, before=True)
    result = run_recipe(small("binary-cnn", epochs=1), read_dataset(data), tmp_path / "run", options, QUIET)
    assert sum(result["pictures"].values()) == 80
    assert evaluate(tmp_path / "run", data, tmp_path / "figures.json", QUIET)["data"]["judged"] == 16


def test_the_official_split_notes_leaks_in_run_and_evaluation(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for part in ("Training", "Testing"):
        class_folders(data / part, each=5, labels=("glioma", "notumor"))
    recipe, options = small("binary-cnn", epochs=1), Options(split=Split.OFFICIAL)
    result = run_recipe(recipe, read_dataset(data), tmp_path / "run", options, QUIET)
    note = "10 of 10 test pictures have a copy in the training or validation part"
    assert note in result["notes"]
    summary = evaluate(tmp_path / "run", data, tmp_path / "figures.json", QUIET)
    assert summary["data"]["judged"] == 10
    assert note in summary["data"]["notes"]


def test_a_second_stage_without_masks_is_refused_before_anything_trains(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", each=5)
    with pytest.raises(LayoutError, match="needs pictures with masks"):
        run_recipe(small("detect-then-segment"), read_dataset(data), tmp_path / "run", OPTIONS, QUIET)
    assert not (tmp_path / "run").exists()


def test_an_outline_beyond_its_picture_is_refused_before_anything_trains(tmp_path: Path) -> None:
    data = manifest_set(tmp_path / "data", each=10)
    picture = data / "figshare" / "images" / "3.jpg"
    picture.write_bytes(encode(np.full((20, 20), 90, np.uint8), "JPEG"))
    with pytest.raises(LayoutError, match=r"images/3\.jpg .* at their own size"):
        run_recipe(small("detect-then-segment"), read_dataset(data), tmp_path / "run", Options(), QUIET)


def test_a_size_too_small_for_the_network_is_refused(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", each=5)
    recipe = small("transfer", network={"kind": "backbone", "name": "vgg16"}, size=16)
    with pytest.raises(SizeError, match="pictures of 16 px: they are too small"):
        run_recipe(recipe, read_dataset(data), tmp_path / "run", OPTIONS, QUIET)


def test_the_hash_changes_with_the_data(tmp_path: Path) -> None:
    dataset = read_dataset(class_folders(tmp_path, each=2))
    before = data_hash(dataset, file_hashes(dataset))
    assert before == data_hash(read_dataset(tmp_path), file_hashes(dataset))
    (tmp_path / "glioma" / "0.png").write_bytes((tmp_path / "glioma" / "1.png").read_bytes())
    assert data_hash(dataset, file_hashes(dataset)) != before


@pytest.mark.slow
def test_a_killed_run_is_resumed_from_the_command_line(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", each=10, labels=("no", "yes"))
    run = tmp_path / "run"
    # Processes started by a background shell ignore Ctrl-C; `env` restores the default.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "triage", "train", "--recipe", "binary-cnn"]
    command += ["--data", data, "--out", run]
    command += ["--split", "random", "--size", "32", "--epochs", "100000", "--steps", "2"]
    first = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (run / "curve.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = len(json.loads((run / "curve.json").read_text()))
    assert done >= 1
    assert load_kept(run)
    assert json.loads((run / "environment.json").read_text())["products"] == "BF16"
    second = subprocess.Popen([*map(str, command), "--resume"], stderr=subprocess.PIPE, text=True)
    while len(json.loads((run / "curve.json").read_text())) < done + 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    second.send_signal(signal.SIGINT)
    _, output = second.communicate(timeout=300)
    assert second.returncode == 130, output
    assert "continue the run with --resume" in output.replace("\n", " ")
    epochs = [row["epoch"] for row in json.loads((run / "curve.json").read_text())]
    assert epochs == list(range(1, len(epochs) + 1))
    assert load_kept(run)
