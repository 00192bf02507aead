from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from dicoms import head, item, mr
from helpers import complaints
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.uid import EnhancedMRImageStorage

from triage.domain import AIResult, Band, Finding, Ranking, Slice, SliceScores
from triage.reports.sources import Source, read_source
from triage.reports.sr import structured_report

RESULT = AIResult(
    model="two-look-v1",
    model_sha256="ab" * 32,
    probabilities=dict(zip(Finding, (0.7, 0.2, 0.06, 0.04), strict=True)),
    ranking=Ranking(Band.STAT, "P(glioma) 0.70"),
    contents="cd" * 32,
    slices=SliceScores(0, 1, 0, (((0.1, 0.2, 0.3, 0.4), (0.7, 0.2, 0.06, 0.04)),)),
    filed_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
)


def stored(folder: Path, *datasets: Dataset) -> list[Source]:
    """Write the files and read them as reports do."""
    sources = []
    for place, dataset in enumerate(datasets):
        dcmwrite(folder / f"{place}.dcm", dataset, enforce_file_format=True)
        sources.append(read_source(place, folder / f"{place}.dcm"))
    return sources


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    first = mr(head(), PatientID="0815")
    second = mr(head(1), number=2, StudyInstanceUID=first.StudyInstanceUID, SeriesInstanceUID=first.SeriesInstanceUID)
    return stored(tmp_path, first, second)


def slice_of(instance: int, frame: int = 0) -> Slice:
    return Slice(head(), instance=instance, frame=frame)


def said(report: Dataset) -> dict[str, object]:
    """Measurements and codes of a report by their codes."""
    measured = report.ContentSequence[-1]
    (group,) = measured.ContentSequence
    found: dict[str, object] = {}
    for one in group.ContentSequence:
        if one.ValueType == "NUM":
            found[one.ConceptNameCodeSequence[0].CodeValue] = float(one.MeasuredValueSequence[0].NumericValue)
        elif one.ValueType == "CODE":
            found[one.ConceptNameCodeSequence[0].CodeValue] = one.ConceptCodeSequence[0].CodeValue
        elif one.ValueType == "IMAGE":
            found["shown"] = one.ReferencedSOPSequence[0]
    return found


def test_a_report_says_what_the_network_said(sources: list[Source]) -> None:
    report = structured_report(RESULT, sources, slice_of(1))
    content = said(report)
    assert (content["P_GLIOMA"], content["P_NOTUMOR"], content["CLASS"], content["BAND"]) == (
        0.7,
        0.04,
        "GLIOMA",
        "STAT",
    )
    shown = content["shown"]
    assert isinstance(shown, Dataset)
    assert shown.ReferencedSOPInstanceUID == sources[1].header.SOPInstanceUID
    assert (report.PatientID, report.StudyInstanceUID) == ("0815", sources[0].header.StudyInstanceUID)
    assert (report.CompletionFlag, report.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert "Research use only" in report.SeriesDescription


def test_a_report_is_of_an_mri_of_the_brain(sources: list[Source]) -> None:
    report = structured_report(RESULT, sources, slice_of(1))
    named = [code for one in report.ContentSequence for code in one.get("ConceptCodeSequence", [])]
    assert ("24590-2", "LN") in [(code.CodeValue, code.CodingSchemeDesignator) for code in named]


def test_the_validator_has_nothing_to_say(sources: list[Source], tmp_path: Path) -> None:
    for shown in (slice_of(1), None):
        assert complaints(structured_report(RESULT, sources, shown), tmp_path) == []


def test_the_same_result_gives_the_same_report(sources: list[Source], tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.dcm" for name in ("one", "two")]
    for path in paths:
        dcmwrite(path, structured_report(RESULT, sources, slice_of(0)), enforce_file_format=True)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert dcmread(paths[0]).ContentTime == "123000"


def test_a_file_that_says_nothing_of_its_patient_is_reported_too(tmp_path: Path) -> None:
    bare = mr(head(), PatientName=None, PatientID=None, AccessionNumber=None)
    assert complaints(structured_report(RESULT, stored(tmp_path, bare), slice_of(0)), tmp_path) == []


def test_a_frame_of_many_is_named(tmp_path: Path) -> None:
    enhanced = mr(np.stack([head(), head(1), head(2)]), SOPClassUID=EnhancedMRImageStorage)
    enhanced.PerFrameFunctionalGroupsSequence = [item()] * 3
    content = said(structured_report(RESULT, stored(tmp_path, enhanced), slice_of(0, frame=2)))
    shown = content["shown"]
    assert isinstance(shown, Dataset)
    assert shown.ReferencedFrameNumber == 3


@pytest.mark.filterwarnings("ignore:Incorrect value for Specific Character Set")
@pytest.mark.parametrize(
    ("name", "character_set"),
    [("SMITH^JOHN^A^Dr.", "ISO_IR 100"), ("Ivanova^Anna=Иванова^Анна", "ISO_IR 144"), ("Müller^Åsa", "ISO-IR 100")],
)
def test_the_name_goes_back_out_as_it_came_in(tmp_path: Path, name: str, character_set: str) -> None:
    made = mr(head(), PatientName=name, SpecificCharacterSet=character_set.replace("-", "_"))
    dcmwrite(tmp_path / "a.dcm", made, enforce_file_format=True)
    data = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(data.replace(b"ISO_IR 100", character_set.encode()))
    sources = [read_source(0, tmp_path / "a.dcm")]
    dcmwrite(tmp_path / "report.dcm", structured_report(RESULT, sources, None), enforce_file_format=True)
    assert str(dcmread(tmp_path / "report.dcm").PatientName) == name
