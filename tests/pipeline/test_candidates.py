"""Every folder in ``models/`` is listed: whole with its card and judgement, or with what is wrong with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import onnx
import pytest
from candidate_samples import judge, make_candidate

from triage.errors import ModelError
from triage.inference.card import CARD, ONNX, sha256_of
from triage.learning.judgement import JUDGEMENT
from triage.pipeline.candidates import Candidates, judgement_digest, read_candidate, try_out

#: What the card of a retrained model says of the readings.
LEARNT_FROM = {"digest": "d" * 64, "studies": 12, "by_class": {"glioma": 12}}


def test_folders_are_listed_by_name_with_what_is_wrong(tmp_path: Path) -> None:
    assert Candidates(tmp_path / "models").all() == []
    whole, damaged = make_candidate(tmp_path, "b"), make_candidate(tmp_path, "a")
    judge(whole)
    (damaged / CARD).write_text("{")
    (tmp_path / "models" / "empty").mkdir()
    (tmp_path / "models" / ".being written").mkdir()
    (tmp_path / "models" / "file").write_text("x")
    candidates = Candidates(tmp_path / "models")
    found = candidates.all()
    assert [one.folder for one in found] == ["a", "b", "empty"]
    assert ["not a model card" in found[0].trouble, found[1].trouble, "holds no card.json" in found[2].trouble] == [
        True,
        "",
        True,
    ]
    assert found[1].judgement is not None
    assert len(judgement_digest(found[1])) == 64
    assert judgement_digest(found[0]) == ""
    with pytest.raises(ModelError):
        _ = found[0].model
    assert candidates.find("b").model.name == "b"
    with pytest.raises(ModelError, match="no candidate"):
        candidates.find("..")


def test_weights_in_another_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_candidate(tmp_path)
    network = onnx.load(folder / ONNX)
    onnx.save(network, folder / ONNX, save_as_external_data=True, location="weights.bin", size_threshold=0)
    card = json.loads((folder / CARD).read_text())
    card["files"][ONNX] = sha256_of(folder / ONNX)
    (folder / CARD).write_text(json.dumps(card))
    monkeypatch.chdir(folder)  # where ONNX Runtime looks for the weights of a network that it has from memory
    with pytest.raises(ModelError, match="weights in other files"):
        try_out(read_candidate(folder))


@pytest.mark.parametrize(
    "name",
    ["two-look-v7\u200b", "ours ", "", "a\nb", "a\0b", "ours\n", "\u202eours", "two\u2010look", "x" * 65, "\u043eurs"],
)
def test_a_name_that_could_be_mistaken_is_refused(tmp_path: Path, name: str) -> None:
    found = read_candidate(make_candidate(tmp_path, name=name))
    assert found.card is None
    assert found.trouble.startswith("The model in models/ours has a name that could be mistaken.")


def test_the_name_of_a_released_model_is_refused_in_capitals_too(tmp_path: Path) -> None:
    assert "not the one that was released" in read_candidate(make_candidate(tmp_path, name="Two-Look-v7")).trouble


def test_one_broken_folder_takes_none_of_the_others_down(tmp_path: Path) -> None:
    make_candidate(tmp_path, "whole")
    broken, waiting = make_candidate(tmp_path, "broken"), make_candidate(tmp_path, "waiting")
    (broken / CARD).write_bytes(b"\xff\xfe")
    os.mkfifo(waiting / JUDGEMENT)
    found = {one.folder: one for one in Candidates(tmp_path / "models").all()}
    assert "not a model card" in found["broken"].trouble
    assert "not a judgement" in found["waiting"].trouble
    assert judgement_digest(found["waiting"]) == ""
    assert try_out(found["whole"]).name == "whole"


def test_a_folder_that_was_touched_is_read_anew(tmp_path: Path) -> None:
    folder = make_candidate(tmp_path)
    candidates = Candidates(tmp_path / "models")
    (first,) = candidates.all()
    assert candidates.all()[0] is first
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"name": "other"}))
    assert candidates.all()[0].name == "other"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"training": {"parent": {"name": "a"}, "data_set": LEARNT_FROM | {"studies": "<b>"}}}, "data_set.studies"),
        ({"training": {"parent": {"name": 1}, "data_set": LEARNT_FROM}}, "training.parent.name"),
        ({"metrics": {}}, "metrics.test"),
        ({"metrics": {"test": {"on": "nothing"}}}, "metrics.test.figures"),
    ],
)
def test_a_card_that_cannot_be_shown_is_refused(tmp_path: Path, changes: dict[str, object], where: str) -> None:
    found = read_candidate(make_candidate(tmp_path, **changes))
    assert found.card is None
    assert where in found.trouble
    assert "retrain or release" in found.trouble
    with pytest.raises(ModelError, match="retrain or release"):
        try_out(found)


def test_what_cannot_be_run_is_said(tmp_path: Path) -> None:
    folder = make_candidate(tmp_path)
    assert try_out(read_candidate(folder)).name == "ours"
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"classes": card["classes"][::-1]}))
    with pytest.raises(ModelError, match="another form"):
        try_out(read_candidate(folder))
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match="missing or altered"):
        try_out(read_candidate(folder))
