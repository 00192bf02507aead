from __future__ import annotations

import numpy as np
import pytest

from triage.errors import RefusedError
from triage.scans.formats.gray_scale import Line, to_uint16

STEEP = Line(2.0, -5.0)
INVERTED = Line(-1.0)


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "i8", ">i2", ">u4"])
@pytest.mark.parametrize("line", [Line(), STEEP])
def test_integers_keep_their_steps(kind: str, line: Line) -> None:
    (low, high), _ = to_uint16([np.array([[2, 10]], kind), np.array([[20, 40]], kind)], [line, line])
    assert low.tolist() == [[0, 8]]
    assert high.tolist() == [[18, 38]]
    assert low.dtype == high.dtype == np.uint16


@pytest.mark.parametrize("kind", ["f4", "f8", ">f4"])
def test_floating_point_values_have_one_scale(kind: str) -> None:
    (low, high), _ = to_uint16([np.array([[0, 10]], kind), np.array([[20, 40]], kind)], [STEEP, STEEP])
    assert low.tolist() == [[0, 16384]]
    assert high.tolist() == [[32768, 65535]]


@pytest.mark.parametrize("kind", ["i2", "f4"])
def test_a_negative_slope_exchanges_dark_and_bright(kind: str) -> None:
    (shown,), _ = to_uint16([np.array([[-5, 0, 5]], kind)], [INVERTED])
    assert (np.argsort(shown[0]).tolist(), shown.min()) == ([2, 1, 0], 0)
    assert np.abs(np.diff(np.diff(shown[0].astype(int)))).max() <= 1, "in even steps"


def test_different_lines_share_one_scale() -> None:
    (low, high), _ = to_uint16([np.array([[0, 100]], np.uint16)] * 2, [Line(), STEEP])
    assert low.tolist() == [[1638, 34406]]
    assert high.tolist() == [[0, 65535]]


