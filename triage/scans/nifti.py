"""NIfTI to upright slices of the plane in which it was acquired."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from triage.domain import Plane, Series, SeriesHeader, Slice
from triage.errors import RefusedError
from triage.scans.geometry import PLANES
from triage.scans.pixels import to_uint16

#: Bytes of a volume, inflated, and voxels along one axis: beyond what a scanner makes.
MAX_INFLATED = 1 << 30
MAX_SIDE = 4096
MAX_VOXELS = 2**27
CHUNK = 1 << 20
DAMAGED = "The NIfTI file is damaged or cut short. Export it again and upload the new file."


def decode(path: Path, volume: int = 0) -> Series:
    """Decode a NIfTI-1 or -2 file.

    The axis with the largest voxels is taken for the one across the slices, and where all are alike the axis with
    clearly fewer of them; else the slices are axial. An identity affine, which says nothing, counts as right, anterior,
    superior.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``, by content.
    volume
        Which one of a 4D file.

    Returns
    -------
    Series
        Slices as a radiologist sees them, uint16 of one scale; `Slice.frame` is the place along the axis.

    Raises
    ------
    RefusedError
        If the header does not fit the file or cannot be trusted, or the values are no gray values. Nothing that would
        be larger than `MAX_INFLATED` is inflated.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(path, volume)
    except RefusedError:
        raise
    except Exception as error:  # hostile bytes can raise anything inside the reader
        raise RefusedError(DAMAGED) from error


def _decode(path: Path, volume: int) -> Series:
    packed = path.read_bytes()
    data = _inflated(packed) if packed.startswith(b"\x1f\x8b") else packed
    kind = nibabel.Nifti2Image if data[4:8] == b"n+2\0" else nibabel.Nifti1Image
    header = kind.header_class.from_fileobj(io.BytesIO(data))
    shape = _checked_shape(header, len(data))
    affine = header.get_best_affine()
    if not np.isfinite(affine).all():
        raise RefusedError("The position of the volume is not a number (NaN affine). Export it again from its source.")
    image = kind.from_bytes(data)
    values = image.dataobj[(..., *([0] * (len(shape) - 4)))] if len(shape) > 4 else image.dataobj
    if len(shape) >= 4:
        values = np.asarray(values[..., min(volume, shape[3] - 1)])
    voxels = np.asarray(values, np.float32)
    if not np.isfinite(voxels).all():
        raise RefusedError("The pixels are not all numbers (NaN or infinity). Replace them and export again.")
    if np.abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        affine = np.diag([*(abs(zoom) or 1 for zoom in header.get_zooms()[:3]), 1.0])
    upright = nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels.reshape((*shape, 1)[:3]), affine))
    return _series(np.asarray(upright.dataobj, np.float32), tuple(map(float, upright.header.get_zooms()[:3])))


def _series(voxels: NDArray[np.float32], zooms: tuple[float, ...]) -> Series:
    """Cut right-anterior-superior voxels into slices, each turned to the radiologist's view."""
    axis = _across(voxels.shape, zooms)
    # Right is on the left, anterior up or left, superior up: every axis of the picture runs backwards.
    stack = np.flip(np.moveaxis(voxels, axis, 0), axis=(1, 2)).transpose(0, 2, 1)
    within = [zoom for index, zoom in enumerate(zooms) if index != axis]
    spacing = (within[1], within[0])
    slices = tuple(
        Slice(np.ascontiguousarray(pixels), spacing=spacing, frame=index)
        for index, pixels in enumerate(to_uint16(list(stack)))
    )
    plane: Plane = PLANES[axis]
    return Series(SeriesHeader(plane=plane, spacing=(*spacing, zooms[axis])), slices)


def _across(shape: tuple[int, ...], zooms: tuple[float, ...]) -> int:
    if max(zooms) > 1.5 * sorted(zooms)[1]:
        return int(np.argmax(zooms))
    if min(shape) < 0.7 * sorted(shape)[1]:
        return int(np.argmin(shape))
    return 2


def _checked_shape(header: nibabel.Nifti1Header, size: int) -> tuple[int, ...]:
    dims = [int(value) for value in header["dim"]]
    if not 2 <= dims[0] <= 7 or any(value < 1 for value in dims[1 : dims[0] + 1]):
        raise RefusedError(DAMAGED)
    shape = tuple(dims[1 : dims[0] + 1])
    if max(shape[:3]) > MAX_SIDE or np.prod([float(side) for side in shape[:3]]) > MAX_VOXELS:
        raise RefusedError(
            f"The volume is {' x '.join(map(str, shape))} voxels, more than can be decoded. Resample it."
        )
    kind = header.get_data_dtype()
    if kind.fields or kind.kind not in "iuf" or kind.itemsize > 8:
        raise RefusedError("The volume holds complex numbers or colours, not gray values. Export its magnitude.")
    needed = float(header["vox_offset"]) + np.prod([float(side) for side in shape]) * kind.itemsize
    if not needed <= size:
        raise RefusedError("The header promises more voxels than the file holds. Export it again.")
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if np.isinf(slope) or np.isinf(intercept):
        raise RefusedError("The scale of the values is not a number. Export the volume again.")
    return shape


def _inflated(packed: bytes) -> bytes:
    """Inflate up to what the header inside says, and refuse what goes on beyond the limit."""
    limit = _promised(zlib.decompressobj(wbits=31).decompress(packed, 540))
    inflater, parts, size = zlib.decompressobj(wbits=31), [], 0
    rest = packed
    while rest and not inflater.eof:
        part = inflater.decompress(rest, CHUNK)
        rest = inflater.unconsumed_tail
        size += len(part)
        if size > limit:
            raise RefusedError("The file inflates to more than its header says. Export it again.")
        parts.append(part)
    if not inflater.eof:
        raise RefusedError(DAMAGED)
    return b"".join(parts)


def _promised(head: bytes) -> int:
    """Bytes that a header promises, with room for extensions; refused beyond the limit."""
    order = "<" if head[:4] in (b"\x5c\x01\0\0", b"\x1c\x02\0\0") else ">"
    if head[4:8] == b"n+2\0":
        bits, offset = struct.unpack_from(order + "h", head, 14)[0], struct.unpack_from(order + "q", head, 168)[0]
        dims = struct.unpack_from(order + "8q", head, 16)
    else:
        bits, offset = struct.unpack_from(order + "h", head, 72)[0], struct.unpack_from(order + "f", head, 108)[0]
        dims = struct.unpack_from(order + "8h", head, 40)
    voxels = float(np.prod([float(max(side, 1)) for side in dims[1 : max(min(dims[0], 7), 0) + 1]]))
    promised = (offset if np.isfinite(offset) else 0) + voxels * max(bits, 8) / 8 + CHUNK
    if not 0 < promised <= MAX_INFLATED:
        raise RefusedError(f"The volume inflates to more than {MAX_INFLATED >> 20} MB. Resample or cut it.")
    return int(promised)
