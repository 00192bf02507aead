from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import drawn, instance, write
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage, generate_uid

from triage.domain import Series
from triage.scans.formats.decode import decode_study
from triage.scans.formats.derivation import (
    COMPUTED,
    DERIVED,
    SCORED_ALTHOUGH_DERIVED,
    derivation,
    without_stand_ins,
)

PRIMARY, SECONDARY = ["DERIVED", "PRIMARY", "M"], ["DERIVED", "SECONDARY"]


@pytest.mark.parametrize(
    ("image_type", "elements", "reason"),
    [
        (["ORIGINAL", "PRIMARY"], {"SeriesDescription": "ADC"}, ""),
        (PRIMARY, {}, DERIVED),
        (PRIMARY, {"LossyImageCompression": "01"}, ""),
        (PRIMARY, {"DerivationDescription": "JPEG 2000, ratio 12"}, ""),
        (PRIMARY, {"LossyImageCompression": "01", "DerivationDescription": "Gaussian filter"}, DERIVED),
        ([*SECONDARY, "MPR"], {"LossyImageCompression": "01"}, DERIVED),
        (SECONDARY, {"LossyImageCompression": "01", "DerivationDescription": "Lossy compressed MPR"}, DERIVED),
        (SECONDARY, {}, DERIVED),
        (["DERIVED", "PRIMARY", "DIFFUSION", "ADC"], {"LossyImageCompression": "01"}, COMPUTED),
        (["DERIVED", "SECONDARY", "ADC_UNSPECIFIED"], {}, COMPUTED),
        (["DERIVED", "PRIMARY", "PROJECTION IMAGE"], {}, COMPUTED),
        (SECONDARY, {"SeriesDescription": "ep2d_diff_FA"}, COMPUTED),
        (SECONDARY, {"SeriesDescription": "T1 fat sat"}, DERIVED),
    ],
)
def test_only_compression_leaves_a_derived_image_what_it_was(
    image_type: list[str], elements: dict[str, Any], reason: str
) -> None:
    assert derivation(instance(ImageType=image_type, **elements)) == reason


@pytest.mark.parametrize(
    ("types", "scored"),
    [
        (("ORIGINAL\\PRIMARY\\DIFFUSION\\NONE", "DERIVED\\PRIMARY\\DIFFUSION\\ADC"), [0, 2]),
        (("ORIGINAL\\PRIMARY\\DIFFUSION\\NONE", "DERIVED\\PRIMARY\\DIFFUSION\\NONE"), [0, 1, 2, 3]),
        (("DERIVED\\PRIMARY\\DIFFUSION\\ADC", "DERIVED\\PRIMARY\\DIFFUSION\\ADC"), [0, 1, 2, 3]),
    ],
)
def test_computed_frames_among_others_are_set_aside(tmp_path: Path, types: tuple[str, str], scored: list[int]) -> None:
    made = instance(np.stack([drawn() + at for at in range(4)]), SOPClassUID=EnhancedMRImageStorage)
    made.PerFrameFunctionalGroupsSequence = [Dataset() for _ in range(4)]
    for at, frame in enumerate(made.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence, frame.MRImageFrameTypeSequence = [Dataset()], [Dataset()]
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 5 * at]
        frame.MRImageFrameTypeSequence[0].FrameType = types[at % 2].split("\\")
    found = decode_study([write(tmp_path / "a", made)])
    assert sorted(one.frame for series in found for one in series.slices) == scored
    assert [one.header.set_aside for one in found if not one.slices] == [COMPUTED] * (len(scored) < 4)


def test_a_code_speaks_for_compression() -> None:
    made = instance(ImageType=PRIMARY)
    made.DerivationCodeSequence = [Dataset()]
    made.DerivationCodeSequence[0].CodeValue = "113040"
    assert derivation(made) == ""
    made.DerivationCodeSequence[0].CodeValue = "113076"  # segmentation
    assert derivation(made) == DERIVED


@pytest.mark.skipif(shutil.which("dcmcjpeg") is None, reason="dcmtk is not installed")
def test_slices_that_dcmtk_compressed_are_scored(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", instance(drawn(128, 128), ImageType=["ORIGINAL", "PRIMARY", "M"]))
    packed = tmp_path / "packed"
    subprocess.run(["dcmcjpeg", "+ee", "+un", plain, packed], check=True)
    (series,) = decode_study([packed])
    assert (series.header.set_aside, len(series.slices)) == ("", 1)


def made(folder: Path, *kinds: list[str]) -> list[Path]:
    """One slice in a series of its own for each image type."""
    return [
        write(folder / str(at), instance(ImageType=kind, SeriesNumber=1 + at, SeriesInstanceUID=generate_uid()))
        for at, kind in enumerate(kinds)
    ]


def seen(series: tuple[Series, ...]) -> list[tuple[str, str, int]]:
    return [(one.header.set_aside, one.header.note, len(one.slices)) for one in series]


def test_derived_slices_stand_in_where_there_are_no_others(tmp_path: Path) -> None:
    adc = ["DERIVED", "PRIMARY", "ADC"]
    alone = decode_study(made(tmp_path, SECONDARY, adc))
    assert seen(alone) == [("", SCORED_ALTHOUGH_DERIVED, 1), (COMPUTED, "", 0)]
    beside = decode_study(made(tmp_path, ["ORIGINAL", "PRIMARY"], SECONDARY, adc))
    assert seen(beside) == [("", "", 1), (DERIVED, "", 0), (COMPUTED, "", 0)]


def test_parts_decoded_apart_agree_afterwards(tmp_path: Path) -> None:
    original, derived = ((path,) for path in made(tmp_path, ["ORIGINAL", "PRIMARY"], SECONDARY))
    parts = decode_study(original) + decode_study(derived)
    assert seen(without_stand_ins(parts)) == [("", "", 1), (DERIVED, "", 0)]
    assert seen(without_stand_ins(parts[1:])) == [("", SCORED_ALTHOUGH_DERIVED, 1)]
