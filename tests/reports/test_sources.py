"""The source instances of a report, and identifiers that stay the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dicoms import head, mr
from pydicom import Dataset, dcmwrite

from triage.domain import AIResult, Band, Finding, Ranking
from triage.reports.sources import COPIED, Source, read_source, stamp, uid

RESULT = AIResult(
    "net",
    "a" * 64,
    dict.fromkeys(Finding, 0.25),
    Ranking(Band.STAT, ""),
    "c",
    filed_at=datetime(2026, 3, 1, tzinfo=UTC),
)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    dataset = mr(head(), PatientID="0815")
    assert "StudyID" not in dataset
    dcmwrite(tmp_path / "a.dcm", dataset, enforce_file_format=True)
    return read_source(3, tmp_path / "a.dcm")


def test_a_source_has_no_pixels_and_every_copied_element(source: Source) -> None:
    assert (source.instance, source.frames) == (3, 0)
    assert "PixelData" not in source.header
    assert all(keyword in source.header for keyword in COPIED)
    assert (source.header.PatientID, source.header.StudyID) == ("0815", "")


def test_only_numbered_frames_count() -> None:
    header = Dataset()
    header.NumberOfFrames = 5
    assert Source(0, header).frames == 0
    header.PerFrameFunctionalGroupsSequence = [Dataset()]
    assert Source(0, header).frames == 5


def test_uids_depend_on_purpose_study_contents_and_model(source: Source) -> None:
    other = Source(0, Dataset())
    other.header.StudyInstanceUID = "1.2"
    made = [
        uid("sr", RESULT, [source]),
        uid("seg", RESULT, [source]),
        uid("sr", replace(RESULT, contents="d"), [source]),
        uid("sr", replace(RESULT, model_sha256="b" * 64), [source]),
        uid("sr", RESULT, [other]),
    ]
    assert len(set(made)) == len(made)
    assert made[0] == uid("sr", replace(RESULT, model="renamed"), [source])


def test_a_report_has_the_date_of_its_result() -> None:
    report = Dataset()
    stamp(report, RESULT.filed_at)
    assert (report.ContentDate, report.ContentTime) == ("20260301", "000000")
    assert (report.SeriesDate, report.InstanceCreationDate) == ("20260301", "20260301")
    assert report.TimezoneOffsetFromUTC == "+0000"
