"""The outline that a reader signed as DICOM SEG, under the reader's name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from triage.domain import Slice
from triage.records.marked import Mask
from triage.records.marks import SignedMarks
from triage.reports.seg import by_frame, has_position
from triage.reports.sources import MANUFACTURER, RESEARCH, Source, person, stamp
from triage.scans.formats.dicom import as_stored

SERIES_NUMBER = 9003


def reader_segmentation(
    signed: SignedMarks, sources: Sequence[Source], outlined: Sequence[tuple[Slice, Mask]], number: int
) -> Dataset | None:
    """Return the masks of one series as a binary segmentation, or None if no mask can be placed or all are empty.

    It says whether any of them began as the outline of a model, and of which.

    Parameters
    ----------
    signed
        The marks that the masks belong to.
    sources
        The DICOM files of the study.
    outlined
        Slices of one series with their masks.
    number
        Number of the object in the study, from 1.
    """
    known = {source.instance: source for source in sources if has_position(source)}
    masked = [
        (
            known[slice_.instance],
            slice_.frame,
            as_stored(mask.pixels.astype(np.float32), known[slice_.instance].header, slice_.frame),
        )
        for slice_, mask in outlined
        if slice_.instance in known
    ]
    if not any(mask.any() for _, _, mask in masked):
        return None
    images, masks = by_frame(masked)
    origins = sorted({mask.origin for _, mask in outlined if mask.origin})

    def uid(purpose: str) -> str:
        study = str(sources[0].header.StudyInstanceUID)
        said = [purpose, study, signed.reader, signed.signed_at.isoformat()]
        return str(generate_uid(entropy_srcs=said))

    made = Segmentation(
        source_images=images,
        pixel_array=masks > 0,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            SegmentDescription(
                segment_number=1,
                segment_label="Tumour",
                segmented_property_category=codes.cid7150.MorphologicallyAbnormalStructure,
                segmented_property_type=codes.cid7151.Neoplasm,
                algorithm_type="SEMIAUTOMATIC" if origins else "MANUAL",
                algorithm_identification=AlgorithmIdentificationSequence(
                    name=MANUFACTURER, family=codes.cid7162.ArtificialIntelligence, version=", ".join(origins)
                )
                if origins
                else None,
                tracking_uid=uid("tracking"),
                tracking_id=f"{MANUFACTURER} reading {signed.version}",
                anatomic_regions=[codes.SCT.Brain],
            )
        ],
        series_instance_uid=uid(f"reader seg series {number}"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid(f"reader seg {number}"),
        instance_number=number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=MANUFACTURER,
        device_serial_number=MANUFACTURER,
        content_label="READER_TUMOUR",
        content_description=RESEARCH,
        content_creator_name=person(signed.reader),
        series_description=f"Tumour outlined by a reader. {RESEARCH}",
    )
    for one in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        one.DimensionOrganizationUID = uid(f"reader seg dimensions {number}")
    stamp(made, signed.signed_at)
    return made
