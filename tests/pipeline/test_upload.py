"""One record for each file: no receipt before its outcome, and nothing of a refused file's identity in it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from triage.domain import Kind, Outcome, Receipt, SeriesHeader, StudyHeader
from triage.errors import RefusedError, StorageError
from triage.pipeline.upload import Upload
from triage.records.views import Arrival, Instance
from triage.scans.formats.inspect import Inspected

INSPECTION = Inspected(Kind.DICOM, StudyHeader("1.2", mrn="0815"), SeriesHeader("1.3"), "1.4", "1.5", "1.6", 2)


@pytest.fixture
def upload() -> Upload:
    return Upload("a.dcm", Path("spool/0"), "ab" * 32, INSPECTION, size=7)


def test_without_an_outcome_there_is_no_receipt(upload: Upload) -> None:
    with pytest.raises(ValueError, match="outcome"):
        upload.receipt()


def test_the_receipt_names_file_study_and_instance(upload: Upload) -> None:
    upload.decide(Outcome.ACCEPTED, "Stored", "study")
    assert upload.receipt() == Receipt("a.dcm", Outcome.ACCEPTED, "Stored", "study", "1.2", "1.4", "1.5")


def test_a_picture_has_no_uids() -> None:
    upload = Upload("a.png", Path("spool/0"), inspection=Inspected(Kind.PNG, StudyHeader(), SeriesHeader()))
    upload.decide(Outcome.ACCEPTED, "Stored", "study")
    assert upload.receipt() == Receipt("a.png", Outcome.ACCEPTED, "Stored", "study")


def test_a_refusal_forgets_the_identity_that_may_not_be_deidentified(upload: Upload) -> None:
    upload.refuse(RefusedError("Damaged. Export it again."))
    assert upload.receipt() == Receipt("a.dcm", Outcome.REFUSED, "Damaged. Export it again.")
    assert upload.inspection is None


@pytest.mark.parametrize("error", [StorageError("Not stored: full."), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])
def test_a_failure_of_ours_may_be_tried_again(upload: Upload, error: Exception) -> None:
    upload.refuse(error)
    receipt = upload.receipt()
    assert (receipt.outcome, receipt.retry) == (Outcome.REFUSED, True)
    assert receipt.message.startswith("Not stored: ")


def test_the_record_gets_what_the_inspection_found(upload: Upload) -> None:
    instance = Instance("ab" * 32, "a.dcm", Kind.DICOM, 7, "1.5", "1.4", "1.6", 2)
    assert upload.arrival() == Arrival(instance, INSPECTION.study, INSPECTION.series)
    with pytest.raises(ValueError, match="inspection"):
        Upload("b", Path("spool/1")).arrival()
