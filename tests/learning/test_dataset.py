from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from helpers import keep

from triage.domain import Decision, Finding, Reading, ReadingState, ReasonCode
from triage.learning.dataset import COLUMNS, write_export
from triage.records.files import FileStore
from triage.records.views import Instance, SignedReading

NOW = datetime(2026, 1, 10, 8, 30, tzinfo=UTC)


def signed(files: FileStore, data: bytes, finding: Finding, comment: str = "", kind: str = "PNG") -> SignedReading:
    instance = Instance(keep(files, data), "head.png", kind, len(data))
    override = finding is not Finding.GLIOMA
    return SignedReading(
        study_id=hashlib.md5(data).hexdigest(),
        name="head.png",
        instance=instance,
        predicted=Finding.GLIOMA,
        reading=Reading(
            reader="Dr. A",
            decision=Decision.OVERRIDE if override else Decision.CONFIRM,
            finding=finding,
            reason=ReasonCode.NO_LESION if override else None,
            comment=comment,
            state=ReadingState.FINAL,
            signed_at=NOW,
            model_sha256="a" * 64,
        ),
    )


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def exported(readings: list[SignedReading], files: FileStore) -> tuple[zipfile.ZipFile, list[dict[str, str]]]:
    target = io.BytesIO()
    write_export(readings, files, target)
    archive = zipfile.ZipFile(target)
    return archive, list(csv.DictReader(io.StringIO(archive.read("readings.csv").decode())))


def test_pictures_lie_in_the_folder_of_the_signed_class(files: FileStore) -> None:
    readings = [signed(files, b"one", Finding.NOTUMOR), signed(files, b"two", Finding.GLIOMA, kind="JPEG")]
    archive, rows = exported(readings, files)
    assert tuple(rows[0]) == COLUMNS
    assert [row["file"].split("/")[0] for row in rows] == ["notumor", "glioma"]
    assert [archive.read(row["file"]) for row in rows] == [b"one", b"two"]
    assert [Path(row["file"]).suffix for row in rows] == [".png", ".jpg"]
    first = rows[0]
    assert (first["original"], first["final"], first["decision"]) == ("glioma", "notumor", "override")
    assert (first["reason"], first["reader"], first["model_sha256"]) == ("no lesion there", "Dr. A", "a" * 64)
    assert first["signed_at"] == "2026-01-10T08:30:00+00:00"


def test_an_amendment_moves_the_picture_and_keeps_both_rows(files: FileStore) -> None:
    newest_first = [signed(files, b"one", Finding.NOTUMOR), signed(files, b"one", Finding.GLIOMA)]
    archive, rows = exported(newest_first, files)
    assert len(rows) == 2
    assert {row["file"].split("/")[0] for row in rows} == {"notumor"}
    assert len(archive.namelist()) == 2


@pytest.mark.parametrize("comment", ["=cmd()", "+1", "-1", "@x", "\t=1"])
def test_a_comment_is_never_a_formula(files: FileStore, comment: str) -> None:
    _, rows = exported([signed(files, b"one", Finding.GLIOMA, comment)], files)
    assert rows[0]["comment"] == f"'{comment}"


def test_no_readings_make_an_empty_table(files: FileStore) -> None:
    archive, rows = exported([], files)
    assert rows == []
    assert archive.namelist() == ["readings.csv"]
