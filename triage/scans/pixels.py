"""Stored pixels of a DICOM object to gray values of one scale: rescale, window, polarity, depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import parse_fragments
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import iter_pixels

from triage.errors import RefusedError

#: Pixels of one frame and of one object: beyond what a scanner makes, small enough to decode in memory.
MAX_FRAME = 4096 * 4096
MAX_OBJECT = 2**28
TOO_FEW = "The header promises more pixels than the file holds. Send it again from the PACS."


def stored_frames(header: Dataset) -> list[NDArray[np.float32]]:
    """Decode every frame: ``(rows, columns)`` float32, rescaled and windowed as the file asks, bright is bright.

    A window is applied where the file has one; otherwise the full range stays.

    Raises
    ------
    RefusedError
        If the header promises more than the file holds, or more than fits into memory. Checked before decoding.
    """
    _check_size(header)
    frames = []
    for index, stored in enumerate(iter_pixels(header, raw=False)):
        gray = stored.mean(axis=-1) if stored.ndim == 3 else stored
        frames.append(_displayed(gray, header, index))
    return frames


def to_uint16(frames: Sequence[NDArray[np.float32]]) -> list[NDArray[np.uint16]]:
    """Bring the frames of a series to one scale, lowest value to 0 and highest to 65535, so that they compare."""
    if not frames:
        return []
    low = min(float(frame.min()) for frame in frames)
    high = max(float(frame.max()) for frame in frames)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RefusedError("The pixels are not all numbers (NaN or infinity). Replace them and export again.")
    gain = 65535 / max(high - low, 1e-12)
    return [np.rint((frame - low) * gain).astype(np.uint16) for frame in frames]


def _displayed(stored: NDArray[np.generic], header: Dataset, index: int) -> NDArray[np.float32]:
    groups = _groups(header, index)
    gray = np.asarray(apply_modality_lut(stored, _with(header, groups, "PixelValueTransformationSequence")), np.float64)
    window = _with(header, groups, "FrameVOILUTSequence")
    if window.get("VOILUTSequence") or (window.get("WindowCenter") is not None and window.get("WindowWidth")):
        gray = _windowed(gray, stored, window)
    if header.get("PhotometricInterpretation") == "MONOCHROME1":
        gray = gray.max() - gray
    return gray.astype(np.float32)


def _windowed(gray: NDArray[np.float64], stored: NDArray[np.generic], window: Dataset) -> NDArray[np.float64]:
    if window.get("VOILUTSequence") and np.issubdtype(stored.dtype, np.integer):
        return np.asarray(apply_voi_lut(stored, window), np.float64)
    centre, width = (np.atleast_1d(window[name].value)[0] for name in ("WindowCenter", "WindowWidth"))
    # The linear function of PS3.3 C.11.2.1.2, up to its output range, which `to_uint16` sets.
    low = float(centre) - 0.5 - (float(width) - 1) / 2
    return np.clip((gray - low) / max(float(width) - 1, 1e-6), 0, 1)


def _groups(header: Dataset, index: int) -> list[Dataset]:
    found = []
    for keyword, place in (("PerFrameFunctionalGroupsSequence", index), ("SharedFunctionalGroupsSequence", 0)):
        items = header.get(keyword)
        if items and place < len(items):
            found.append(items[place])
    return found


def _with(header: Dataset, groups: Sequence[Dataset], macro: str) -> Dataset:
    return next((group[macro].value[0] for group in groups if group.get(macro)), header)


def _check_size(header: Dataset) -> None:
    rows, columns = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
    count, samples = int(header.get("NumberOfFrames") or 1), int(header.get("SamplesPerPixel") or 1)
    if min(rows, columns, count, samples) < 1:
        raise RefusedError("The image has no size. Send it again from the PACS.")
    if rows * columns * samples > MAX_FRAME or rows * columns * count * samples > MAX_OBJECT:
        raise RefusedError(
            f"The image is {columns} x {rows} x {count} pixels, more than can be decoded. Send its series in parts."
        )
    if "PixelData" not in header:
        return
    syntax = header.file_meta.get("TransferSyntaxUID") if hasattr(header, "file_meta") else None
    if syntax is not None and syntax.is_compressed and syntax.is_encapsulated:
        if parse_fragments(header.PixelData)[0] < count:
            raise RefusedError(TOO_FEW)
    elif rows * columns * count * samples * int(header.get("BitsAllocated") or 16) > 8 * len(header.PixelData):
        raise RefusedError(TOO_FEW)
