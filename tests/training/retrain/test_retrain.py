"""From a model folder and an export to a candidate: whole, honest, and never at the cost of what serves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from drawn import head
from helpers import full_disk
from typer.testing import CliRunner

from triage.cli import app
from triage.copies.seen import Pictures, Use, read_seen
from triage.errors import ModelError, StorageError
from triage.inference.card import CARD, GATE, KERAS, MODEL_CARD, ONNX, Card, read_card, sha256_of
from triage.inference.card_facts import facts_of
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.runtime import Runtime
from triage.inference.views import FRAME, WHOLE
from triage.learning.parts import Part
from triage.learning.retraining import work_folder
from triage.training.fit.checkpoints import ResumeError
from triage.training.fit.recipe import RecipeError
from triage.training.layouts import load_picture
from triage.training.release.replay import load_replay
from triage.training.retrain import retrain as whole
from triage.training.retrain.retrain import RetrainError, open_parent, retrain
from triage.training.retrain.site import read_site


@dataclass(frozen=True)
class Made:
    """A candidate that was stopped once before it was whole, and what was seen of it then."""

    folder: Path
    card: Card
    stopped: list[str]
    refused: list[str]


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def made(serving: Path, export: Path, recipe: str, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Retrain; stop when all epochs are trained; try to go on with something else, and on a full disk; go on."""
    folder = tmp_path_factory.mktemp("candidates") / "site-1"
    before, refused = contents(serving), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "write_candidate", stop)
        with pytest.raises(KeyboardInterrupt):
            retrain(serving, export, folder, recipe=recipe)
    stopped = [one.name for one in folder.parent.iterdir()]
    for changed in ({"seed": 5, "resume": True}, {}):
        with pytest.raises(ResumeError) as caught:
            retrain(serving, export, folder, recipe=recipe, **changed)
        refused.append(str(caught.value))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("triage.training.fit.loop._epoch", stop)  # no epoch is trained again
        for room in (100_000, 3_000_000):
            with full_disk(room), pytest.raises(StorageError) as caught:
                retrain(serving, export, folder, recipe=recipe, resume=True)
            refused.append(str(caught.value))
        full = [one.name for one in folder.parent.iterdir()]
        card = retrain(serving, export, folder, recipe=recipe, resume=True)
    assert contents(serving) == before, "what serves is only read"
    return Made(folder, card, stopped + full, refused)


def test_it_records_what_it_was_trained_on(made: Made, serving: Path, export: Path) -> None:
    site, seen = read_site(export, read_card(serving)), read_seen(made.folder, made.card.files)
    assert seen is not None

    def use_of(part: Part) -> set[Use | None]:
        pictures = [load_picture(site.root, one.item) for one in site.parts[part]]
        return set(seen.uses_of(Pictures.of(pictures)))

    assert use_of(Part.TRAIN) == {Use.TRAINED}
    assert use_of(Part.TEST) == {None}
    assert seen.uses_of(Pictures.of([head("glioma", 7)])) == [Use.TRAINED], "its parent was trained on that one"


def stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def copied(serving: Path, folder: Path, change: Callable[[Path], None] | None = None) -> Path:
    """Copy a model folder, change it, and write the hashes of its files on its card."""
    shutil.copytree(serving, folder)
    if change is not None:
        change(folder)
        card = json.loads((folder / CARD).read_text())
        card["files"] = {name: sha256_of(folder / name) for name in card["files"]}
        (folder / CARD).write_text(json.dumps(card))
    return folder


def test_a_candidate_is_an_ordinary_model_folder(made: Made) -> None:
    assert read_card(made.folder) == made.card
    assert set(contents(made.folder)) == {CARD, MODEL_CARD, KERAS, ONNX, GATE, "replay.npz", "seen.npz"}
    score = Runtime(made.folder).score(head("glioma", 1))
    assert sum(score.probabilities.values()) == pytest.approx(1)
    assert not work_folder(made.folder).exists()


def test_stopped_it_is_no_candidate_and_goes_on_only_as_it_began(made: Made) -> None:
    assert made.stopped == [".site-1.part"] * 2
    assert "another recipe" in made.refused[0]
    assert "Continue it with --resume" in made.refused[1]
    assert len(made.refused) == 4
    for full in made.refused[2:]:
        assert full.startswith("model.keras could not be written")
        assert full.endswith("continue with --resume.")


def test_the_card_says_where_it_comes_from(made: Made, serving: Path) -> None:
    parent, training = read_card(serving), made.card.training
    said = {"name": "small-v1", "digest": parent.digest, "network": parent.sha256}
    assert training["parent"] == said
    assert training["ancestors"] == [said]
    assert training["data_set"]["studies"] == 20
    assert training["data_set"]["by_class"] == dict.fromkeys(("glioma", "meningioma", "notumor", "pituitary"), 5)
    assert training["data_set"]["by_part"]["train"] == {"studies": 12, "slices": 24}
    assert training["recipe"]["name"] == "brief"
    assert training["seed"] == training["recipe"]["seed"]


