from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import nibabel
import numpy as np
import pytest
import requests
from dicoms import file_of, head, mr
from dicomweb_client import DICOMwebClient
from helpers import complaints, encode, free_port, sign_study, take_in
from marked_samples import length, marks, mask
from pydantic import SecretStr
from pydicom import dcmread

from triage.domain import Finding, Placement, Score
from triage.errors import ConflictError, TransferError
from triage.phantoms import VOLUME, VOLUME_MM, volume
from triage.pipeline.installation import Installation
from triage.records.marked import marker
from triage.reports.fhir import diagnostic_report
from triage.reports.out import report_files, send_reports
from triage.reports.study_report import study_report

PLUGINS = Path("/usr/share/orthanc/plugins")


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """DICOMweb address of an Orthanc of the tests' own."""
    program = shutil.which("Orthanc")
    if program is None or not (PLUGINS / "libOrthancDicomWeb.so").exists():
        pytest.skip("Orthanc with its DICOMweb plugin is not installed")
    folder, port = tmp_path_factory.mktemp("orthanc"), free_port()
    settings = {
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [str(PLUGINS / "libOrthancDicomWeb.so")],
        "OverwriteInstances": False,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, folder / "orthanc.json"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                requests.get(f"http://127.0.0.1:{port}/system", timeout=2).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/dicom-web"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
def study_id(installation: Installation) -> str:
    """A study of two slices that is scored."""
    first = mr(head())
    shared = {key: first[key].value for key in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}
    second = mr(head(1), number=2, **shared)
    study_id, _ = take_in(installation, {"1.dcm": file_of(first), "2.dcm": file_of(second)})
    return study_id


@pytest.fixture
def outlined(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model draws an outline where we want it."""
    score = installation.runtime.score
    mask = np.zeros((128, 128), np.float32)
    mask[40:60, 50:70] = 0.9

    def with_mask(pixels: np.ndarray) -> Score:
        certain = {finding: float(finding is Finding.GLIOMA) for finding in Finding}
        return replace(score(pixels), probabilities=certain, mask=mask, placement=Placement(0, 0, 128), familiar=True)

    monkeypatch.setattr(installation.runtime, "score", with_mask)


def test_without_a_tumour_there_is_the_report_alone(
    installation: Installation, study_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = installation.runtime.score
    nothing = {finding: float(finding is Finding.NOTUMOR) for finding in Finding}
    monkeypatch.setattr(installation.runtime, "score", lambda pixels: replace(score(pixels), probabilities=nothing))
    ((name, data),) = report_files(installation, study_id)
    assert name == "SR-1.dcm"
    assert complaints(dcmread(io.BytesIO(data)), tmp_path) == []
    assert report_files(installation, study_id) == [(name, data)]


@pytest.mark.usefixtures("outlined")
def test_report_and_outline_of_a_study(installation: Installation, study_id: str, tmp_path: Path) -> None:
    files = dict(report_files(installation, study_id))
    assert set(files) == {"SR-1.dcm", "SEG-1.dcm"}
    outline = dcmread(io.BytesIO(files["SEG-1.dcm"]))
    assert complaints(outline, tmp_path) == []
    assert outline.NumberOfFrames == 2
    assert outline.pixel_array[:, 50, 60].tolist() == [round(0.9 * 255)] * 2


def test_what_a_reader_outlined_and_measured_is_reported_under_the_reader(
    installation: Installation, study_id: str
) -> None:
    study = installation.store.study(study_id)
    pixels = np.zeros(head().shape, bool)
    pixels[40:60, 50:70] = True
    here = marker(study.instances[1].sha256, 0)
    content = marks(length(here, 27.5), masks={here: mask(pixels)})
    installation.store.marks.save(study_id, "Dr. A", content, seen=0)
    assert not any("reader" in name for name, _ in report_files(installation, study_id))  # not signed yet
    sign_study(installation, study_id, Finding.GLIOMA)
    files = dict(report_files(installation, study_id))
    outline = dcmread(io.BytesIO(files["SEG-reader-1.dcm"]))
    assert np.array_equal(outline.pixel_array.reshape(pixels.shape) > 0, pixels)
    source = outline.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == study.instances[1].sop_instance_uid
    assert str(outline.ContentCreatorName) == "Dr. A^"
    report = dcmread(io.BytesIO(files["SR-reader-1.dcm"]))
    assert "27.5" in str(report)
    assert "Dr. A" in str(report)


def test_what_was_removed_before_an_amendment_is_in_no_report(installation: Installation, study_id: str) -> None:
    here = marker(installation.store.study(study_id).instances[1].sha256, 0)
    installation.store.marks.save(study_id, "Dr. A", marks(length(here, 27.5), keys=(here,)), seen=0)
    sign_study(installation, study_id, Finding.GLIOMA)
    assert len(study_report(installation, study_id, datetime.now(UTC)).measured) == 1
    installation.store.marks.save(study_id, "Dr. A", marks(), seen=1)
    sign_study(installation, study_id, Finding.GLIOMA, comment="The measurement was wrong.")
    assert not any("reader" in name for name, _ in report_files(installation, study_id))
    report = study_report(installation, study_id, datetime.now(UTC))
    assert (report.signed, report.measured) == ((), [])
    assert {one.author for one in report.images} <= {"AI"}
    resource = diagnostic_report(report, b"page")
    assert not [one["id"] for one in resource["contained"] if one["id"].startswith("measurement")]


def test_a_mark_in_the_second_volume_of_a_file_is_reported_there(installation: Installation) -> None:
    step = (VOLUME[1] - VOLUME[0]) / 5
    two = [np.stack(list(volume(one, 6, 0))).transpose(2, 1, 0) for one in (Finding.NOTUMOR, Finding.GLIOMA)]
    affine = np.diag([-VOLUME_MM, -VOLUME_MM, step, 1.0])
    file = nibabel.Nifti1Image(np.stack(two, -1).astype(np.int16), affine).to_bytes()
    (study_id,) = take_in(installation, {"two.nii": file})
    slice_ = installation.series(study_id)[1].slices[3]
    here = marker(installation.store.study(study_id).instances[0].sha256, slice_.frame)
    installation.store.marks.save(study_id, "Dr. A", marks(length(here), keys=(here,)), seen=0)
    sign_study(installation, study_id, Finding.GLIOMA)
    (image,) = study_report(installation, study_id, datetime.now(UTC)).images
    assert image.place.startswith("Series 2, slice 4 of 6")
    assert np.corrcoef(image.gray.ravel(), slice_.pixels.ravel())[0, 1] > 0.99


def test_a_picture_has_no_dicom_report(installation: Installation) -> None:
    (study_id,) = take_in(installation, {"x.png": encode((head() >> 4).astype(np.uint8))})
    assert report_files(installation, study_id) == []


@pytest.mark.usefixtures("outlined")
def test_a_pacs_takes_the_reports_once(installation: Installation, study_id: str, pacs: str) -> None:
    installation.settings = installation.settings.model_copy(update={"stow_target": pacs})
    assert send_reports(installation, study_id) == 2
    assert send_reports(installation, study_id) == 2
    uid = installation.store.study(study_id).header.uid
    there = DICOMwebClient(pacs).search_for_instances(uid)
    assert sorted(one["00080060"]["Value"][0] for one in there) == ["SEG", "SR"]


def test_what_keeps_the_reports_from_leaving_is_said(installation: Installation, study_id: str, pacs: str) -> None:
    with pytest.raises(ConflictError, match="TRIAGE_STOW_TARGET"):
        send_reports(installation, study_id)
    nobody = f"http://127.0.0.1:{free_port()}/dicom-web"
    installation.settings = installation.settings.model_copy(
        update={"stow_target": nobody, "stow_token": SecretStr("secret")}
    )
    with pytest.raises(TransferError, match="did not answer"):
        send_reports(installation, study_id)
    installation.settings = installation.settings.model_copy(update={"stow_target": f"{pacs}/nowhere"})
    with pytest.raises(TransferError, match="answered 40") as caught:
        send_reports(installation, study_id)
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("outlined")
def test_a_stack_in_two_series_has_an_outline_for_each(installation: Installation) -> None:
    first = mr(head())
    shared = {key: first[key].value for key in ("StudyInstanceUID", "FrameOfReferenceUID")}
    second = mr(head(1), number=2, **shared)
    study_id, _ = take_in(installation, {"1.dcm": file_of(first), "2.dcm": file_of(second)})
    assert [len(stack.slices) for stack in installation.series(study_id)] == [2]
    outlines = [dcmread(io.BytesIO(file)) for name, file in report_files(installation, study_id) if "SEG" in name]
    assert {one.ReferencedSeriesSequence[0].SeriesInstanceUID for one in outlines} == {
        first.SeriesInstanceUID,
        second.SeriesInstanceUID,
    }
    assert len({one.SOPInstanceUID for one in outlines}) == 2
