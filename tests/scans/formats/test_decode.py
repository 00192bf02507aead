from __future__ import annotations

from pathlib import Path

import numpy as np
from dicoms import file_of, head, mr
from helpers import encode, nifti_phantom
from pydicom.uid import generate_uid

from triage.domain import Finding
from triage.scans.formats.decode import decode_study


def test_series_come_by_number_and_slices_by_position(tmp_path: Path) -> None:
    study, late, early = (generate_uid() for _ in range(3))
    given = [(late, 7, 3), (late, 7, 1), (early, 2, 1), (late, 7, 2)]
    paths = []
    for index, (series, number, slice_) in enumerate(given):
        dataset = mr(head(index), number=slice_, StudyInstanceUID=study, SeriesInstanceUID=series, SeriesNumber=number)
        paths.append(tmp_path / str(index))
        paths[-1].write_bytes(file_of(dataset))
    decoded = decode_study(paths)
    assert [series.header.uid for series in decoded] == [early, late]
    assert [[one.instance for one in series.slices] for series in decoded] == [[2], [1, 3, 0]]
    assert np.diff([one.height for one in decoded[1].slices]).tolist() == [5, 5]


def test_a_picture_and_a_volume_are_series_without_a_number_of_their_own(tmp_path: Path) -> None:
    picture, volume = tmp_path / "a", tmp_path / "b"
    picture.write_bytes(encode(head()))
    volume.write_bytes(nifti_phantom(Finding.GLIOMA, 5))
    first, second = decode_study([picture, volume])
    assert [one.instance for one in first.slices] == [0]
    assert [(one.instance, one.frame) for one in second.slices] == [(1, at) for at in range(5)]
