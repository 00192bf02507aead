"""The numbers and masks of the tools against NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from e2e.tools.bench import Server
from marked_samples import mask
from matplotlib.path import Path as Outline
from playwright.sync_api import Browser, Page
from scipy import ndimage

from triage.languages import speech

pytestmark = pytest.mark.browser
SPACING = [0.9, 0.45]
RANDOM = np.random.default_rng(28)
NOISE = RANDOM.integers(0, 4096, (60, 80)).astype(np.uint16)


@pytest.fixture(scope="module")
def page(browser: Browser, running: Server) -> Iterator[Page]:
    """A window on the server; these tests change nothing."""
    with browser.new_context() as context:
        one = context.new_page()
        one.goto(running.address)
        yield one


def call(page: Page, module: str, expression: str, *arguments: Any) -> Any:
    """Evaluate an expression in which `tools` is a module and `a` are the arguments."""
    code = f"async a => {{ const tools = await import('/viewer/modules/tools/{module}.js'); return {expression} }}"
    return page.evaluate(code, list(arguments))


def picture(**more: Any) -> dict[str, Any]:
    shared = {"rows": 60, "columns": 80, "values": NOISE.ravel().tolist(), "slope": 1, "intercept": 0, "spacing": None}
    return shared | more


def bitmap(pixels: np.ndarray) -> str:
    """An expression for a bitmap of the tools."""
    rows, columns = pixels.shape
    return f"{{bits: Uint8Array.from({pixels.astype(int).ravel().tolist()}), rows: {rows}, columns: {columns}}}"


def blob(rows: int = 50, columns: int = 70, share: float = 0.5) -> np.ndarray:
    smooth = ndimage.gaussian_filter(RANDOM.normal(size=(rows, columns)), 4)
    return smooth > np.quantile(smooth, share)


@pytest.mark.parametrize("spacing", [None, SPACING])
def test_lengths_and_angles(page: Page, spacing: list[float] | None) -> None:
    a, b, c = ({"x": x, "y": y} for x, y in RANDOM.uniform(0, 60, (3, 2)))
    scale = np.array((spacing or [1, 1])[::-1])
    at = [np.array([point["x"], point["y"]]) * scale for point in (a, b, c)]
    found = call(page, "measure", "tools.distance(a[0], a[1], a[2])", a, b, spacing)
    assert found == pytest.approx(np.linalg.norm(at[1] - at[0]))
    legs = at[0] - at[1], at[2] - at[1]
    expected = np.degrees(np.arccos(legs[0] @ legs[1] / np.prod([np.linalg.norm(leg) for leg in legs])))
    assert call(page, "measure", "tools.angle(...a)", a, b, c, spacing) == pytest.approx(expected)
    assert call(page, "measure", "tools.angle(...a)", b, b, c, spacing) == 0


@pytest.mark.parametrize("spacing", [None, SPACING])
@pytest.mark.parametrize("corners", [(10, 8, 40, 33.5), (40.2, 33, 11, 9), (-20, -20, 30, 30), (70, 50, 120, 90)])
def test_an_ellipse(page: Page, corners: tuple[float, ...], spacing: list[float] | None) -> None:
    left, top, right, bottom = corners
    found = call(
        page,
        "measure",
        "tools.ellipse({x: a[0], y: a[1]}, {x: a[2], y: a[3]}, a[4])",
        *corners,
        picture(slope=2.5, intercept=-1000, spacing=spacing),
    )
    y, x = np.mgrid[:60, :80] + 0.5
    across, down = abs(right - left) / 2, abs(bottom - top) / 2
    inside = ((x - (left + right) / 2) / across) ** 2 + ((y - (top + bottom) / 2) / down) ** 2 <= 1
    values = NOISE[inside] * 2.5 - 1000
    area = np.pi * across * down * np.prod(spacing or 1)
    expected = {"pixels": inside.sum(), "mean": values.mean(), "sd": values.std(), "min": values.min()}
    assert found == pytest.approx(expected | {"max": values.max(), "mm2" if spacing else "px2": area})


def test_an_ellipse_without_a_pixel_has_an_area_alone(page: Page) -> None:
    for corners in ((5.6, 5.6, 5.9, 5.9), (200, 200, 210, 210), (5, 5, 5, 5)):
        found = call(
            page, "measure", "tools.ellipse({x: a[0], y: a[1]}, {x: a[2], y: a[3]}, a[4])", *corners, picture()
        )
        assert set(found) == {"px2"}


def test_a_spread_far_from_zero_is_exact(page: Page) -> None:
    values = [2**24 + number % 2 for number in range(4800)]
    found = call(page, "measure", "tools.ellipse({x: 0, y: 0}, {x: 80, y: 60}, a[0])", picture(values=values))
    assert found["sd"] == pytest.approx(0.5, abs=1e-3)


def test_a_probe(page: Page) -> None:
    image = picture(slope=0.5, intercept=-10)
    probe = "tools.measured('probe', [{x: a[0], y: a[1]}], a[2])"
    assert call(page, "measure", probe, 7.99, 3.01, image) == {"value": NOISE[3, 7] / 2 - 10, "stored": NOISE[3, 7]}
    for x, y in ((-0.1, 5), (80, 5), (5, 60)):
        assert call(page, "measure", probe, x, y, image) == {}


def test_what_is_written_beside_a_measurement(page: Page) -> None:
    def text(kind: str, values: dict[str, float], unit: str = "") -> list[str]:
        return call(page, "measure", "tools.described(a[0])", {"kind": kind, "values": values, "unit": unit})

    assert text("length", {"mm": 12.345}) == ["12.3 mm"]
    assert text("length", {"px": 3.14159}) == ["3.14 px"]
    assert text("angle", {"degrees": 90}) == ["90°"]
    assert text("probe", {"value": 1234.5, "stored": 3}, "HU") == ["1234 HU (stored 3)"]  # as the server rounds
    assert text("ellipse", {"mm2": 78.54, "mean": 99.26, "sd": 2.5, "min": 90, "max": 108}) == [
        "Mean 99.3  SD 2.50",
        "90 to 108  78.5 mm²",
    ]


@pytest.mark.parametrize("share", [0, 0.5, 0.9, 1])
def test_masks_are_packed_as_the_record_has_them(page: Page, share: float) -> None:
    pixels = blob(share=share) if share < 1 else np.zeros((50, 70), bool)
    assert call(page, "brush", f"tools.packed({bitmap(pixels)})") == mask(pixels)
    back = call(page, "brush", "[...tools.unpacked(a[0]).bits]", mask(pixels))
    assert np.array_equal(np.reshape(back, pixels.shape), pixels)
    assert call(page, "brush", "tools.isEmpty(a[0])", mask(pixels)) is not bool(pixels.any())


@pytest.mark.parametrize("spacing", [None, SPACING])
@pytest.mark.parametrize("radius", [0.1, 4.0])
def test_a_stroke_covers_what_the_brush_passes(page: Page, radius: float, spacing: list[float] | None) -> None:
    start, end = np.array([12.3, 20.0]), np.array([55.5, 41.2])
    points = [{"x": x, "y": y} for x, y in (start, end)]
    stroke = "{ const b = tools.blank(60, 80); tools.paint(b, a[0], a[1], a[2], a[3], 1); return [...b.bits] }"
    found = call(page, "brush", f"(() => {stroke})()", *points, radius, spacing)
    scale = np.array((spacing or [1, 1])[::-1])
    centres = np.stack(np.mgrid[:60, :80][::-1], -1) + 0.5
    from_start, way = (centres - start) * scale, (end - start) * scale
    share = np.clip(from_start @ way / (way @ way), 0, 1)
    expected = np.linalg.norm(from_start - share[..., None] * way, axis=-1) <= radius
    for x, y in (start, end):
        expected[int(y), int(x)] = True
    assert np.array_equal(np.reshape(found, (60, 80)), expected)


def test_an_eraser_takes_away_beyond_the_edge_too(page: Page) -> None:
    stroke = (
        "(() => { const b = tools.unpacked(a[0]); tools.paint(b, {x: -9, y: 5}, {x: 90, y: 5}, 2, null, 0);"
        " return [...b.bits] })()"
    )
    found = np.reshape(call(page, "brush", stroke, mask(np.ones((60, 80), bool))), (60, 80))
    assert found.sum() == 56 * 80
    assert not found[3:7].any()


def test_a_closed_line_is_filled(page: Page) -> None:
    line = [(10.2, 5.1), (60.7, 12.3), (30.0, 25.5), (62.1, 50.9), (-8.0, 45.0)]
    points = [{"x": x, "y": y} for x, y in line]
    fill = "(() => { const b = tools.blank(60, 80); tools.fillLine(b, a[0], 1); return [...b.bits] })()"
    found = np.reshape(call(page, "brush", fill, points), (60, 80))
    centres = np.stack(np.mgrid[:60, :80][::-1], -1).reshape(-1, 2) + 0.5
    assert np.array_equal(found, Outline([*line, line[0]]).contains_points(centres).reshape(60, 80))


def test_a_hole_is_filled_if_it_is_closed(page: Page) -> None:
    ring = np.zeros((30, 40), bool)
    ring[5:20, 8:30] = True
    ring[8:16, 12:25] = False
    fill = "(() => { const b = tools.unpacked(a[0]); return [tools.fillHole(b, {x: a[1], y: a[2]}), [...b.bits]] })()"
    done, found = call(page, "brush", fill, mask(ring), 15.5, 10.5)
    assert done
    assert np.array_equal(np.reshape(found, ring.shape), ndimage.binary_fill_holes(ring))
    for x, y in ((2, 2), (9, 6), (-1, 5)):  # outside, on the line, off the slice
        done, found = call(page, "brush", fill, mask(ring), x, y)
        assert not done
        assert np.array_equal(np.reshape(found, ring.shape), ring)


def test_distances_are_exact(page: Page) -> None:
    pixels = blob(share=0.97)
    found = call(page, "between", f"[...tools.distances({bitmap(pixels)}.bits, 50, 70, a[0])]", SPACING)
    assert np.allclose(np.reshape(found, pixels.shape), ndimage.distance_transform_edt(~pixels, sampling=SPACING))


def test_slices_between_are_outlined_by_the_distance_to_the_edge(page: Page) -> None:
    first, last = blob(share=0.8), blob(share=0.6)
    masks = call(
        page,
        "between",
        f"tools.between({bitmap(first)}, {bitmap(last)}, 3, a[0]).map(b => [...b.bits])",
        SPACING,
    )

    def signed(pixels: np.ndarray) -> np.ndarray:
        outside, inside = (ndimage.distance_transform_edt(one, sampling=SPACING) for one in (~pixels, pixels))
        return outside - inside

    for number, found in enumerate(masks, start=1):
        share = number / 4
        expected = signed(first) * (1 - share) + signed(last) * share < 0
        assert np.mean(np.reshape(found, first.shape) == expected) > 0.9995  # ties of rounding
    same = call(page, "between", f"[...tools.between({bitmap(first)}, {bitmap(first)}, 1, null)[0].bits]")
    assert np.array_equal(np.reshape(same, first.shape), first)


@pytest.mark.parametrize(
    ("points", "kind", "kept_free"),
    [
        ([(200, 150), (200, 210)], "length", (170, 150, 230, 210)),  # the lesion is about as wide as it is long
        ([(170, 180), (230, 180)], "length", (170, 150, 230, 210)),
        ([(380, 40), (380, 90)], "length", (355, 40, 400, 90)),
        ([(20, 180), (385, 185)], "length", (20, 180, 385, 185)),  # too long for a lesion
        ([(5, 5), (395, 295)], "length", None),  # from corner to corner: no place is beside it
        ([(150, 145), (250, 145), (200, 100), (200, 190)], "ellipse", (150, 100, 250, 190)),
        ([(396, 150)], "probe", (396, 150, 396, 150)),
        ([(300, 100), (380, 150), (300, 200)], "angle", (300, 100, 380, 200)),
    ],
)
def test_a_label_lies_beside_what_is_measured_and_within_the_pane(
    page: Page, points: list[tuple[int, int]], kind: str, kept_free: tuple[int, int, int, int] | None
) -> None:
    width, height, right, bottom = 80, 34, 400, 300
    rooms = [
        {"left": inset, "top": inset, "right": right - inset, "bottom": bottom - inset}
        for inset in (24, 4)  # beside the letters of orientation, else anywhere
    ]
    at = [{"x": x, "y": y} for x, y in points]
    mark = {"kind": kind, "points": at, "line": at}
    label = call(page, "label", "tools.placeBeside(...a)", mark, [width, height], rooms, [], [])
    assert 0 <= label["x"] <= right - width
    assert 0 <= label["y"] <= bottom - height
    if kept_free is not None:
        left, upper, rightmost, lowest = kept_free
        is_aside = label["x"] >= rightmost or label["x"] + width <= left
        assert is_aside or label["y"] >= lowest or label["y"] + height <= upper


def test_labels_lie_on_no_other_label_and_on_no_other_mark(page: Page) -> None:
    """Of measurements that lie side by side and across each other; what is far away has a leader."""
    made = """(() => {
      const [right, bottom] = [700, 500];
      const canvas = new OffscreenCanvas(right, bottom);
      Object.assign(canvas, { clientWidth: right, clientHeight: bottom });
      const ctx = canvas.getContext("2d");
      const labels = new tools.Labels();
      const written = [];
      const write = labels.write.bind(labels);
      labels.write = (ctx, lines, at, colour) => {
        write(ctx, lines, at, colour);
        const width = Math.max(...lines.map((line) => ctx.measureText(line).width));
        written.push([at.x, at.y, at.x + width, at.y + lines.length * tools.LINE_HEIGHT]);
      };
      const leaders = [];
      const stroke = ctx.stroke.bind(ctx);
      ctx.stroke = () => { leaders.push(1); stroke(); };
      for (const [lines, ...points] of a[0]) {
        const at = points.map(([x, y]) => ({ x, y }));
        const line = at.flatMap((one, number) => number ? Array.from({ length: 41 }, (_, step) => (
          { x: at[number - 1].x + (one.x - at[number - 1].x) * step / 40,
            y: at[number - 1].y + (one.y - at[number - 1].y) * step / 40 })) : [one]);
        labels.add({ kind: at.length > 2 ? "angle" : "length", points: at, line }, lines, "white");
      }
      labels.avoid({ left: 0, top: 400, right: 300, bottom: 460 });
      labels.draw(ctx, 40);
      return [written, leaders.length];
    })()"""
    marks = [
        [["41.5 mm"], [300, 200], [300, 260]],
        [["38.2 mm"], [330, 200], [330, 260]],
        [["120 mm"], [200, 230], [480, 230]],
        [["62.3°"], [380, 180], [350, 240], [420, 250]],
        [["12.0 mm"], [100, 380], [150, 380]],
        [["12.5 mm"], [100, 386], [150, 386]],
    ]
    written, leaders = call(page, "label", made, marks)
    assert len(written) == len(marks)
    assert leaders >= 1
    for number, (left, top, right, bottom) in enumerate(written):
        assert 0 <= left < right <= 700
        assert 40 <= top < bottom <= 500
        assert not (left < 300 and bottom > 400 and top < 460), "something else is written there"
        for other in written[:number]:
            assert left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]
        for _, *points in marks:
            for one, other in pairwise(points):
                along = np.linspace(one, other, 200)
                inside = (along > (left, top)).all(axis=1) & (along < (right, bottom)).all(axis=1)
                assert not inside.any()


def test_browser_and_server_round_alike(page: Page) -> None:
    """A probability stands on one page in words of both."""
    shares = [*RANDOM.uniform(0, 1, 200).tolist(), *(at / 2000 for at in range(2001)), 0.688499, 1e-7, 1.0]
    said = call(page, "../t", "a[0].map((one) => [tools.percent(one, 1), tools.decimals(one, 2)])", shares)
    assert said == [[speech.percent(one, 1), speech.number(one, 2)] for one in shares]