def test_the_page_models_can_show_the_card(made: Made) -> None:
    facts = facts_of(made.card)
    assert facts.training.data_set is not None
    assert facts.training.data_set.studies == 20
    assert facts.metrics.test.figures


def test_its_figures_are_those_of_the_site_and_the_parents_are_called_so(made: Made, serving: Path) -> None:
    metrics, words = made.card.metrics, (made.folder / MODEL_CARD).read_text()
    assert metrics["test"]["on"].startswith("8 slices of 4 patients in the test part of the site")
    assert np.sum(metrics["test"]["confusion"]) == np.sum(metrics["before"]["confusion"]) == 8
    assert metrics["parent"] == {"name": "small-v1", "test": read_card(serving).metrics["test"]}
    assert "figures of small-v1, from its own cross-validation. They are not figures of this model" in words
    assert "its validation part has 1" in words, "with few patients the parent's operating point holds"
    assert made.card.operating_points == read_card(serving).operating_points
    assert "\n\n\n" not in words


def test_gate_and_distance_are_the_parents_because_what_they_read_did_not_change(made: Made, serving: Path) -> None:
    assert (made.folder / GATE).read_bytes() == (serving / GATE).read_bytes()
    frame, _ = prepare(head("meningioma", 5), FRAME)
    before, after = (Network(folder / ONNX).look(frame, WHOLE) for folder in (serving, made.folder))
    # The 8 bits have ranges of their own.
    np.testing.assert_allclose(after.features, before.features, atol=0.03 * np.ptp(before.features))
    assert after.distance == pytest.approx(before.distance, rel=0.1)
    trained, kept = (keras.saving.load_model(folder / KERAS, compile=False) for folder in (made.folder, serving))
    for name, same in (("block10_project_conv", True), ("head_conv", False), ("logits", False)):
        pairs = zip(trained.get_layer(name).get_weights(), kept.get_layer(name).get_weights(), strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs) is same, name


def test_it_remembers_the_site_beside_the_training_set_and_can_be_a_parent(made: Made, serving: Path) -> None:
    before, after = (load_replay(folder, read_card(folder).files) for folder in (serving, made.folder))
    assert set(after.sources) == {*before.sources, "readings"}
    assert set(after.importance) == set(before.importance)
    assert open_parent(made.folder).card == made.card


def test_a_candidate_that_is_there_is_not_written_over(made: Made, serving: Path, export: Path, recipe: str) -> None:
    with pytest.raises(RetrainError, match="Name another folder"):
        retrain(serving, export, made.folder, recipe=recipe)


def test_a_tampered_or_other_model_is_refused(serving: Path, export: Path, recipe: str, tmp_path: Path) -> None:
    tampered = copied(serving, tmp_path / "tampered")
    with (tampered / KERAS).open("ab") as file:
        file.write(b"more")
    with pytest.raises(ModelError, match=r"altered. Restore the model folder"):
        retrain(tampered, export, tmp_path / "out", recipe=recipe)

    def other(folder: Path) -> None:
        given = keras.Input((64, 64, 1))
        keras.Model(given, keras.layers.Flatten()(given), name="flat").save(folder / KERAS)

    with pytest.raises(ModelError, match=r"is no two-look network \(flat\)"):
        retrain(copied(serving, tmp_path / "other", other), export, tmp_path / "out", recipe=recipe)

    def larger(folder: Path) -> None:
        card = json.loads((folder / CARD).read_text())
        (folder / CARD).write_text(json.dumps(card | {"input_size": 192}))

    with pytest.raises(ModelError, match="is not the one that its card describes: 64 px"):
        retrain(copied(serving, tmp_path / "larger", larger), export, tmp_path / "out", recipe=recipe)
    with pytest.raises(RecipeError, match="no recipe for a retraining"):
        retrain(serving, export, tmp_path / "out", recipe="two-look")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_no_candidate(serving: Path, export: Path, recipe: str, tmp_path: Path) -> None:
    with full_disk(100), pytest.raises(StorageError, match=r"Free some space|disk is full"):
        retrain(serving, export, tmp_path / "out", recipe=recipe)
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_is_wrong(serving: Path, tmp_path: Path) -> None:
    options = ["--model", str(serving), "--data", str(tmp_path / "no.zip"), "--out", str(tmp_path / "out")]
    outcome = CliRunner().invoke(app, ["retrain", *options])
    assert outcome.exit_code == 1
    assert not (tmp_path / "out").exists()
