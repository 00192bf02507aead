"""From DICOM, NIfTI, PNG and ZIP through signed readings and their export to a trained and judged run."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from drawn import small
from helpers import nifti_phantom, receive, sign_study, take_in, zipped
from rich.console import Console

from triage.domain import Decision, Finding
from triage.phantom_studies import phantom_study
from triage.phantoms import Phantom, phantoms
from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.training.audit import audit
from triage.training.data.splits import Split
from triage.training.evaluate.evaluate import evaluate
from triage.training.fit.loop import load_kept
from triage.training.fit.run import Options, run_recipe
from triage.training.layouts import load_picture, read_dataset

pytestmark = pytest.mark.slow

QUIET = Console(quiet=True, file=io.StringIO())
#: What the readers sign; of each pair one study arrives as DICOM.
SIGNED = (Finding.GLIOMA, Finding.NOTUMOR)


@dataclass(frozen=True)
class Archive:
    """An export as a ZIP and unpacked, and the studies that came as DICOM."""

    packed: Path
    folder: Path
    dicom: tuple[str, ...]
    overridden: tuple[str, ...]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Ten signed studies: four in DICOM (one by a ZIP), a NIfTI volume, and pictures (one by a ZIP)."""
    home = tmp_path_factory.mktemp("archive")
    with closing(Installation(Settings(home=home / "home"))) as installation:
        dicom = []
        for seed in range(4):
            files = dict(phantom_study(SIGNED[seed % 2], 4, seed))
            handed_over = {"study.zip": zipped(files)} if seed == 3 else files
            (study_id,) = {str(receipt.study_id) for receipt in receive(installation, handed_over)}
            dicom.append(study_id)
        pictures: list[Phantom] = [one for one in phantoms(16) if one.finding in SIGNED]
        by_finding = sorted(pictures, key=lambda one: SIGNED.index(one.finding))
        names = {f"{number}.png": one.png for number, one in enumerate(by_finding)}
        packed = {"last.zip": zipped({"last.png": names.popitem()[1]})}
        others = [*take_in(installation, names), *take_in(installation, packed)]
        volume = take_in(installation, {"volume.nii.gz": gzip.compress(nifti_phantom(Finding.NOTUMOR, 4))})
        findings = [
            *(SIGNED[seed % 2] for seed in range(4)),
            *(one.finding for one in by_finding),
            Finding.NOTUMOR,
        ]
        studies = [*dicom, *others, *volume]
        for study_id, finding in zip(studies, findings, strict=True):
            sign_study(installation, study_id, finding)
        # The AI may agree with all of it, so that one reading of each kind overrides it for sure.
        decisions = {study_id: installation.store.study(study_id).readings[-1].decision for study_id in studies}
        target = home / "readings.zip"
        installation.export_readings(target)
    folder = home / "unpacked"
    with zipfile.ZipFile(target) as file:
        file.extractall(folder)
    overridden = tuple(study_id for study_id, decision in decisions.items() if decision is Decision.OVERRIDE)
    return Archive(target, folder, tuple(dicom), overridden)
