"""NIfTI to upright slices of the plane in which it was acquired."""

from __future__ import annotations

import gzip
import io
import math
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import nibabel
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import apply_orientation, io_orientation

from triage.domain import Plane, Series, SeriesHeader, Slice
from triage.errors import RefusedError
from triage.scans.formats.geometry import PLANES
from triage.scans.formats.gray_scale import Floats, Stored, to_uint16

#: Bytes of all volumes of a file, inflated; voxels along one axis, and of one volume: beyond what a scanner makes.
MAX_INFLATED = 2**30
MAX_SIDE = 4096
MAX_VOXELS = 2**27
#: So many volumes of a file are contrasts of one head, each to be looked at; more of them are points in time or
#: directions of diffusion. Bytes of those that are decoded together, stored or as 16 bits.
CONTRASTS, MAX_TOGETHER = 8, 2**28
#: Bytes after the header and after the voxels (extensions, a writer's padding) that are put up with.
MAX_EXTRA = 2**20
CHUNK = 1 << 20
HEADER = 540
GZIP = b"\x1f\x8b"
DAMAGED = "The NIfTI file is damaged or cut short. Export it again and upload the new file."


def decode(path: Path) -> tuple[Series, ...]:
    """Decode a NIfTI-1 or -2 file; of a 4D file, each volume is a series, or the first stands for all.

    The axis with the largest voxels is taken for the one across the slices, and where all are alike the axis with
    clearly fewer of them; else the slices are axial. An identity affine, which says nothing, counts as right, anterior,
    superior.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``, by content.

    Returns
    -------
    tuple of Series
        Slices as a radiologist sees them, uint16: the lowest value of the volume is 0, the highest 65535.
        `Slice.frame` is the place along the axis. Of more than `CONTRASTS` volumes, or more bytes than `MAX_TOGETHER`,
        only the first is decoded, and the others never lie in memory.

    Raises
    ------
    RefusedError
        If the header does not fit the file or cannot be trusted, or the values are no gray values. Nothing that would
        be larger than `MAX_INFLATED` is inflated.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(path)
    except (RefusedError, MemoryError):
        raise
    except Exception as error:  # hostile bytes can raise anything inside the reader
        raise RefusedError(DAMAGED) from error


def _decode(path: Path) -> tuple[Series, ...]:
    with _opened(path) as file:
        head = file.read(HEADER)
    version = nibabel.Nifti2Header if head[4:8] == b"n+2\0" else nibabel.Nifti1Header
    header = version.from_fileobj(io.BytesIO(head))
    shape, volumes = _checked_shape(header)
    affine = header.get_best_affine()
    if not np.isfinite(affine).all():
        raise RefusedError("The position of the volume is not a number (NaN affine). Export it again from its source.")
    if np.abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        sides = [abs(zoom) or 1 for zoom in header.get_zooms()]
        affine = np.diag((*sides[:3], 1) if len(sides) > 2 else (*sides, 1, 1))
    kind = header.get_data_dtype()
    size = math.prod(shape) * kind.itemsize
    few = volumes <= CONTRASTS and volumes * max(size, 2 * math.prod(shape)) <= MAX_TOGETHER
    decoded = volumes if few else 1
    start = int(header["vox_offset"])
    data = _part(path, start, decoded * size, start + volumes * size)
    stored = np.frombuffer(data, kind).reshape((*shape, decoded), order="F")
    turns = io_orientation(affine)
    zooms = tuple(voxel_sizes(affine)[np.argsort(turns[:, 0])])
    scale = _scale(header)
    series = [_series(apply_orientation(stored[..., at], turns), zooms, scale) for at in range(decoded)]
    return tuple(_numbered(one, at, volumes) for at, one in enumerate(series)) if volumes > 1 else tuple(series)


def _numbered(series: Series, at: int, volumes: int) -> Series:
    header = replace(series.header, number=at + 1, description=f"Volume {at + 1} of {volumes}")
    return replace(series, header=header)


def _series(voxels: Stored, zooms: tuple[float, ...], scale: tuple[float, float]) -> Series:
    """Cut right-anterior-superior voxels into slices, each turned to the radiologist's view."""
    axis = _across(voxels.shape, zooms)
    # Right is on the left, anterior up or left, superior up: every axis of the picture runs backwards.
    stack = np.flip(np.moveaxis(voxels, axis, 0), axis=(1, 2)).transpose(0, 2, 1)
    within = [float(zoom) for index, zoom in enumerate(zooms) if index != axis]
    spacing = (within[1], within[0])
    shown = to_uint16(list(stack), [partial(_scaled, scale)] * len(stack))
    # Voxels are counted to the right, the front and the top, heights to the left, the back and the top.
    step = float(zooms[axis]) * (1 if axis == 2 else -1)
    slices = [
        Slice(np.ascontiguousarray(pixels), spacing=spacing, frame=at, height=at * step)
        for at, pixels in enumerate(shown)
    ]
    plane: Plane = PLANES[axis]
    return Series(SeriesHeader(plane=plane, spacing=(*spacing, float(zooms[axis]))), tuple(slices))


