"""NIfTI to upright slices in the acquired plane."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import apply_orientation, io_orientation
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from triage.domain import Meaning, Plane, Series, SeriesHeader, Slice
from triage.errors import RefusedError
from triage.scans.formats.geometry import PLANES
from triage.scans.formats.gray_scale import Line, Stored, to_uint16
from triage.scans.formats.identify import NIFTI_HEADER_BYTES
from triage.scans.formats.inflate import blocks, read_part
from triage.text import visible

#: Inflated size of a file: bytes. This and the next two are beyond what a scanner makes.
MAX_INFLATED = 2**30
#: Voxels along one axis.
MAX_SIDE = 4096
#: Voxels of one volume.
MAX_VOXELS = 2**27
#: Up to so many volumes of a file are contrasts of one head, and each is scored; more of them are points in time or
#: directions of diffusion.
MAX_CONTRASTS = 8
#: Size of the volumes that are decoded together, stored or as 16 bits: bytes.
MAX_DECODED = 2**28
#: Smallest volume of a voxel that a position can be computed with: cubic millimetres.
MIN_VOXEL = 1e-9
#: Units of length other than millimetres, and the sides of voxels that are plausible in millimetres.
MILLIMETRES = {"meter": 1000.0, "micron": 0.001}
SIDES = (0.1, 30.0)
#: Intent codes of several values per voxel: colours; matrices, displacements, vectors, points, triangles, quaternions.
COLOURS = frozenset({2003, 2004})
VECTORS = frozenset(range(1004, 1011))
DAMAGED = "The NIfTI file is damaged or cut short. Export it again and upload the new file."


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the voxels lie in the file.

    Attributes
    ----------
    shape
        Voxels along the three axes of space.
    filled
        Axes of space that dimensions beyond the third hold, in their order.
    volumes
        Number of volumes, one after the other.
    """

    shape: tuple[int, int, int]
    filled: tuple[int, ...]
    volumes: int

    @classmethod
    def of(cls, dims: Sequence[int]) -> _Layout:
        """Return the layout of at least three dimensions."""
        shape, rest = list(dims[:3]), [size for size in dims[3:] if size > 1]
        filled = [axis for axis in range(3) if shape[axis] == 1][: len(rest)]
        for axis in filled:
            shape[axis] = rest.pop(0)
        return cls((shape[0], shape[1], shape[2]), tuple(filled), math.prod(rest))

    @property
    def voxels(self) -> int:
        """Voxels of one volume."""
        return math.prod(self.shape)

    def arranged(self, values: Stored, volumes: int) -> Stored:
        """Return so many volumes as ``(x, y, z, volume)``."""
        order = [axis for axis in range(3) if axis not in self.filled] + list(self.filled)
        stored = values.reshape((*(self.shape[axis] for axis in order), volumes), order="F")
        return np.moveaxis(stored, range(3), order)


