"""Files are found, grouped to studies and scored without a record. The command line is tested in test_cli.py."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from drawn_dicom import instance, write
from helpers import encode, zipped

from triage.batch import NOT_ANALYSABLE, REFUSED, SCORED, Found, files_below, find_studies, score_studies
from triage.domain import Finding
from triage.inference.runtime import Runtime
from triage.phantoms import Phantom
from triage.scans.isolation.door import Door
from triage.settings import ROOT, Settings


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


def test_importing_it_loads_neither_database_nor_queue_nor_pages_nor_tensorflow() -> None:
    code = (
        "import sys, triage.batch\n"
        "heavy = {'sqlalchemy', 'dbos', 'streamlit', 'tensorflow', 'keras'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_hidden_files_below_a_folder_are_left_out(tmp_path: Path) -> None:
    for name in ("b", "deep/a", ".DS_Store", "deep/.hidden", "Thumbs.db", "deep/DICOMDIR", "__MACOSX/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    named = tmp_path / ".DS_Store"
    assert files_below([tmp_path]) == [tmp_path / "b", tmp_path / "deep" / "a"]
    assert files_below([named, tmp_path / "b", tmp_path / "b", tmp_path / "gone"]) == [
        named,
        tmp_path / "b",
        tmp_path / "gone",
    ]


def test_files_become_studies(tmp_path: Path, door: Door, slices: list[Phantom], study_files: dict[str, bytes]) -> None:
    scans, unpacked = tmp_path / "scans", tmp_path / "unpacked"
    scans.mkdir()
    unpacked.mkdir()
    first, *others = study_files
    (scans / "a.dcm").write_bytes(study_files[first])
    members = {name: study_files[name] for name in others} | {"head.png": slices[0].png, "note.txt": b"hello"}
    (scans / "b.zip").write_bytes(zipped(members))
    (scans / "c.png").write_bytes(slices[0].png)
    found = find_studies([*files_below([scans]), tmp_path / "gone.png"], door, unpacked)
    by_name = {Path(study.name).name: study for study in found}
    assert set(by_name) == {"scans", "head.png", "note.txt", "c.png", "gone.png"}
    assert len(by_name["scans"].paths) == len(study_files)
    assert by_name["scans"].uid
    assert by_name["note.txt"].refusal
    assert by_name["gone.png"].refusal.startswith("Cannot be read")
    assert [by_name[name].paths[0].read_bytes() for name in ("head.png", "c.png")] == [slices[0].png] * 2


@pytest.mark.parametrize(
    ("elements", "studies"),
    [
        ({}, 1),
        ({"PatientName": ("Doe^Jane", "DOE^JANE^^"), "PatientID": ("", "")}, 1),
        ({"PatientBirthDate": ("", "19500101")}, 1),
        ({"PatientID": ("1", "2")}, 2),
        ({"PatientName": ("Doe^Jane", "Roe^Richard")}, 2),
        ({"PatientBirthDate": ("19500101", "19600101")}, 2),
        ({"IssuerOfPatientID": ("North", "South")}, 2),
        ({"StudyInstanceUID": ("1.2.3", "1.2.4")}, 2),
        ({"StudyInstanceUID": ("", "")}, 1),
        ({"StudyInstanceUID": ("", ""), "PatientID": ("1", "2")}, 2),
        ({"StudyInstanceUID": ("", ""), "SeriesInstanceUID": ("1.2.3", "1.2.4")}, 2),
        ({"StudyInstanceUID": ("", ""), "SeriesInstanceUID": ("", "")}, 4),
        ({"StudyInstanceUID": ("", ""), "SeriesInstanceUID": ("1.2", "1.3"), "FrameOfReferenceUID": ("1.4",) * 2}, 1),
    ],
)
def test_two_patients_under_one_uid_are_two_studies(
    tmp_path: Path, door: Door, elements: dict[str, tuple[str, str]], studies: int
) -> None:
    for at in range(4):
        write(tmp_path / f"{at}", instance(**{name: values[at % 2] for name, values in elements.items()}))
    found = find_studies(files_below([tmp_path]), door, tmp_path)
    assert [len(one.paths) for one in found] == [4 // studies] * studies


def test_what_a_file_leaves_out_does_not_bring_two_patients_together(tmp_path: Path, door: Door) -> None:
    for at, born in enumerate(("", "19500101", "", "19600101")):
        write(tmp_path / f"{at}", instance(PatientBirthDate=born))
    found = find_studies(files_below([tmp_path]), door, tmp_path)
    assert sorted(len(one.paths) for one in found) == [1, 3]


def test_every_study_gets_an_answer(tmp_path: Path, door: Door, slices: list[Phantom]) -> None:
    head, blank, gone = (tmp_path / name for name in ("head.png", "blank.png", "gone.png"))
    head.write_bytes(slices[0].png)
    blank.write_bytes(encode(np.full((256, 256), 30, np.uint8)))
    gone.write_bytes(b"no longer a picture")
    studies = [Found("refused", (), "Damaged"), *(Found(path.name, (path,)) for path in (head, blank, gone))]
    settings = Settings()
    answers = list(score_studies(studies, door, Runtime(settings.model, settings.threads)))
    assert [answer["status"] for answer in answers] == [REFUSED, SCORED, NOT_ANALYSABLE, REFUSED]
    assert answers[0]["reason"] == "Damaged"
    assert answers[2]["reason"].startswith("Blank")
    for answer in (answers[0], *answers[2:]):
        assert (answer["predicted"], answer["malignancy"], answer["band"]) == (None, None, None)
        assert set(answer["probabilities"].values()) == {None}
    assert [answer["set_aside"] for answer in answers] == [[]] * 4
    assert sum(answers[1]["probabilities"].values()) == pytest.approx(1, abs=4e-6)
    assert answers[1]["predicted"] in set(Finding)
