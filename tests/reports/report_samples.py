"""A report of a study that was read, for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
from marked_samples import length, marks
from record_samples import instance, reading, result

from triage.domain import Band, Finding, SeriesHeader, StudyHeader, StudyStatus
from triage.records.marked import Marks, Measurement
from triage.records.marks import SignedMarks
from triage.records.views import SeriesFiles, Study, contents_of
from triage.reports.key_images import KeyImage
from triage.reports.study_report import StudyReport

NOW = datetime(2026, 1, 10, tzinfo=UTC)
HERE = f"{1:064x}/0"


def image() -> KeyImage:
    mask = np.zeros((80, 100), bool)
    mask[30:50, 40:70] = True
    drawn = Measurement.model_validate(length(HERE))
    gray = np.tile(np.arange(100, dtype=np.uint8), (80, 1))
    return KeyImage(
        "Series 2, slice 3 of 20 · axial T1", "Dr. A", gray, (1.0, 0.5), mask, (drawn,), edges=("R", "L", "A", "P")
    )


def report() -> StudyReport:
    header = StudyHeader(
        uid="1.2.3",
        patient_name="Müller^Ada",
        mrn="MRN-7",
        issuer="Clinic",
        accession_number="ACC-9",
        description="MRI brain",
        study_date=date(2026, 1, 9),
        sex="F",
        age="054Y",
        birth_date=date(1970, 5, 4),
    )
    judged = replace(
        result(),
        contents=contents_of([instance(1).sha256]),
        prediction_set=(Finding.GLIOMA, Finding.MENINGIOMA),
        filed_at=NOW,
    )
    study = Study(
        study_id="ab" * 16,
        name="head.dcm",
        status=StudyStatus.READ,
        reason="because",
        site_band=Band.ROUTINE,
        arrived_at=NOW,
        opened_at=NOW,
        header=header,
        series=(SeriesFiles(SeriesHeader("1.2.3.4"), (instance(1),)),),
        results=(judged,),
        readings=(reading(),),
    )
    signed = SignedMarks(Marks.model_validate(marks(length(HERE))), "Dr. A", 1, NOW)
    return StudyReport(study, (signed,), (image(),), NOW)
