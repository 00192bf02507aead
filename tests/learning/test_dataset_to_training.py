"""From DICOM, NIfTI, PNG and ZIP through signed readings and their export to a trained and evaluated run."""

from __future__ import annotations

import gzip
import json
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from drawn import small
from helpers import nifti_phantom, sign_study, take_in, zipped
from rich.console import Console

from triage.domain import Decision, Finding
from triage.phantom_studies import phantom_study
from triage.phantoms import phantoms
from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.training.audit import audit
from triage.training.data.splits import Split
from triage.training.evaluate.evaluate import evaluate
from triage.training.fit.loop import load_kept
from triage.training.fit.run import Options, run_recipe
from triage.training.layouts import load_picture, read_dataset

pytestmark = pytest.mark.slow

QUIET = Console(quiet=True)


@dataclass(frozen=True)
class Archive:
    """An export, packed and unpacked, and the slice that the AI result marked in each DICOM study."""

    packed: Path
    folder: Path
    marked: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Four DICOM studies of which the reader overrides the AI result, a NIfTI volume, and pictures, some by ZIP."""
    home = tmp_path_factory.mktemp("archive")
    with closing(Installation(Settings(home=home / "home"))) as installation:
        dicom = []
        for seed in range(4):
            files = dict(phantom_study(Finding.NOTUMOR, 4, seed + 1))  # the reader calls it a glioma
            dicom.append(take_in(installation, {"study.zip": zipped(files)} if seed == 3 else files)[0])
        pictures = [one for one in phantoms(16) if one.finding in (Finding.GLIOMA, Finding.NOTUMOR)]
        others = take_in(installation, {one.name: one.png for one in pictures[1:]})
        others += take_in(installation, {"a.zip": zipped({"a.png": pictures[0].png})})
        others += take_in(installation, {"a.nii.gz": gzip.compress(nifti_phantom(Finding.NOTUMOR, 4))})
        findings = [one.finding for one in (*pictures[1:], pictures[0])]
        findings = [*[Finding.GLIOMA] * len(dicom), *findings, Finding.NOTUMOR]
        for study_id, finding in zip([*dicom, *others], findings, strict=True):
            sign_study(installation, study_id, finding)
        studies = {study_id: installation.store.study(study_id) for study_id in dicom}
        assert {study.readings[-1].decision for study in studies.values()} == {Decision.OVERRIDE}
        marked = {}
        for study_id, study in studies.items():
            shown = study.result.slices
            marked[study_id] = installation.series(study_id)[shown.series].slices[shown.slice].pixels
        installation.export_readings(home / "readings.zip")
    with zipfile.ZipFile(home / "readings.zip") as file:
        file.extractall(home / "unpacked")
    return Archive(home / "readings.zip", home / "unpacked", marked)


def test_overrides_of_dicom_studies_are_items_of_training(archive: Archive) -> None:
    dataset = read_dataset(archive.folder)
    assert read_dataset(archive.packed).items == dataset.items
    assert {item.source for item in dataset.items} == {"readings"}
    assert len({item.patient for item in dataset.items}) == 4 + 8 + 1
    for study_id, seen in archive.marked.items():
        (item,) = [item for item in dataset.items if item.patient == study_id]
        assert item.label == Finding.GLIOMA
        pixels = load_picture(dataset.root, item)
        assert pixels.dtype == seen.dtype == np.uint16
        assert np.array_equal(pixels, seen)


def test_the_audit_reads_it(archive: Archive) -> None:
    found = audit(archive.folder)
    assert len(found.dataset.items) == len(read_dataset(archive.folder).items)
    assert found.conflicts == ()
    assert not [pair for pair in found.pairs if pair.first.scan == pair.second.scan]


def test_a_recipe_trains_and_is_evaluated_on_it(archive: Archive, tmp_path: Path) -> None:
    recipe = small("tuned-cnn").model_copy(update={"tuner": None, "expand": None})
    run = tmp_path / "run"
    result = run_recipe(recipe, read_dataset(archive.folder), run, Options(split=Split.PATIENTS), QUIET)
    parts = json.loads((run / "parts.json").read_text())
    patients = [{Path(name).parent.name for name in parts[part]} for part in ("train", "test")]
    assert patients[0]
    assert not patients[0] & patients[1]
    assert json.loads((run / "config.json").read_text())["sources"] == ["readings"]
    assert load_kept(run).output_shape == (None, 4)
    summary = evaluate(run, archive.folder, tmp_path / "figures.json", QUIET)
    assert summary["data"]["judged"] == result["pictures"]["test"] > 0
    assert summary["intervals"].endswith("by patient")
    packed = evaluate(run, archive.packed, tmp_path / "packed.json", QUIET)
    assert packed["confusion"] == summary["confusion"]
