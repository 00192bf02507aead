"""With de-identification on, no artefact of the installation but the map of pseudonyms holds an identifier."""

from __future__ import annotations

import gzip
import io
import logging
import zipfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from dicoms import file_of, head, mr
from planted import Plants, archive, dicom, nifti, pictures
from pydicom import dcmread
from sqlalchemy import inspect, text

from triage.domain import Decision, Finding, Kind, Outcome, Placement, Reading, ReadingState, Receipt, Score
from triage.inference.views import FRAME
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.records.pseudonyms import Pseudonyms
from triage.records.worklist_views import WorklistFilter
from triage.reports.out import report_files
from triage.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", deidentify=True)


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What is printed; never closed, since the durable work keeps its log handler for later tests."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        yield printed


def incoming(plants: Plants) -> list[Incoming]:
    """Everything that can be handed over, each file with names in it, and names on it."""
    shot, broken = dicom(plants), file_of(dicom(plants))
    shot.BurnedInAnnotation = "YES"
    files = {
        f"{plants.word()}.zip": archive(plants, dicom(plants)),
        f"{plants.word()}.nii.gz": nifti(plants),
        f"../{plants.word()}/{plants.word()}.dcm": file_of(shot),
        f"{plants.word()}.dcm": broken[: len(broken) // 2],
        f"{plants.word()} letter.pdf": plants.word().encode(),
        **dict(pictures(plants)),
    }
    return [Incoming(name, data=data) for name, data in files.items()]


def rows(installation: Installation) -> Iterator[tuple[str, str]]:
    """Every row of every table but the map."""
    with installation.store.engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        assert "pseudonym" in tables
        for table in sorted(tables - {"pseudonym"}):
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                yield f"table {table}", repr(tuple(row))


def contents(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The bytes of a file, and of what is packed in it."""
    yield name, data
    if data.startswith(b"\x1f\x8b"):
        yield f"{name}, inflated", gzip.decompress(data)
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for member in packed.namelist():
                yield f"{name}: {member}", member.encode() + packed.read(member)


def artefacts(
    installation: Installation, receipts: list[Receipt], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, bytes]]:
    """Everything that the installation keeps, shows, answers or hands out."""
    home = installation.settings.home
    for path in sorted(home.rglob("*")):
        yield "a path", str(path.relative_to(home)).encode()
        if path.is_file() and not path.name.startswith("triage.db"):
            yield from contents(path.name, path.read_bytes())
    for name, said in rows(installation):
        yield name, said.encode()
    for receipt in receipts:
        yield "receipt", repr(receipt).encode()
    yield "worklist", repr(installation.queue.page(WorklistFilter(), datetime.now(UTC))).encode()
    score = installation.runtime.score
    certain = {finding: float(finding is Finding.GLIOMA) for finding in Finding}
    mask = np.full((FRAME, FRAME), 0.9, np.float32)

    def with_mask(pixels: np.ndarray) -> Score:
        place = Placement(0, 0, max(pixels.shape))
        return replace(score(pixels), probabilities=certain, mask=mask, placement=place, familiar=True)

    for study_id in {receipt.study_id for receipt in receipts if receipt.study_id}:
        study = installation.store.study(study_id)
        yield "study", repr(study).encode()
        with monkeypatch.context() as patch:
            patch.setattr(installation.runtime, "score", with_mask)
            for name, data in report_files(installation, study_id):
                yield name, name.encode() + data
    exported = installation.settings.home / "readings.zip"
    assert installation.export_readings(exported, originals=True).studies == 1
    yield from contents("export", exported.read_bytes())


def sign_one(installation: Installation, study_id: str) -> None:
    reading = Reading("Dr A", Decision.CONFIRM, Finding.GLIOMA, None, "", ReadingState.FINAL, datetime.now(UTC))
    installation.store.readings.sign(study_id, reading, seen=0)


def test_no_artefact_holds_an_identifier(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    output: io.StringIO,
    recwarn: pytest.WarningsRecorder,
) -> None:
    plants, shown = Plants(), []
    files = incoming(plants)
    caplog.set_level(logging.DEBUG)  # from here on: what writes the files above logs what it writes
    assert len(plants.marks) > 200
    receipts = installation.receive(files, actor="test", progress=lambda done, known, name: shown.append(name))
    accepted = [receipt for receipt in receipts if receipt.outcome is Outcome.ACCEPTED]
    assert [receipt.outcome for receipt in receipts].count(Outcome.REFUSED) == 4
    assert len(accepted) == 4
    assert installation.wait([str(receipt.study_id) for receipt in accepted]) == []
    sign_one(installation, str(accepted[-1].study_id))
    searched = {name: [] for name in ("SR-1.dcm", "SEG-1.dcm", "table audit", "export", "triage")}
    leaks = []
    for name, data in [
        *artefacts(installation, receipts, monkeypatch),
        ("progress", repr(shown).encode()),
        ("log", "\n".join(record.getMessage() for record in caplog.records).encode()),
        ("log", caplog.text.encode()),
        ("output", output.getvalue().encode()),
        ("warnings", repr([str(warning.message) for warning in recwarn]).encode()),
    ]:
        searched.setdefault(name, []).append(data)
        leaks += [(name, mark) for mark in plants.marks if mark.lower().encode() in data.lower()]
    assert leaks == []
    assert searched["SR-1.dcm"]
    assert searched["SEG-1.dcm"]
    assert searched["table audit"]


def test_what_was_taken_out_can_be_found_again(installation: Installation) -> None:
    dataset = mr(head(), PatientID="0815", AccessionNumber="A77", StudyDate="20240229")
    (receipt,) = installation.receive([Incoming("doe.dcm", data=file_of(dataset))], actor="test")
    study = installation.store.study(str(receipt.study_id))
    map_ = Pseudonyms(installation.store)
    assert map_.original(study.header.mrn, actor="Dr A") == "0815"
    assert map_.original(study.header.accession_number, actor="Dr A") == "A77"
    assert map_.original(study.header.uid, actor="Dr A") == dataset.StudyInstanceUID
    assert map_.original(receipt.name.removesuffix(".dcm"), actor="Dr A") == "doe.dcm"
    assert study.header.study_date is not None
    assert study.header.study_date < date(2024, 2, 29)
    assert [said for name, said in rows(installation) if name == "table audit" and "re-identified" in said]


def test_a_file_that_comes_again_is_known(installation: Installation) -> None:
    one, other = mr(head(), PatientID="1"), mr(head(1), PatientID="1")
    other.StudyInstanceUID, other.SeriesInstanceUID = one.StudyInstanceUID, one.SeriesInstanceUID
    receipts = []
    for dataset in (one, one, other):
        receipts += installation.receive([Incoming("x.dcm", data=file_of(dataset))], actor="test")
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.ALREADY_HERE, Outcome.ACCEPTED]
    assert len({receipt.study_id for receipt in receipts}) == 1
    changed = mr(head(2), SOPInstanceUID=one.SOPInstanceUID, StudyInstanceUID=one.StudyInstanceUID, PatientID="1")
    (receipt,) = installation.receive([Incoming("x.dcm", data=file_of(changed))], actor="test")
    assert receipt.outcome is Outcome.CONFLICT


def test_what_is_kept_is_what_was_decoded(installation: Installation) -> None:
    dataset = mr(head())
    (receipt,) = installation.receive([Incoming("x.dcm", data=file_of(dataset))], actor="test")
    (instance,) = installation.store.study(str(receipt.study_id)).instances
    assert instance.kind == Kind.DICOM
    kept = dcmread(installation.files.found(instance.sha256))
    assert np.array_equal(kept.pixel_array, dataset.pixel_array)
    assert kept.SOPInstanceUID == instance.sop_instance_uid != dataset.SOPInstanceUID


def test_a_burned_in_suspect_is_refused_with_a_remedy(installation: Installation) -> None:
    shot = mr(head(), BurnedInAnnotation="YES")
    (receipt,) = installation.receive([Incoming("x.dcm", data=file_of(shot))], actor="test")
    assert receipt.outcome is Outcome.REFUSED
    assert "mark it as clean" in receipt.message
    assert not list(installation.settings.files.rglob("*/*"))
