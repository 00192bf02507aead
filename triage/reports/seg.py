"""The outline of a lesion as DICOM SEG: the probability of tumour, pixel by pixel, over the source instances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.codedict import codes

from triage.domain import AIResult, Slice
from triage.reports.sources import MANUFACTURER, RESEARCH, Source, stamp, uid
from triage.scans.dicom import as_stored

SERIES_NUMBER = 9002
#: Without these nobody could lay the mask over the picture.
PLACE = ("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


def segmentation(
    result: AIResult, sources: Sequence[Source], masked: Sequence[tuple[Slice, NDArray[np.float32]]], number: int
) -> Dataset | None:
    """Return the masks of one series as a fractional segmentation, or None where there is nothing to lay anywhere.

    Parameters
    ----------
    result
        The AI result that the masks belong to.
    sources
        The DICOM files of the study.
    masked
        Slices of one series, each with a mask of its size: the probability of tumour.
    number
        Of the series in the study, from 1.
    """
    known = {source.instance: source for source in sources if _has_a_place(source)}
    stored = [
        (known[slice_.instance], slice_.frame, as_stored(mask, known[slice_.instance].header, slice_.frame))
        for slice_, mask in masked
        if slice_.instance in known
    ]
    if not any(np.any(mask >= 1 / 255) for _, _, mask in stored):
        return None
    images, masks = _arranged(stored)
    made = Segmentation(
        source_images=images,
        pixel_array=masks,
        segmentation_type=SegmentationTypeValues.FRACTIONAL,
        segment_descriptions=[_segment(result, sources)],
        series_instance_uid=uid(f"seg series {number}", result, sources),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid(f"seg {number}", result, sources),
        instance_number=number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=result.model,
        software_versions=result.model_sha256[:16],
        device_serial_number=result.model_sha256[:16],
        content_label="AI_TUMOUR",
        content_description=RESEARCH,
        series_description=f"AI tumour probability. {RESEARCH}",
    )
    for one in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        one.DimensionOrganizationUID = uid(f"seg dimensions {number}", result, sources)
    stamp(made, result)
    return made


def _arranged(
    masked: Sequence[tuple[Source, int, NDArray[np.float32]]],
) -> tuple[list[Dataset], NDArray[np.float32]]:
    """Return the source images and a mask for each of their frames, in one order."""
    first = masked[0][0]
    if not first.frames:
        return [source.header for source, _, _ in masked], np.stack([mask for _, _, mask in masked])
    masks = np.zeros((first.frames, *masked[0][2].shape), np.float32)
    for source, frame, mask in masked:
        if source is first:
            masks[frame] = mask
    return [first.header], masks


def _has_a_place(source: Source) -> bool:
    header = source.header
    if source.frames:
        return "FrameOfReferenceUID" in header
    single = int(header.get("NumberOfFrames") or 1) == 1
    return single and all(header.get(keyword) for keyword in PLACE)


def _segment(result: AIResult, sources: Sequence[Source]) -> SegmentDescription:
    return SegmentDescription(
        segment_number=1,
        segment_label="Tumour probability",
        segmented_property_category=codes.cid7150.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.cid7151.Neoplasm,
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(
            name=result.model, family=codes.cid7162.ArtificialIntelligence, version=result.model_sha256[:16]
        ),
        tracking_uid=uid("tracking", result, sources),
        tracking_id=f"{MANUFACTURER} study result",
        anatomic_regions=[codes.SCT.Brain],
    )
