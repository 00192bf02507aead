from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from triage.domain import Slice
from triage.inference.preprocess import prepare
from triage.phantoms import Phantom
from triage.scans.formats.raster import decode
from triage.scans.quality.gate import not_analysable, unlike_a_head
from triage.scans.quality.white_air import FILLED, INVERTED, with_dark_air


@pytest.fixture(params=range(4))
def head(slices: list[Phantom], request: pytest.FixtureRequest) -> np.ndarray:
    return decode(slices[request.param].png).pixels


def on_white(head: np.ndarray) -> np.ndarray:
    """White in the place of air; bone and sinuses within the head stay dark."""
    pieces, _ = ndimage.label(np.pad(head < 30, 1, constant_values=True))
    return np.where(pieces[1:-1, 1:-1] == pieces[0, 0], 255, head).astype(np.uint8)


def as_jpeg(pixels: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return np.asarray(Image.open(io.BytesIO(buffer.getvalue())))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_an_inverted_head_is_read_as_the_head_that_it_is(head: np.ndarray, depth: type) -> None:
    given = (head.max() - head).astype(depth) * depth(16 if depth is np.uint16 else 1)
    before = given.copy()
    read = with_dark_air(given)
    assert read is not None
    assert read.note == INVERTED
    assert doubt(given) is None
    (frame, place), (wanted, there) = prepare(given, 224), prepare(head, 224)
    assert np.abs(frame - wanted).max() < 0.01
    assert place == there
    assert np.array_equal(given, before), "the picture itself stays as it came"


@pytest.mark.parametrize("canvas", [0, 60])
def test_white_around_a_head_is_read_as_air(head: np.ndarray, canvas: int) -> None:
    given = np.pad(on_white(head), canvas, constant_values=255)
    read = with_dark_air(given)
    assert read is not None
    assert read.note == FILLED
    assert doubt(given) is None
    frame, wanted = prepare(given, 224)[0], prepare(head, 224)[0]
    assert np.corrcoef(frame.ravel(), wanted.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("kind", [INVERTED, FILLED])
def test_compression_changes_nothing(head: np.ndarray, kind: str) -> None:
    read = with_dark_air(as_jpeg(255 - head if kind == INVERTED else on_white(head)))
    assert read is not None
    assert read.note == kind


def test_other_pictures_are_read_as_they_are(head: np.ndarray) -> None:
    corner = head.copy()
    corner[:30, :30] = 255  # a label
    for pixels in (head, corner, np.full((90, 90), 255, np.uint8), np.zeros((90, 90), np.uint8)):
        assert with_dark_air(pixels) is None


def test_a_picture_in_doubt_is_left_to_a_person(head: np.ndarray) -> None:
    """Resized after the white was filled in: the outermost pixels are neither dark nor bright."""
    picture = Image.fromarray(on_white(head))
    resized = np.asarray(picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.BICUBIC))
    assert with_dark_air(resized) is None
    assert "invert it so that air is black" in (doubt(resized) or "")


@pytest.mark.parametrize(("down", "across"), [(1, 2), (2, 2), (2, 3), (4, 5)])
def test_several_heads_on_white_are_named(head: np.ndarray, down: int, across: int) -> None:
    for one in (255 - head, on_white(head)):
        given = np.tile(np.pad(one, 6, constant_values=255), (down, across))
        assert "Crop it to one slice" in (doubt(given) or "")


def doubt(pixels: np.ndarray) -> str | None:
    return not_analysable(Slice(pixels)) or unlike_a_head(Slice(pixels))