def round_view(kind: str, filler: float, *, edge: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A head of 100 to 1500 in air of 0 to 30 with a filler outside of a circle, and where that is."""
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    noise = np.random.default_rng(0).integers(0, 30, x.shape)
    pixels = np.where(np.hypot(y, x) < 0.7, 800 + 700 * np.sin(9 * x), 0) + noise
    outside = np.hypot(y, x) > 0.98
    if edge is not None:
        pixels[np.hypot(y, x) > 0.97] = edge
    return np.where(outside, filler, pixels).astype(kind), outside


@pytest.mark.parametrize(
    ("kind", "filler"),
    [("i2", -2000), ("i2", -32768), ("i2", -1024), (">i2", -2000), ("i4", -(2**31)), ("f4", -2000), ("f8", -1e30)],
)
@pytest.mark.parametrize("line", [Line(), INVERTED, STEEP])
@pytest.mark.parametrize("share", [None, 0.4])
def test_what_fills_the_border_is_as_dark_as_air(kind: str, filler: float, line: Line, share: float | None) -> None:
    pixels, outside = round_view(kind, filler, edge=None if share is None else share * filler)
    whole = np.full_like(pixels, filler)
    (shown, empty), _ = to_uint16([pixels.copy(), whole], [line, line])
    low, high = np.percentile(shown, [1, 99])
    assert (shown[outside].max() - low) / (high - low) < 0.05
    assert np.ptp(empty) == 0
    head = shown[48, 20:76]
    assert (np.ptp(head) / (high - low)) > 0.8, "the head keeps its contrast"


@pytest.mark.parametrize(
    "pixels",
    [
        round_view("i2", 0)[0],
        round_view("i2", -20)[0],
        np.where(round_view("i2", 0)[1], -1500, round_view("i2", 0)[0] - 1500).astype("i2"),
        np.where(round_view("i2", 0)[0] > 40, round_view("i2", 0)[0] - 1000, -2000).astype("i2"),
        np.random.default_rng(0).normal(0, 900, (96, 96)).astype("i2"),
        np.full((96, 96), -7, np.int16),
    ],
)
def test_what_is_no_filler_keeps_its_steps(pixels: np.ndarray) -> None:
    (shown,), _ = to_uint16([pixels.copy()], [Line()])
    assert np.array_equal(shown, pixels.astype(int) - pixels.min())


@pytest.mark.parametrize("kind", ["u2", "i2"])
def test_the_whole_range_of_16_bits_is_kept(kind: str) -> None:
    ends = np.iinfo(kind)
    (shown,), _ = to_uint16([np.array([[ends.min, ends.min + 32768, ends.max]], kind)], [Line()])
    assert shown.tolist() == [[0, 32768, 65535]]
    (shown,), _ = to_uint16([np.array([[ends.min, ends.min + 32768, ends.max]], kind)], [INVERTED])
    assert shown.tolist() == [[65535, 32767, 0]]


def test_sixteen_bits_are_overwritten_unless_they_are_read_only() -> None:
    stored = np.array([[5, 7]], np.int16)
    (shown,), _ = to_uint16([stored], [Line()])
    assert np.shares_memory(stored, shown)
    stored = np.array([[5, 7]], np.int16)
    stored.flags.writeable = False
    (shown,), _ = to_uint16([stored], [Line()])
    assert (stored.tolist(), shown.tolist()) == ([[5, 7]], [[0, 2]])


@pytest.mark.parametrize("kind", ["i4", "f4"])
@pytest.mark.parametrize("outlier", [3e8, -3e8])
def test_outliers_saturate_and_the_tissue_keeps_its_levels(kind: str, outlier: float) -> None:
    tissue = np.random.default_rng(0).integers(0, 4096, (12, 64, 64))
    stored = tissue.astype(kind)
    stored[3, 30:32, 30] = outlier
    shown = np.stack(to_uint16(list(stored), [Line()] * 12)[0])
    assert shown[3, 30, 30] == (65535 if outlier > 0 else 0)
    rest = stored != outlier
    assert len(np.unique(shown[rest])) == len(np.unique(tissue[rest]))
    assert (np.diff(shown[rest][np.argsort(stored[rest])].astype(int)) >= 0).all()


def test_damaged_slices_do_not_set_the_scale() -> None:
    stored = np.random.default_rng(0).integers(0, 4096, (20, 64, 64)).astype(np.float32)
    stored[-2:] *= 1e6
    stored[:5] = 0
    shown = np.stack(to_uint16(list(stored), [Line()] * 20)[0])
    assert len(np.unique(shown[5:18])) == len(np.unique(stored[5:18]))


def test_without_outliers_all_16_bits_are_used() -> None:
    stored = np.random.default_rng(0).normal(size=(3, 64, 64))
    shown = np.stack(to_uint16(list(stored), [Line()] * 3)[0])
    assert (shown.min(), shown.max()) == (0, 65535)


def test_one_value_is_black() -> None:
    for kind in ("u2", "f4"):
        (shown,), _ = to_uint16([np.full((2, 2), 7, kind)], [Line()])
        assert not shown.any()


def test_nothing_gives_nothing() -> None:
    assert to_uint16([], [])[0] == []


def test_what_is_no_number_is_dark() -> None:
    (shown,), _ = to_uint16([np.array([[np.nan, -1.0, 1.0, np.inf]])], [Line()])
    assert shown.tolist() == [[0, 0, 65535, 0]]


@pytest.mark.parametrize("filler", [-32768, -9999])
def test_what_lies_far_below_a_head_that_was_cut_out_is_dark(filler: int) -> None:
    """It keeps the levels of the head: what surrounds it is as dark as its darkest tissue."""
    y, x = np.mgrid[:96, :96]
    head = np.random.default_rng(0).integers(-900, 900, (96, 96))
    pixels = np.where(np.hypot(y - 48, x - 48) < 35, head, filler).astype(np.int16)
    (shown,), _ = to_uint16([pixels], [Line()])
    assert shown.max() < 2000
    assert shown[0, 0] < np.percentile(shown[40:56, 40:56], 20)


@pytest.mark.parametrize("slope", [1.0, 0.5, -1.0])
def test_what_is_no_number_is_as_dark_as_zero(slope: float) -> None:
    """A mask of NaN shows the same as one of zeros: the darkest tissue is not as dark as what was masked."""
    tissue = np.random.default_rng(0).uniform(300, 4000, (64, 64))
    tissue[:20] = 0
    masked = np.where(tissue == 0, np.nan, tissue)
    (zeros,), _ = to_uint16([tissue], [Line(slope)])
    (holes,), _ = to_uint16([masked], [Line(slope)])
    assert np.array_equal(holes[20:], zeros[20:]) if slope > 0 else (holes[:20] == 0).all()
    assert not holes[:20].any()


@pytest.mark.parametrize("stored", [np.full((2, 2), np.nan), np.array([[0.0, 1e308], [-1e308, 1.0]])])
def test_what_has_no_scale_is_refused(stored: np.ndarray) -> None:
    with pytest.raises(RefusedError, match=r"not numbers|not a finite number"):
        to_uint16([stored], [Line(10.0)])


@pytest.mark.parametrize("line", [Line(), STEEP, Line(-2.0, 7.0), Line(0.25, 1e4)])
@pytest.mark.parametrize("kind", ["i2", "u1", "i4", "f4"])
def test_the_line_leads_back_to_the_values(kind: str, line: Line) -> None:
    stored = np.arange(0, 120, dtype=kind).reshape(8, 15)
    (gray,), back = to_uint16([stored.copy()], [line])
    values = stored.astype(float) * line.slope + line.intercept
    np.testing.assert_allclose(gray * back.slope + back.intercept, values, atol=back.slope)


def test_the_line_leads_back_from_a_scale_of_several_lines() -> None:
    stored = np.arange(100, dtype=np.int16).reshape(10, 10)
    lines = [Line(), STEEP]
    shown, back = to_uint16([stored.copy(), stored.copy()], lines)
    for gray, line in zip(shown, lines, strict=True):
        values = stored * line.slope + line.intercept
        np.testing.assert_allclose(gray * back.slope + back.intercept, values, atol=back.slope)