def decode(path: Path) -> tuple[Series, ...]:
    """Decode a NIfTI-1 or -2 file; each volume of a 4D file is a series, or the first represents all.

    Dimensions beyond the third are volumes, but fill those of the first three that have one voxel: the slices of
    (x, y, 1, n) lie along the fourth. The slice axis is the filled one; else the one with a single voxel; else the one
    with the largest voxels, or, if all are about equal, the one with clearly fewer voxels; otherwise the slices are
    axial. An identity affine, which carries no information, counts as right, anterior, superior. Without a usable sform
    the qform counts, and without that the file is taken as nibabel takes it: left, anterior, superior.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``, by content.

    Returns
    -------
    tuple of Series
        Slices in radiological orientation, uint16, on one scale for each volume (`gray_scale.to_uint16`).
        `Slice.frame` is the index along the axis, and goes on from volume to volume. Beyond `MAX_CONTRASTS` volumes or
        `MAX_DECODED` bytes, only the first is decoded, and the others are never in memory.

    Raises
    ------
    RefusedError
        If the header is invalid or does not match the file, or the values are not gray values. A file is never
        inflated beyond `MAX_INFLATED`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(path)
    except (RefusedError, MemoryError):
        raise
    except Exception as error:  # hostile bytes can raise anything inside the reader
        raise RefusedError(DAMAGED) from error


def header_and_voxels(path: Path) -> tuple[nibabel.Nifti1Header, bytearray]:
    """Return the header, corrected where it can be, and the voxels of all volumes as they are stored.

    Raises
    ------
    RefusedError
        As by `decode`.
    """
    header = _header(path)
    layout, start = _checked_layout(header), int(header["vox_offset"])
    size = layout.voxels * layout.volumes * header.get_data_dtype().itemsize
    return header, read_part(path, start, size, start + size)


def _decode(path: Path) -> tuple[Series, ...]:
    header = _header(path)
    layout = _checked_layout(header)
    volumes, affine, kind = layout.volumes, _affine(header), header.get_data_dtype()
    size = layout.voxels * kind.itemsize
    few = volumes <= MAX_CONTRASTS and volumes * max(size, 2 * layout.voxels) <= MAX_DECODED
    decoded = volumes if few else 1
    start = int(header["vox_offset"])
    data = read_part(path, start, decoded * size, start + volumes * size)
    stored = layout.arranged(np.frombuffer(data, kind), decoded)
    turns = io_orientation(affine)
    zooms = tuple(voxel_sizes(affine)[np.argsort(turns[:, 0])])
    axis = int(turns[layout.filled[0], 0]) if len(layout.filled) == 1 else None
    scale = _scale(header)
    series = [_series(apply_orientation(stored[..., at], turns), zooms, scale, axis) for at in range(decoded)]
    return tuple(_numbered(one, at, volumes) for at, one in enumerate(series)) if volumes > 1 else tuple(series)


def _header(path: Path) -> nibabel.Nifti1Header:
    head = bytearray()
    for block in blocks(path):
        head += block
        if len(head) >= NIFTI_HEADER_BYTES:
            break
    version = nibabel.Nifti2Header if head[4:8] == b"n+2\0" else nibabel.Nifti1Header
    # Without what follows it: extensions say nothing about the voxels, and are not within these bytes.
    header = version.from_fileobj(io.BytesIO(head[: version.template_dtype.itemsize]), check=False)
    if 0 <= header["vox_offset"] < header.single_vox_offset:  # some writers leave it at 0
        header["vox_offset"] = header.single_vox_offset
    try:
        header.check_fix()
    except HeaderDataError as error:
        raise RefusedError(
            f"The NIfTI header is damaged: {visible(str(error), 100)}. Export the volume again from its source."
        ) from error
    return header


def _affine(header: nibabel.Nifti1Header) -> NDArray[np.float64]:
    """Return the affine in millimetres, whatever its unit; most files state none, and mean millimetres."""
    unit = MILLIMETRES.get(header.get_xyzt_units()[0], 1.0)
    affine = _stated(header, MIN_VOXEL / unit**3)
    sides = voxel_sizes(affine)
    # Many files state a unit that they do not have.
    if unit != 1 and not (SIDES[0] <= sides.min() and sides.max() <= SIDES[1]):
        affine[:3] *= unit
    return affine


def _stated(header: nibabel.Nifti1Header, smallest: float) -> NDArray[np.float64]:
    """Return the sform, else the qform, else an affine of the voxel sizes, as nibabel does; a singular one is none."""
    finite = True
    for code, form in (("sform_code", header.get_sform), ("qform_code", header.get_qform)):
        if header[code] < 1:
            continue
        try:
            affine = np.asarray(form(), np.float64)
        except (ValueError, HeaderDataError):  # its numbers are no rotation
            continue
        if not np.isfinite(affine).all():
            finite = False
        elif np.abs(np.linalg.det(affine[:3, :3])) >= smallest:
            return affine
    if not finite:
        raise RefusedError("The position of the volume is not a number (NaN affine). Export it again from its source.")
    sides = [abs(float(zoom)) or 1 for zoom in (*header.get_zooms(), 1)[:3]]
    return np.diag((-sides[0], sides[1], sides[2], 1))


def _numbered(series: Series, at: int, volumes: int) -> Series:
    header = replace(series.header, number=at + 1, description=f"Volume {at + 1} of {volumes}")
    before = at * len(series.slices)
    return replace(series, header=header, slices=tuple(replace(one, frame=before + one.frame) for one in series.slices))


def _series(voxels: Stored, zooms: tuple[float, ...], scale: Line, axis: int | None) -> Series:
    """Cut right-anterior-superior voxels into slices in radiological orientation."""
    axis = _slice_axis(voxels.shape, zooms) if axis is None else axis
    # Radiological: right on the left, anterior up or left, superior up. So all axes of the picture are flipped.
    stack = np.flip(np.moveaxis(voxels, axis, 0), axis=(1, 2)).transpose(0, 2, 1)
    within = [float(zoom) for index, zoom in enumerate(zooms) if index != axis]
    spacing = (within[1], within[0])
    shown, back = to_uint16(list(stack), [scale] * len(stack))
    # Voxel indices increase to the right, the front and the top; heights to the left, the back and the top.
    step = float(zooms[axis]) * (1 if axis == 2 else -1)
    slices = [
        Slice(
            np.ascontiguousarray(pixels),
            spacing=spacing,
            frame=at,
            height=at * step,
            meaning=Meaning(back.slope, back.intercept),
        )
        for at, pixels in enumerate(shown)
    ]
    plane: Plane = PLANES[axis]
    return Series(SeriesHeader(plane=plane, spacing=(*spacing, float(zooms[axis]))), tuple(slices))


def _scale(header: nibabel.Nifti1Header) -> Line:
    """Return the scale of the values; a slope of 0 or NaN means that there are none."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if math.isinf(slope) or math.isinf(intercept):
        raise RefusedError("The scale of the values is not a number. Export the volume again.")
    return Line(slope, 0.0 if math.isnan(intercept) else intercept) if slope and not math.isnan(slope) else Line()


