"""The phantoms: reproducible, distinct, readable as uploads, with the lesion where and as it should be."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triage import phantoms as module
from triage.domain import Finding
from triage.phantoms import VIEWS, Phantom, phantoms
from triage.scans.formats.raster import decode

TUMOURS = list(Finding)[:3]


@pytest.fixture(scope="module")
def dozen() -> list[Phantom]:
    """Every class in every plane, once."""
    return list(phantoms(12))


def test_a_seed_gives_the_same_bytes_whatever_the_count(dozen: list[Phantom]) -> None:
    assert list(phantoms(3)) == dozen[:3]
    assert [p.png for p in phantoms(3, seed=1)] != [p.png for p in dozen[:3]]


def test_no_two_are_identical() -> None:
    assert len({phantom.png for phantom in phantoms(16, seed=7)}) == 16


def test_none_are_drawn_when_none_are_asked_for() -> None:
    assert list(phantoms(0)) == []


def test_classes_and_planes_come_in_turn(dozen: list[Phantom]) -> None:
    assert [phantom.finding for phantom in dozen] == list(Finding) * 3
    assert len({(phantom.finding, phantom.name.split("_")[1]) for phantom in dozen}) == 12


def test_names_are_unique_and_never_tell_the_class(dozen: list[Phantom]) -> None:
    names = [phantom.name for phantom in dozen]
    assert names[6] == "PHANTOM-0007_ax_t1ce.png"
    assert len(set(names)) == 12
    assert not any(finding.value in name.lower() for name in names for finding in Finding)


def test_every_one_is_a_gray_png_that_uploads(dozen: list[Phantom]) -> None:
    for phantom in dozen:
        image = Image.open(io.BytesIO(phantom.png))
        assert (image.format, image.mode) == ("PNG", "L")
        assert 256 <= max(image.size) <= 400
        assert not image.info  # nothing that could tell the class
        scan = decode(phantom.png)
        assert scan.pixels.dtype == np.uint8
        assert scan.colourfulness == 0
        assert scan.pixels.max() > 200
        assert scan.pixels[:, :3].mean() < 60  # air beside the head


@pytest.mark.parametrize("seed", range(3))
def test_hung_as_a_radiologist_sees_it(seed: int) -> None:
    axial, coronal, sagittal = (_head(plane, seed) for plane in VIEWS)
    widths = axial.sum(axis=1)
    assert widths[len(axial) // 20] < 0.7 * widths[-len(axial) // 20]  # the nose above, the back of the head below
    for head in (coronal, sagittal):
        assert head[-1].mean() > 0.3  # the neck runs out of the picture below, not the vertex above
        assert head[0].mean() < 0.3
    front, back = (np.flatnonzero(side.any(axis=1)) for side in np.array_split(sagittal, 10, axis=1)[:: 10 - 1])
    assert front[0] > back[0]  # the nose sits lower than the back of the head
    assert VIEWS["ax"][1][1] > VIEWS["ax"][1][2]  # the patient's right (positive) on the left of the picture


@pytest.mark.parametrize("plane", list(VIEWS))
@pytest.mark.parametrize("finding", TUMOURS)
def test_a_lesion_shows_where_it_was_put_and_only_there(finding: Finding, plane: str) -> None:
    with_lesion, without, distance = _pair(finding, plane)
    change = np.abs(with_lesion - without)
    assert change[distance < 1].mean() > 25
    assert change[distance > 4].mean() < 2


@pytest.mark.parametrize("finding", [Finding.MENINGIOMA, Finding.PITUITARY])
def test_extra_axial_masses_are_bright_and_homogeneous(finding: Finding) -> None:
    with_lesion, without, distance = _pair(finding, "cor")
    core = distance < 0.4
    assert with_lesion[core].mean() > without[core].mean() + 50
    assert with_lesion[core].std() < 0.12 * with_lesion[core].mean()


def test_a_glioma_has_a_bright_rim_a_dark_core_and_dark_oedema() -> None:
    with_lesion, without, distance = _pair(Finding.GLIOMA, "ax")
    rim, core, around = (distance > 0.8) & (distance < 1.2), distance < 0.5, (distance > 1.4) & (distance < 1.7)
    assert np.percentile(with_lesion[rim], 90) > np.percentile(without[rim], 90) + 40
    assert with_lesion[core].mean() < without[core].mean() - 30
    assert with_lesion[around].mean() < without[around].mean() - 5


def test_the_pituitary_mass_is_in_the_midline_below_the_brain() -> None:
    for seed in range(20):
        centre, radius = module._place(Finding.PITUITARY, "sag", np.random.default_rng(seed))
        assert abs(centre[0]) < 5
        assert -36 < centre[2] < -26
        assert 8 <= radius <= 12


def test_meningiomas_sit_at_the_dura_and_gliomas_within_the_brain() -> None:
    for seed in range(20):
        for plane in VIEWS:
            rng = np.random.default_rng(seed)
            centre, radius = module._place(Finding.MENINGIOMA, plane, rng)
            to_dura = min(-module._sample("skull", centre[None])[0], abs(centre[0]))
            assert 0 < to_dura < radius
            centre, _ = module._place(Finding.GLIOMA, plane, rng)
            assert module._sample("skull", centre[None])[0] < -10


def test_nothing_is_downloaded_and_nilearn_is_imported_late(tmp_path: Path) -> None:
    """In a fresh interpreter and an empty home, so that neither a cache nor an earlier import can help."""
    script = """
import socket, sys

def refuse(*_, **__):
    raise AssertionError("a phantom opened a socket")

socket.socket.__init__ = socket.getaddrinfo = refuse
from triage.phantoms import phantoms
assert "nilearn" not in sys.modules
print(len(list(phantoms(1))))
"""
    root = Path(module.__file__).parents[1]
    environment = {"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(root)}
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert list(tmp_path.iterdir()) == []


def _head(plane: str, seed: int) -> np.ndarray:
    """Where the head is, cut out, at the level of the sella."""
    head = module._slice(plane, Finding.NOTUMOR, np.array([5.0, 5, -31]), 1.0, np.random.default_rng(seed)) > 60
    rows, columns = (np.flatnonzero(head.mean(axis=axis) > 0.02) for axis in (1, 0))
    return head[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _pair(finding: Finding, plane: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same slice with and without its lesion, and the distance from the lesion's centre in radii.

    The slice maps the centre close to itself (the tilt turns around it), so the flat view's grid will do.
    """
    centre, radius = module._place(finding, plane, np.random.default_rng(3))
    pictures = [
        module._slice(plane, drawn, centre, radius, np.random.default_rng(4)).astype(float)
        for drawn in (finding, Finding.NOTUMOR)
    ]
    _, (across, left, right), (down, top, bottom) = VIEWS[plane]
    height, width = pictures[0].shape
    rows = np.linspace(top, bottom, height)[:, None] - centre[down]
    columns = np.linspace(left, right, width)[None] - centre[across]
    return pictures[0], pictures[1], np.hypot(rows, columns) / radius
