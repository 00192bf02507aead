"""Studies at a glance: what comes back is what was kept, and what does not hold counts as none."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from drawn_dicom import instance, write

from triage.domain import Series, SliceScores
from triage.records import glances
from triage.records.glances import Glances, windows_of
from triage.records.keys import Key
from triage.scans.formats.decode import decode_study

SLICES = 5
KEY = Key(bytes(32))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glances, "WORTH_KEEPING", 1)


@pytest.fixture
def series(tmp_path: Path) -> tuple[Series, ...]:
    """A stack of slices and a localiser, which is set aside."""
    rng = np.random.default_rng(0)
    paths = [
        write(
            tmp_path / f"{at}.dcm",
            instance(
                rng.integers(0, 4000, (40, 48)).astype(np.uint16),
                StudyInstanceUID="1.2.3",
                SeriesInstanceUID="1.2.3.1",
                ImagePositionPatient=[0, 0, 5 * at],
                InstanceNumber=at + 1,
            ),
        )
        for at in range(SLICES)
    ]
    localiser = {"SeriesInstanceUID": "1.2.3.2", "SeriesNumber": "9", "SeriesDescription": "localizer"}
    paths.append(write(tmp_path / "l", instance(np.ones((40, 48), np.uint16), StudyInstanceUID="1.2.3", **localiser)))
    return decode_study(paths)


def study(contents: str = "c", scores: SliceScores | None = None) -> Any:
    return SimpleNamespace(study_id="a", contents=contents, result=scores and SimpleNamespace(slices=scores))


def described(one: Series) -> list[Any]:
    return [
        (item.pixels.shape, item.pixels.dtype, item.spacing, item.instance, item.height, item.origin, item.meaning)
        for item in one.slices
    ]


def test_all_but_the_pixels_comes_back(tmp_path: Path, series: tuple[Series, ...]) -> None:
    kept = Glances(tmp_path / "glances", KEY)
    assert kept.find(study()) is None
    kept.keep(study(), series)
    found = kept.find(study())
    assert found is not None
    assert [one.header for one in found.series] == [one.header for one in series]
    assert list(map(described, found.series)) == list(map(described, series))
    assert found.windows == windows_of(series)
    assert {len(one) for one in found.windows} == {0, 6}, "a series that is set aside has no windows"


def test_the_most_suspicious_slice_and_the_middle_keep_their_pixels(tmp_path: Path, series: tuple[Series, ...]) -> None:
    number = next(number for number, one in enumerate(series) if one.slices)
    row = (0.7, 0.1, 0.1, 0.1)
    table = tuple((row,) * len(one.slices) for one in series)
    kept = Glances(tmp_path / "glances", KEY)
    kept.keep(study(scores=SliceScores(number, 4, 4, table)), series)
    found = kept.find(study())
    assert found is not None
    assert set(found.pictures) == {(number, 2), (number, 4)}
    for (_, at), one in found.pictures.items():
        np.testing.assert_array_equal(one.pixels, series[number].slices[at].pixels)
        assert one.pixels.any()


def test_other_files_and_another_release_have_no_glance_yet(
    tmp_path: Path, series: tuple[Series, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Glances(tmp_path / "glances", KEY)
    kept.keep(study(), series)
    assert kept.find(study("more")) is None
    monkeypatch.setattr(glances, "__version__", "99")
    assert kept.find(study()) is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_one_that_is_cut_short_counts_as_none(tmp_path: Path, series: tuple[Series, ...], share: float) -> None:
    kept = Glances(tmp_path / "glances", KEY)
    kept.keep(study(), series)
    (path,) = kept.folder.rglob("*.npz")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert kept.find(study()) is None


def test_one_whose_bytes_changed_counts_as_none(tmp_path: Path, series: tuple[Series, ...]) -> None:
    kept = Glances(tmp_path / "glances", KEY)
    kept.keep(study(), series)
    (path,) = kept.folder.rglob("*.npz")
    whole = path.read_bytes()
    for at in range(100, len(whole) - 100, 997):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert kept.find(study()) is None
        assert not path.exists()


def test_one_made_elsewhere_or_of_another_study_counts_as_none(tmp_path: Path, series: tuple[Series, ...]) -> None:
    kept, other = Glances(tmp_path / "glances", KEY), Glances(tmp_path / "glances", Key(bytes(31) + b"x"))
    other.keep(study(), series)
    assert kept.find(study()) is None
    kept.keep(study("more"), series)
    (path,) = kept.folder.rglob("*.npz")
    place = kept._path(study())
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(path.read_bytes())
    assert kept.find(study()) is None
    assert kept.find(study("more")) is not None


def test_what_nobody_asks_for_any_more_is_removed(tmp_path: Path, series: tuple[Series, ...]) -> None:
    kept = Glances(tmp_path / "glances", KEY)
    for contents in ("c", "d"):
        kept.keep(study(contents), series)
        os.utime(kept._path(study(contents)), (0, 0))
    assert kept.find(study("d")) is not None
    assert kept.sweep() == 1
    assert kept.find(study("c")) is None
    assert kept.find(study("d")) is not None


def test_pixels_of_another_size_count_as_none(tmp_path: Path, series: tuple[Series, ...]) -> None:
    kept = Glances(tmp_path / "glances", KEY)
    kept.keep(study(), series)
    (path,) = kept.folder.rglob("*.npz")
    data = path.read_bytes()[glances.CODE :]
    with np.load(io.BytesIO(data)) as found:
        arrays = {name: values[:-1] if "-" in name else values for name, values in found.items()}
    np.savez_compressed(into := io.BytesIO(), **arrays)
    path.write_bytes(kept._code(path, into.getvalue()) + into.getvalue())
    assert kept.find(study()) is None


def test_a_small_study_and_a_full_disk_keep_nothing(
    tmp_path: Path, series: tuple[Series, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "glances").write_text("no folder can be made here")
    Glances(tmp_path / "glances", KEY).keep(study(), series)
    monkeypatch.setattr(glances, "WORTH_KEEPING", 10**6)
    kept = Glances(tmp_path / "others", KEY)
    kept.keep(study(), series)
    kept.keep(study(), [replace(one, slices=()) for one in series])
    assert not kept.folder.exists()
