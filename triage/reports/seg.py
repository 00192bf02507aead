"""The outline of a lesion as DICOM SEG: the probability of tumour, pixel by pixel, over the source instances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.sr.codedict import codes

from triage.domain import AIResult, Placement, Score, Slice
from triage.reports.sources import MANUFACTURER, RESEARCH, Source, stamp, uid
from triage.scans.formats.dicom import as_stored
from triage.scans.formats.mosaic import is_mosaic

SERIES_NUMBER = 9002
#: Elements that place an image in space; without them a viewer cannot overlay the mask.
POSITION = ("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


def segmentation(
    result: AIResult, sources: Sequence[Source], scored: Sequence[tuple[Slice, Score]], number: int
) -> Dataset | None:
    """Return the masks of one series as a fractional segmentation, or None if no mask can be placed or all are empty.

    Parameters
    ----------
    result
        The AI result that the masks belong to.
    sources
        The DICOM files of the study.
    scored
        Scored slices of one series.
    number
        Number of the series in the study, from 1.
    """
    known = {source.instance: source for source in sources if has_position(source)}
    masked = [
        (known[slice_.instance], slice_.frame, _stored(score, slice_, known[slice_.instance].header))
        for slice_, score in scored
        if slice_.instance in known
    ]
    if not any(np.any(mask >= 1 / 255) for _, _, mask in masked):
        return None
    images, masks = by_frame(masked)
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
    stamp(made, result.filed_at)
    return made


def on_slice(mask: NDArray[np.float32], placement: Placement, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Resample a mask from the frame of the network to its slice.

    Parameters
    ----------
    mask
        ``(rows, columns)`` probabilities over the frame.
    placement
        Position of the frame on the slice.
    shape
        Height and width of the slice: pixels.

    Returns
    -------
    mask
        ``shape`` probabilities; 0 outside the frame.
    """
    height, width = shape
    rows, columns = mask.shape
    # From slice pixels to mask pixels, the direction that Pillow expects.
    x, y = columns / placement.side, rows / placement.side
    affine = (x, 0.0, -placement.left * x, 0.0, y, -placement.top * y)
    image = Image.fromarray(mask.astype(np.float32))
    resampled = image.transform((width, height), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return np.clip(np.asarray(resampled, np.float32), 0, 1)


def _stored(score: Score, slice_: Slice, header: Dataset) -> NDArray[np.float32]:
    return as_stored(on_slice(score.mask, score.placement, slice_.pixels.shape), header, slice_.frame)


def by_frame(
    masked: Sequence[tuple[Source, int, NDArray[np.float32]]],
) -> tuple[list[Dataset], NDArray[np.float32]]:
    """Return the source images and a mask for each of their frames, in one order.

    Parameters
    ----------
    masked
        Source, number of the frame, and mask as rows and columns are stored; all of one series.
    """
    first = masked[0][0]
    if not first.frames:
        return [source.header for source, _, _ in masked], np.stack([mask for _, _, mask in masked])
    masks = np.zeros((first.frames, *masked[0][2].shape), np.float32)
    for source, frame, mask in masked:
        if source is first:
            masks[frame] = mask
    return [first.header], masks


def has_position(source: Source) -> bool:
    """Tell whether a mask over the images of a file can be placed in space."""
    header = source.header
    if source.frames:
        return "FrameOfReferenceUID" in header
    # The position of a mosaic is not that of its tiles.
    single = int(header.get("NumberOfFrames") or 1) == 1 and not is_mosaic(header)
    return single and all(header.get(keyword) for keyword in POSITION)


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