def _scaled(scale: tuple[float, float], stored: Stored) -> Floats:
    return np.asarray(stored, np.float64) * scale[0] + scale[1]


def _scale(header: nibabel.Nifti1Header) -> tuple[float, float]:
    """Slope and intercept; a slope of 0 or NaN says that there are none."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if math.isinf(slope) or math.isinf(intercept):
        raise RefusedError("The scale of the values is not a number. Export the volume again.")
    return (slope, 0.0 if math.isnan(intercept) else intercept) if slope and not math.isnan(slope) else (1.0, 0.0)


def _across(shape: tuple[int, ...], zooms: tuple[float, ...]) -> int:
    if max(zooms) > 1.5 * sorted(zooms)[1]:
        return int(np.argmax(zooms))
    if min(shape) < 0.7 * sorted(shape)[1]:
        return int(np.argmin(shape))
    return 2


def _checked_shape(header: nibabel.Nifti1Header) -> tuple[tuple[int, int, int], int]:
    """Return the shape of a volume and how many there are, after everything that the header says of its size."""
    dims = [int(value) for value in header["dim"]]
    if not 2 <= dims[0] <= 7 or any(value < 1 for value in dims[1 : dims[0] + 1]):
        raise RefusedError(DAMAGED)
    columns, rows, slices, *rest = [*dims[1 : dims[0] + 1], 1][: max(dims[0], 3)]
    if max(columns, rows, slices) > MAX_SIDE or columns * rows * slices > MAX_VOXELS:
        raise RefusedError(
            f"The volume is {columns} x {rows} x {slices} voxels, more than can be decoded. Resample it."
        )
    kind = header.get_data_dtype()
    if kind.fields or kind.kind not in "iuf":
        raise RefusedError("The volume holds complex numbers or colours, not gray values. Export its magnitude.")
    start = float(header["vox_offset"])
    if not header.single_vox_offset <= start <= MAX_EXTRA:
        raise RefusedError(DAMAGED)
    if start + columns * rows * slices * math.prod(rest) * kind.itemsize > MAX_INFLATED:
        raise RefusedError(f"The volumes inflate to more than {MAX_INFLATED >> 20} MB. Export fewer of them.")
    return (columns, rows, slices), math.prod(rest)


def _part(path: Path, start: int, size: int, end: int) -> bytearray:
    """Read one part of what a file, inflated, holds; refuse one that holds less than up to `end`, and one with more."""
    kept = bytearray()
    at = 0
    with _opened(path) as file:
        try:
            while chunk := file.read(CHUNK):
                kept += chunk[max(start - at, 0) : max(start + size - at, 0)]
                at += len(chunk)
                if at > end + MAX_EXTRA:
                    raise RefusedError("The file holds more than its header says. Export it again.")
        except EOFError:
            at = 0
    if at < end:
        raise RefusedError("The header promises more voxels than the file holds. Export it again.")
    return kept


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")
