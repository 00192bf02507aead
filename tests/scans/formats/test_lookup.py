from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import drawn, instance, write
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut
from shown_dicom import lut, seen, shades

from triage.errors import RefusedError
from triage.scans.formats.inspect import inspect


@pytest.mark.parametrize("first", [1000, 64536])
def test_a_modality_table_is_applied(tmp_path: Path, first: int) -> None:
    """The first mapped value is signed where the pixels are, whatever its own representation says."""
    outputs = np.arange(1001) ** 2 // 20
    pixels = drawn() if first == 1000 else drawn().astype(np.int16) - 2000
    made = instance(pixels, ModalityLUTSequence=lut(outputs, 16, first), BitsStored=16, HighBit=15)
    values = np.clip(pixels.astype(np.int64) - (first if first == 1000 else -1000), 0, 1000)
    (shown,) = seen(tmp_path, made)
    assert np.array_equal(shown, outputs[values])


def test_a_modality_table_of_bytes_is_read(tmp_path: Path) -> None:
    item = lut(range(100), 8)
    item[0].LUTData = bytes(range(100))
    (shown,) = seen(tmp_path, instance(drawn() // 50, ModalityLUTSequence=item))
    assert shades(shown) == [0, 20, 40]


def test_a_table_without_outputs_is_named(tmp_path: Path) -> None:
    item = lut([], 16)
    item[0].LUTData = b""
    with pytest.raises(RefusedError, match=r"LUT Data \(0028,3006\)"):
        seen(tmp_path, instance(ModalityLUTSequence=item))


def palette(colours: NDArray[Any], pixels: NDArray[np.uint8]) -> Dataset:
    """An image whose values are places in a palette."""
    made = instance(pixels, PhotometricInterpretation="PALETTE COLOR")
    for at, name in enumerate(("Red", "Green", "Blue")):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(made, f"{name}PaletteColorLookupTableData", colours[:, at].astype("<u2").tobytes())
    return made


def test_a_gray_palette_is_applied(tmp_path: Path) -> None:
    places = (drawn() // 10).astype(np.uint8)
    shuffled = np.random.default_rng(0).permutation(256) * 257
    (shown,) = seen(tmp_path, palette(np.stack([shuffled] * 3, axis=1), places))
    darkest = shuffled[places].min()
    assert np.array_equal(shown, shuffled[places] - darkest)
    assert np.array_equal(
        apply_color_lut(places, palette(np.stack([shuffled] * 3, axis=1), places))[..., 0] - darkest, shown
    )


def test_a_palette_of_colours_is_set_aside(tmp_path: Path) -> None:
    colours = np.stack([np.arange(256) * 257, np.arange(256)[::-1] * 257, np.zeros(256)], axis=1)
    places = (drawn() // 10).astype(np.uint8)
    made = palette(colours, places)
    assert inspect(write(tmp_path / "a", made)).series.set_aside == "Colour: a derived image"
    del made.RedPaletteColorLookupTableData
    assert inspect(write(tmp_path / "b", made)).series.set_aside == "Colour: a derived image"
