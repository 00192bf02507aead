"""Load the picture and the mask of an item from any kind of file."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import h5py
import nibabel
import numpy as np
from nibabel import orientations
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray
from PIL import Image, ImageDraw, UnidentifiedImageError
from rich.console import Console
from rich.progress import track

from triage.domain import Slice
from triage.errors import RefusedError
from triage.scans.formats import raster
from triage.training.layouts.items import Item, LayoutError

#: Exceptions of nibabel, h5py and Pillow for a file that is damaged or truncated.
DAMAGED = (OSError, KeyError, ValueError, EOFError, SyntaxError, UnidentifiedImageError, ImageFileError)
VOLUME_SUFFIXES = (".nii", ".nii.gz")
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
In = TypeVar("In")
Out = TypeVar("Out")


class Channel(IntEnum):
    """The channels of an LGG picture. If a sequence is missing, its channel repeats FLAIR."""

    PRE_CONTRAST = 0
    FLAIR = 1
    POST_CONTRAST = 2


def load_picture(root: Path, item: Item, channel: Channel = Channel.FLAIR) -> Pixels:
    """Return the item's picture.

    Parameters
    ----------
    root
        Folder or ZIP of the data set.
    item
        An item of that data set.
    channel
        Channel of an LGG picture; its masks were drawn on FLAIR.

    Returns
    -------
    ndarray
        ``(height, width)`` gray values, uint8 or uint16; slices of volumes are in radiological orientation.

    Raises
    ------
    RefusedError
        If the file is damaged.
    """
    return load_slice(root, item, channel).pixels


def load_slice(root: Path, item: Item, channel: Channel = Channel.FLAIR) -> Slice:
    """Return the item's picture as `raster.decode` returns it, with its colourfulness."""
    path = root / item.path
    if item.path.endswith(".mat"):
        return Slice(read_mat(path, "image"))
    if item.index is not None:
        return Slice(_sixteen_bit(str(path))[..., item.index].T)
    if item.path.endswith(".tif"):
        return Slice(_read_tif(path)[..., channel])
    return raster.decode(read_bytes(root, item.path))


def load_mask(root: Path, item: Item) -> NDArray[np.bool_] | None:
    """Return the tumour mask in the size of the picture, or None if nobody drew the tumour.

    Raises
    ------
    LayoutError
        If mask and picture differ in size, or the outline is not within the picture.
    RefusedError
        If a file is damaged.
    """
    if item.mask is None and item.outline is None:
        return None
    shape = load_picture(root, item).shape
    if item.mask is None:
        return _filled(item, (shape[0], shape[1]))
    mask = _read_mask(root, item.mask, item.index)
    if mask.shape != shape:
        raise LayoutError(
            f"The mask {item.mask} is {mask.shape[1]} x {mask.shape[0]} pixels, its picture {item.path} is "
            f"{shape[1]} x {shape[0]}. Export both on the same grid."
        )
    return mask


def read_bytes(root: Path, path: str) -> bytes:
    """Return one file of a folder or a ZIP.

    Raises
    ------
    RefusedError
        If the ZIP is damaged at that file.
    """
    if root.is_dir():
        return (root / path).read_bytes()
    try:
        with zipfile.ZipFile(root) as archive:
            return archive.read(path)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise RefusedError("The ZIP is damaged at this file. Copy or export it again.") from error


def read_mat(path: Path, name: str) -> Pixels:
    """Return a matrix of ``cjdata``. MATLAB stores columns first, so HDF5 shows the transpose."""
    try:
        with h5py.File(path) as file:
            values: NDArray[np.generic] = np.asarray(file["cjdata"][name]).T
    except DAMAGED as error:
        raise RefusedError("The .mat file is damaged or not of figshare 1512427. Download it again.") from error
    return np.clip(np.asarray(values, np.float64), 0, 65535).astype(np.uint16)


@lru_cache(maxsize=8)
def read_volume(path: str) -> NDArray[np.float32]:
    """Return a NIfTI volume, its axes towards left, posterior and superior."""
    try:
        image = nibabel.load(path)
        to_lps = orientations.ornt_transform(
            orientations.io_orientation(image.affine), orientations.axcodes2ornt(("L", "P", "S"))
        )
        values: NDArray[np.float32] = orientations.apply_orientation(np.asarray(image.dataobj, np.float32), to_lps)
    except DAMAGED as error:
        raise RefusedError("The NIfTI file is damaged or cut short. Export it again.") from error
    if values.ndim != 3:
        raise RefusedError(f"The NIfTI file has {values.ndim} dimensions. Export one 3-D volume per file.")
    return np.asarray(np.nan_to_num(values), np.float32)


@lru_cache(maxsize=8)
def _sixteen_bit(path: str) -> NDArray[np.uint16]:
    """Return the volume with its range scaled to 16 bits, the same for all slices so that they stay comparable."""
    values = read_volume(path)
    low, high = float(values.min()), float(values.max())
    return np.asarray(np.rint((values - low) * (65535 / max(high - low, 1e-6))), np.uint16)


def in_threads(function: Callable[[In], Out], inputs: Sequence[In], description: str) -> Iterator[Out]:
    """Apply the function to each input on all cores, in order. On a terminal, show a progress bar."""
    console = Console(stderr=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(function, inputs)
        yield from track(
            results, description, total=len(inputs), console=console, disable=not console.is_terminal, transient=True
        )


def _read_mask(root: Path, name: str, index: int | None) -> NDArray[np.bool_]:
    path = root / name
    if path.suffix == ".mat":
        return read_mat(path, "tumorMask") > 0
    if index is not None:
        return read_volume(str(path))[..., index].T > 0
    if path.suffix == ".png":
        return raster.decode(read_bytes(root, name)).pixels > 0
    return np.asarray(_read_tif(path).max(axis=2) > 127)


def _read_tif(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(path.read_bytes()), formats=["TIFF"]) as image:
            return np.asarray(image.convert("RGB"))
    except DAMAGED as error:
        raise RefusedError("The TIFF is damaged or cut short. Download it again.") from error


def _filled(item: Item, shape: tuple[int, int]) -> NDArray[np.bool_]:
    assert item.outline is not None
    right, bottom = item.outline.max(axis=0)
    if item.outline.min() < 0 or right > shape[1] or bottom > shape[0]:
        raise LayoutError(
            f"The outline of {item.path} reaches to {right:.0f} x {bottom:.0f} pixels, the picture is {shape[1]} x "
            f"{shape[0]}. Outlines are in pixels of the stored picture: use the pictures at their own size."
        )
    canvas = Image.new("1", (shape[1], shape[0]))
    ImageDraw.Draw(canvas).polygon([(float(x), float(y)) for x, y in item.outline], fill=1)
    return np.asarray(canvas)
