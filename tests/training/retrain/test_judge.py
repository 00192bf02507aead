"""A candidate is judged with real models on a real export: the two models of this project, on drawn heads."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn import manifest_set
from helpers import sign_study, take_in
from typer.testing import CliRunner

from triage.cli import app
from triage.copies.seen import SEEN, Pictures, Seen
from triage.errors import ModelError
from triage.inference.card import CARD, read_card, sha256_of
from triage.inference.runtime import Runtime
from triage.learning.entries import DatasetError
from triage.learning.judgement import LEAK, Check, Judgement, Verdict, read_judgement
from triage.learning.parts import Part
from triage.phantoms import phantoms
from triage.pipeline.installation import Installation
from triage.settings import ROOT, Settings
from triage.training.layouts import Item
from triage.training.retrain.judge import Basis, basis_of, judge_candidate, judged_on
from triage.training.retrain.studies import MOST_ALIKE, MOST_OF_PATIENT, _sample, reference_of, site_of

SERVING = ROOT / "models" / "two-look-v6.1"
OTHER = ROOT / "models" / "two-look-v7"


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve drawn heads that were signed, as an export; more if chance put no patient of theirs into the test part."""
    home = tmp_path_factory.mktemp("site")
    installation = Installation(Settings(home=home / "home", model=SERVING))
    for end in (12, 24, 36, 48):
        drawn = list(phantoms(end))[end - 12 :]
        ids = take_in(installation, {f"{end}-{at}.png": one.png for at, one in enumerate(drawn)})
        for study_id, one in zip(ids, drawn, strict=True):
            sign_study(installation, study_id, one.finding)
        target = home / f"{end}.zip"
        installation.export_readings(target)
        if site_of(target).parts[Part.TEST].load:
            break
    installation.close()
    return target


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn heads with a manifest."""
    return manifest_set(tmp_path_factory.mktemp("reference"), each=3)


@pytest.fixture(scope="module")
def basis(export: Path, reference: Path) -> Basis:
    """The answers of the serving model."""
    serving = Runtime(SERVING, threads=1)
    return basis_of(serving, site_of(export), *reference_of([reference], serving.card))


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """A model folder of another model."""
    folder = tmp_path / "candidate"
    shutil.copytree(OTHER, folder, ignore=shutil.ignore_patterns("trials", "*.keras", SEEN))
    card = read_card(OTHER)
    files = {name: digest for name, digest in card.files.items() if not name.endswith((".keras", SEEN))}
    (folder / "card.json").write_text(card.model_copy(update={"files": files}).model_dump_json())
    return folder


def records(folder: Path, seen: Seen) -> None:
    """Let a model folder say on its card which pictures it has seen."""
    card = read_card(folder)
    seen.save(folder / SEEN)
    files = card.files | {SEEN: sha256_of(folder / SEEN)}
    (folder / CARD).write_text(card.model_copy(update={"files": files}).model_dump_json())


def check(judgement: Judgement, name: str) -> Check:
    return next(one for one in judgement.checks if one.name == name)


def test_both_models_answer_and_the_judgement_lies_beside_the_card(basis: Basis, candidate: Path) -> None:
    judgement = judged_on(basis, Runtime(candidate, threads=1))
    assert read_judgement(candidate) == judgement
    assert (judgement.candidate, judgement.serving) == (read_card(candidate).digest, read_card(SERVING).digest)
    assert judgement.data_set == basis.site.digest
    assert check(judgement, "What was judged").figures["pictures"] == 12
    assert check(judgement, LEAK).verdict is Verdict.NOT_ENOUGH, "twelve heads prove nothing"
    assert check(judgement, "Time a slice").figures["after"]
    assert not judgement.passes(judgement.candidate, judgement.serving)


def test_a_candidate_that_records_a_test_picture_is_stopped(basis: Basis, candidate: Path) -> None:
    tests = basis.site.parts[Part.TEST]
    pixels = [one.slices[0].pixels for load in tests.load for one in load()]
    records(candidate, Seen.of(Pictures.of(pixels[:1]), np.array([True])))
    stopped = check(judged_on(basis, Runtime(candidate, threads=1)), LEAK)
    assert stopped.verdict is Verdict.FAILED
    assert stopped.said.startswith(f"The candidate was trained on 1 of {len(pixels)} test studies")
    records(candidate, Seen.of(Pictures.of(pixels), np.zeros(len(pixels), np.bool_)))
    assert check(judged_on(basis, Runtime(candidate, threads=1)), LEAK).verdict is Verdict.NOT_ENOUGH


def test_the_model_that_serves_is_no_candidate(export: Path) -> None:
    with pytest.raises(ModelError, match="is the model that serves"):
        judge_candidate(SERVING, SERVING, export, [])
    assert read_judgement(SERVING) is None


def test_the_command_says_why_it_may_not_serve(export: Path, candidate: Path) -> None:
    run = CliRunner().invoke(app, ["judge", str(candidate), "--model", str(SERVING), "--data", str(export)])
    assert run.exit_code == 3
    assert "It may not serve: No test study in the training" in run.output.replace("\n", " ")
    assert "There is none yet" in " ".join(str(one.said) for one in read_judgement(candidate).checks)  # type: ignore[union-attr]


def test_an_export_that_is_none_is_refused(candidate: Path, tmp_path: Path) -> None:
    arguments = ["judge", str(candidate), "--model", str(SERVING), "--data", str(tmp_path)]
    run = CliRunner().invoke(app, arguments)
    assert run.exit_code == 1
    assert read_judgement(candidate) is None


def test_a_study_of_the_export_comes_back_whole(basis: Basis, export: Path) -> None:
    studies = [basis.site.parts[part] for part in Part]
    with zipfile.ZipFile(export) as file:
        pictures = [name for name in file.namelist() if name.startswith("slices/") and name.endswith(".png")]
    assert sum(len(each.cases) for each in studies) == len(pictures) >= 12
    assert all(len(load()) == 1 and len(load()[0].slices) == 1 for each in studies for load in each.load)
    assert {label for each in studies for label in each.cases.labels} == {
        "glioma",
        "meningioma",
        "pituitary",
        "notumor",
    }


def test_pictures_that_are_missing_or_altered_are_not_judged_on(export: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(export) as file:
        file.extractall(tmp_path)
    gone, altered, *others = sorted((tmp_path / "slices").rglob("*.png"))
    gone.unlink()
    altered.write_bytes(others[0].read_bytes())
    site = site_of(tmp_path)
    left = {str(name) for each in site.parts.values() for name in each.cases.names}
    assert (site.faulty, len(left & {gone.parent.name, altered.parent.name})) == (2, 0)
    assert len(left) == len(others)
    part = next(each for each in site.parts.values() if each.load)
    for one in others:
        one.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"altered.*Export again"):
        part.load[0]()
    with pytest.raises(DatasetError, match="pictures of the export are missing or altered"):
        site_of(tmp_path)


def test_the_sample_of_a_reference_set_takes_few_of_each_kind_and_patient_and_unseen_ones_first() -> None:
    card = read_card(SERVING)
    config = {"sources": ["a"], "train_folds": [1, 2, 3, 4]}
    card = card.model_copy(update={"training": {"config": config}})
    items = [
        Item(f"{source}/{at}.png", source, "glioma", patient=f"P{at // 5}", fold=str(at % 5))
        for source in ("a", "b")
        for at in range(400)
    ]
    chosen = list(_sample(items, card))
    assert chosen == list(_sample(items[::-1], card))
    for source in ("a", "b"):
        own = [item for item in chosen if item.source == source]
        assert len(own) == MOST_ALIKE
        assert max(sum(item.patient == one.patient for item in own) for one in own) <= MOST_OF_PATIENT
    assert {item.fold for item in chosen if item.source == "a"} == {"0"}
    assert not any(item.fold == "0" for item in _sample([replace(one, fold="1") for one in items], card))