def _slice_axis(shape: tuple[int, ...], zooms: tuple[float, ...]) -> int:
    if shape.count(1) == 1:
        return shape.index(1)
    if max(zooms) > 1.5 * sorted(zooms)[1]:
        return int(np.argmax(zooms))
    if min(shape) < 0.7 * sorted(shape)[1]:
        return int(np.argmin(shape))
    return 2


def _checked_layout(header: nibabel.Nifti1Header) -> _Layout:
    """Return how the voxels lie in the file, after checking all sizes in the header."""
    rank, *dims = (int(value) for value in header["dim"])
    if not 2 <= rank <= 7 or any(value < 1 for value in dims[:rank]):
        raise RefusedError(DAMAGED)
    layout = _Layout.of([*dims[:rank], 1, 1, 1][: max(rank, 5)])
    if max(layout.shape) > MAX_SIDE or layout.voxels > MAX_VOXELS:
        raise RefusedError(
            f"The volume is {' x '.join(map(str, layout.shape))} voxels, more than can be decoded. Resample it."
        )
    kind = header.get_data_dtype()
    if kind.fields or int(header["intent_code"]) in COLOURS:
        raise RefusedError("The volume holds colours (RGB), not gray values. Export the volume that it was made from.")
    if kind.kind not in "iuf":
        raise RefusedError("The volume holds complex numbers, not gray values. Export its magnitude.")
    if rank >= 5 and dims[4] > 1 and (int(header["intent_code"]) in VECTORS or dims[3:5] == [1, 3]):
        raise RefusedError(
            f"Each voxel holds {dims[4]} values, as of vectors or colours, not one gray value. "
            "Export the volume that it was computed from, or each contrast as a file of its own."
        )
    start = float(header["vox_offset"])
    if not math.isfinite(start):
        raise RefusedError(DAMAGED)
    if start + layout.voxels * layout.volumes * kind.itemsize > MAX_INFLATED:
        raise RefusedError(f"The volumes inflate to more than {MAX_INFLATED >> 20} MB. Export fewer of them.")
    return layout
