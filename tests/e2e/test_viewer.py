"""The viewer in a real browser, on pixels: drawn slices whose values say where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from drawn_dicom import instance, write
from helpers import redrawn, take_in, until
from marked_samples import marks, mask
from playwright.sync_api import Browser, Page, Route, expect
from pydicom.uid import generate_uid
from record_samples import reading
from servers import served

from triage.domain import Decision, Finding, Plane
from triage.phantom_studies import phantom_study
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.scans.formats.nifti import decode
from triage.scans.reformat import cuts
from triage.settings import Settings
from triage.web.modules import addresses

pytestmark = pytest.mark.browser
COUNT, ROWS, COLUMNS, THICK = 20, 60, 80, 24
CENTRE, WIDTH = 1000, 2000
#: One value for each voxel.
VOLUME = np.random.default_rng(1).permutation(20 * 24 * 28).astype(np.int16).reshape(20, 24, 28)
PANE = "#viewer .nt-pane"
#: Pixels at each edge that pictures beside each other leave to the letters of orientation.
BORDER = 15
#: Brightness of the picture at a place of the pane, in shares of its sides.
BRIGHTNESS = """([pane, x, y]) => {
  const canvas = document.querySelectorAll("#viewer .nt-pane")[pane].querySelector("canvas");
  return [...canvas.getContext("2d").getImageData(canvas.width * x, canvas.height * y, 1, 1).data].slice(0, 3);
}"""
#: Pixels above the picture in the colour of the outline.
OUTLINED = """(pane = 0) => {
  const canvas = document.querySelectorAll("#viewer .nt-overlay")[pane];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) count += data[at] === 64 && data[at + 1] === 224 && data[at + 2] === 255;
  return count;
}"""


@dataclass
class Studies:
    """Where the server is, and the studies on it."""

    address: str
    home: Path
    stack: str
    prior: str
    volume: str
    tumour: str
    thick: str
    gap: str
    phantom: str
    growing: str


def values(at: int) -> np.ndarray:
    """A slice of one value, with a brighter quarter at the upper left."""
    pixels = np.full((ROWS, COLUMNS), 100 * at, np.uint16)
    pixels[: ROWS // 2, : COLUMNS // 2] += 50
    return pixels


def drawn(folder: Path, day: str, count: int, apart: float, **elements: str) -> dict[str, bytes]:
    """A stack of slices that the AI cannot judge, and the reader can."""
    uids = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), "StudyDate": day}
    window = {"WindowCenter": str(CENTRE), "WindowWidth": str(WIDTH), "PixelSpacing": [1, 1]}
    files = {}
    for at in range(count):
        place = {"ImagePositionPatient": [0, 0, at * apart], "InstanceNumber": at + 1}
        made = instance(values(at), FrameOfReferenceUID=uids["StudyInstanceUID"], **uids, **window, **place, **elements)
        files[f"{day}-{at}.dcm"] = write(folder / "one.dcm", made).read_bytes()
    return files


def box(folder: Path) -> dict[str, bytes]:
    """A bright box in the dark, in the left upper front of 24 slices of 1 x 1 x 5 mm."""
    uids = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), "PatientID": "THICK"}
    files = {}
    for at in range(THICK):
        pixels = np.full((80, 100), 10, np.uint16)
        pixels[0, 0] = at  # no copy of another slice
        if 13 <= at < 21:
            pixels[10:30, 60:90] = 2000
        place = {"ImagePositionPatient": [-50, -40, 5.0 * at], "InstanceNumber": at + 1, "PixelSpacing": [1, 1]}
        window = {"WindowCenter": "1000", "WindowWidth": "2000", "FrameOfReferenceUID": uids["StudyInstanceUID"]}
        files[f"box-{at}.dcm"] = write(folder / "one.dcm", instance(pixels, **uids, **place, **window)).read_bytes()
    return files


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory, slices: list[Phantom]) -> Iterator[Studies]:
    folder = tmp_path_factory.mktemp("viewer")
    installation = Installation(Settings(home=folder / "home"))
    gap = drawn(folder, "20260401", COUNT, 5.0, PatientID="GAP")
    del gap["20260401-7.dcm"]
    stack, prior, volume, tumour, thick, unequal, phantom, growing = (
        take_in(installation, files)[0]
        for files in (
            drawn(folder, "20260301", COUNT, 5.0),
            drawn(folder, "20250301", COUNT // 2, 10.0),
            {"small.nii": nibabel.Nifti1Image(VOLUME, np.diag([1.5, 2.0, 2.5, 1.0])).to_bytes()},
            {slices[0].name: slices[0].png},
            box(folder),
            gap,
            dict(phantom_study(Finding.GLIOMA, 6)),
            dict(phantom_study(Finding.MENINGIOMA, 6, seed=1)),
        )
    )
    store = installation.store
    file = store.study(unequal).instances[0]
    outlined = np.zeros((ROWS, COLUMNS), bool)
    outlined[10:30, 10:40] = True
    content = marks(masks={f"{file.sha256}/0": mask(outlined)}, keys=(f"{file.sha256}/0",))
    store.marks.save(unequal, "Dr. Other", content, seen=0)
    signed = replace(reading(reader="Dr. Other"), decision=Decision.UNAIDED, model_sha256=None)
    store.readings.sign(unequal, signed, seen=0)
    installation.close()
    with served(folder / "home") as (address, _):
        yield Studies(address, folder / "home", stack, prior, volume, tumour, thick, unequal, phantom, growing)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def opened(tab: Page, studies: Studies, study: str, slices: int) -> None:
    """Open a study, and wait until all of its slices are in the browser."""
    tab.goto(f"{studies.address}/review?study={study}")
    expect(tab.locator(f'{PANE}[data-loaded="{slices}"][data-drawn]')).to_have_count(1)
    expect(tab.get_by_role("button", name="Length")).to_be_enabled()


def brightness(tab: Page, x: float = 0.5, y: float = 0.75, pane: int = 0) -> list[int]:
    tab.wait_for_timeout(150)  # drawn with the next frame
    found: list[int] = tab.evaluate(BRIGHTNESS, [pane, x, y])
    return found


def shade(value: float, centre: float = CENTRE, width: float = WIDTH) -> Any:
    return pytest.approx([int(np.clip((value - centre + width / 2) / width * 255, 0, 255))] * 3, abs=1)


def here(tab: Page, at: int, pane: int = 0) -> None:
    expect(tab.locator(PANE).nth(pane)).to_have_attribute("data-slice", str(at + 1))


def test_wheel_and_keys_show_every_slice(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    assert brightness(tab) == shade(100 * (COUNT // 2)), "opens in the middle, with the window of the file"
    tab.keyboard.press("Home")
    assert brightness(tab) == shade(0)
    tab.evaluate(
        "(window.shown = []) && document.querySelector('#viewer .nt-pane')"
        ".addEventListener('drawn', (event) => shown.at(-1) !== event.detail && shown.push(event.detail))"
    )
    tab.locator(PANE).hover()
    for _ in range(COUNT - 1):
        tab.mouse.wheel(0, 120)
    here(tab, COUNT - 1)
    assert tab.evaluate("shown") == list(range(1, COUNT)), "none is skipped, however fast the wheel is turned"
    assert brightness(tab) == shade(100 * (COUNT - 1))
    for key, at in (("ArrowUp", COUNT - 2), ("PageUp", COUNT - 12), ("End", COUNT - 1), ("ArrowLeft", COUNT - 2)):
        tab.keyboard.press(key)
        here(tab, at)
    tab.keyboard.press("c")
    here(tab, 3)
    tab.keyboard.press("c")


def test_zoom_turn_and_window_survive_slices(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    tab.keyboard.press("Home")
    for _ in range(5):
        tab.keyboard.press("ArrowDown")
    here(tab, 5)
    assert brightness(tab, 0.4, 0.4) == shade(550), "the brighter quarter is at the upper left"
    tab.keyboard.press("r")
    assert brightness(tab, 0.6, 0.4) == shade(550)
    assert brightness(tab, 0.4, 0.4) == shade(500)
    tab.keyboard.press("v")
    tab.keyboard.press("ArrowDown")
    here(tab, 6)
    assert brightness(tab, 0.6, 0.6) == shade(650), "turned and flipped on the next slice too"
    tab.keyboard.press("i")
    assert brightness(tab, 0.6, 0.6) == [255 - value for value in brightness_of(650)]
    tab.keyboard.press(" ")
    assert brightness(tab, 0.4, 0.4) == shade(650), "the start again"
    tab.keyboard.press("5")
    assert brightness(tab) == shade(600, 975, 1950), "all values"
    tab.keyboard.press("+")
    tab.keyboard.press("ArrowDown")
    here(tab, 7)
    assert brightness(tab) == shade(700, 975, 1950)
    box = tab.locator(PANE).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = tab.locator(PANE).get_attribute("data-window")
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 120, y + 60, steps=4)
    tab.mouse.up()
    assert tab.locator(PANE).get_attribute("data-window") != before
    tab.mouse.move(x, y)
    tab.mouse.down(button="middle")
    tab.mouse.move(x + box["width"], y, steps=4)
    tab.mouse.up(button="middle")
    assert brightness(tab, 0.2) == [0, 0, 0], "panned out of sight"
    tab.mouse.dblclick(x, y)
    assert brightness(tab, 0.5) != [0, 0, 0], "fitted again"


def set_window(tab: Page) -> None:
    """Set the window by dragging, as a reader does."""
    box = tab.locator(PANE).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 120, y + 60, steps=4)
    tab.mouse.up()


def test_the_box_of_windows_says_which_is_in_force(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    said = "() => document.querySelector('#viewer select.nt-window').selectedOptions[0].text"
    assert tab.evaluate(said) == "as the file says"
    tab.keyboard.press("1")
    until(lambda: tab.evaluate(said) == "brain", 10)
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(said) == "brain"
    set_window(tab)
    centre, width = (tab.locator(PANE).get_attribute("data-window") or "").split()
    until(lambda: tab.evaluate(said) == f"W {width} L {centre}", 10)
    tab.get_by_label("Window", exact=True).select_option(label="FLAIR")
    until(lambda: tab.evaluate(said) == "FLAIR", 10)
    tab.keyboard.press("0")
    until(lambda: tab.evaluate(said) == "as the file says", 10)


def test_a_window_set_by_hand_stays_when_the_page_is_loaded_again(studies: Studies, tab: Page) -> None:
    """For this study and series, and for this person only; zoom, turn and other studies begin anew."""
    cookie = {"name": "triage_reader", "url": studies.address}
    tab.context.add_cookies([{**cookie, "value": "Dr.%20A"}])
    opened(tab, studies, studies.stack, COUNT)
    pane = tab.locator(PANE)
    of_the_file = f"{CENTRE} {WIDTH}"
    expect(pane).to_have_attribute("data-window", of_the_file)
    set_window(tab)
    own = pane.get_attribute("data-window") or ""
    assert own != of_the_file
    tab.reload()
    expect(pane).to_have_attribute("data-window", own)
    opened(tab, studies, studies.prior, COUNT // 2)
    expect(pane).to_have_attribute("data-window", of_the_file)
    opened(tab, studies, studies.stack, COUNT)
    expect(pane).to_have_attribute("data-window", own)
    tab.keyboard.press(" ")
    expect(pane).to_have_attribute("data-window", of_the_file)
    tab.reload()
    expect(pane).to_have_attribute("data-window", of_the_file)
    tab.keyboard.press("5")
    expect(pane).not_to_have_attribute("data-window", of_the_file)
    tab.context.add_cookies([{**cookie, "value": "Dr.%20B"}])
    opened(tab, studies, studies.stack, COUNT)
    expect(pane).to_have_attribute("data-window", of_the_file)
    assert tab.evaluate("sessionStorage.getItem('neurotriage-windows')") is None
    tab.context.clear_cookies()


def test_windows_of_before_are_gone_when_the_name_changes_in_the_open_study(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    pane = tab.locator(PANE)
    of_the_file = f"{CENTRE} {WIDTH}"
    expect(pane).to_have_attribute("data-window", of_the_file)
    tab.keyboard.press("5")
    expect(pane).not_to_have_attribute("data-window", of_the_file)
    tab.get_by_placeholder("Your name").fill("Dr. Next")
    tab.keyboard.press("Enter")
    expect(pane).to_have_attribute("data-window", of_the_file)
    assert tab.evaluate("sessionStorage.getItem('neurotriage-windows')") is None


def test_a_study_is_shown_whatever_was_kept_of_its_windows(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    tab.evaluate("sessionStorage.setItem('neurotriage-windows', '{')")
    tab.reload()
    expect(tab.locator(PANE)).to_have_attribute("data-window", f"{CENTRE} {WIDTH}")
    found = tab.evaluate(
        """async (places) => {
          const { Windows } = await import("/viewer/modules/windows.js");
          return places.map((text) => {
            sessionStorage.setItem("neurotriage-windows", text);
            const windows = new Windows(() => "", "a");
            const found = [1, 2].map((series) => windows.get(series) ?? null);
            windows.set(1, [7, 8]);
            return [...found, new Windows(() => "", "a").get(1)];
          });
        }""",
        [
            "null",
            "[]",
            '"text"',
            '{"of": "", "studies": null}',
            '{"of": "", "studies": {"a": null, "b": 5}}',
            '{"of": "", "studies": {"a": {"1": [0], "2": [40, 80]}}}',
            '{"of": "", "studies": {"a": {"1": [40, "80"], "2": {"0": 40}}}}',
            '{"of": "", "studies": {"a": {"1": [40, 0], "2": null}}}',
        ],
    )
    nothing = [None, None, [7, 8]]
    assert found == [*[nothing] * 5, [None, [40, 80], [7, 8]], nothing, nothing]


def test_the_mark_of_a_key_image_leaves_the_letter_free(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    letter = """() => {
      const canvas = document.querySelector("#viewer .nt-overlay");
      const ratio = devicePixelRatio || 1;
      const [x, y, side] = [canvas.width / 2 - 15 * ratio, 6 * ratio, 20 * ratio];
      return [...canvas.getContext("2d").getImageData(x, y, 1.5 * side, side).data].join();
    }"""
    tab.wait_for_timeout(300)
    before = tab.evaluate(letter)
    tab.keyboard.press("k")
    expect(tab.get_by_role("button", name="Key image")).to_have_attribute("aria-pressed", "true")
    tab.wait_for_timeout(300)
    assert tab.evaluate(letter) == before
    tab.keyboard.press("k")


def test_the_button_of_key_images_says_how_the_slice_on_the_screen_is(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.prior, COUNT // 2)
    button, legend = tab.get_by_role("button", name="Key image"), tab.locator("#viewer .nt-legend")
    tab.keyboard.press("Home")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(legend).to_contain_text("Slice 1 is a key image now")
    tab.keyboard.press("ArrowDown")
    expect(button).to_have_attribute("aria-pressed", "false")
    tab.keyboard.press("b")
    tab.locator(PANE).click(position={"x": 200, "y": 200})
    expect(button).to_have_attribute("aria-pressed", "false")
    tab.keyboard.press("Home")
    expect(button).to_have_attribute("aria-pressed", "true")
    tab.keyboard.press("Control+z")  # the stroke on the other slice
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(legend).to_contain_text("Slice 1 is no key image any more. Ctrl+Z brings it back")
    tab.wait_for_timeout(1000)  # the marks are saved meanwhile
    expect(legend).to_contain_text("Slice 1 is no key image any more")
    tab.keyboard.press("Control+z")
    expect(button).to_have_attribute("aria-pressed", "true")
    tab.wait_for_timeout(1000)
    opened(tab, studies, studies.prior, COUNT // 2)
    tab.keyboard.press("Home")
    expect(button).to_have_attribute("aria-pressed", "true")
    tab.keyboard.press("w")  # the other pane holds another study: its slices are no key images of this one
    tab.locator(PANE).nth(1).click()
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(legend).to_contain_text("Key images are acquired slices of the study that is read")
    tab.locator(PANE).first.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    tab.wait_for_timeout(1000)


def test_two_panes_leave_the_slice_that_is_read(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    for at in (15, 4, 17):  # the prior study has half as many slices: it has none at some places
        tab.keyboard.press("q")
        tab.keyboard.press("Home")
        for _ in range(at):
            tab.keyboard.press("ArrowDown")
        here(tab, at)
        tab.keyboard.press("w")
        expect(tab.locator(f'{PANE}[data-loaded="{COUNT // 2}"][data-drawn]')).to_have_count(1)
        tab.wait_for_timeout(200)
        here(tab, at)


def brightness_of(value: float) -> list[int]:
    found: list[int] = shade(value).expected
    return found


def test_what_is_typed_is_not_pressed(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    before = brightness(tab, 0.4, 0.4)
    comment = tab.get_by_placeholder("Comment")
    comment.click()
    tab.keyboard.type("Zoom r l h v i c 1 2 3 = - + ? ")
    tab.keyboard.press("ArrowUp")
    here(tab, COUNT // 2)
    assert brightness(tab, 0.4, 0.4) == before
    expect(tab.locator("#viewer .nt-help")).to_be_hidden()
    for _ in range(6):  # arrow, typing, arrow, faster than the server answers
        tab.locator(PANE).click()
        tab.keyboard.press("ArrowUp")
        comment.click()
        tab.keyboard.type("x")
        tab.locator(PANE).click()
        tab.keyboard.press("ArrowUp")
        tab.keyboard.press("r")
        tab.keyboard.press("c")
        tab.keyboard.press("c")
    tab.wait_for_timeout(1000)
    expect(tab.locator("[data-testid=stException], [role=dialog][data-testid=stDialog]")).to_have_count(0)
    expect(comment).to_have_value("Zoom r l h v i c 1 2 3 = - + ? xxxxxx")
    tab.keyboard.press("?")
    expect(tab.locator("#viewer .nt-help")).to_contain_text("The AI's most suspicious slice")
    tab.keyboard.press("Escape")
    expect(tab.locator("#viewer .nt-help")).to_be_hidden()


def between(rows: np.ndarray, finer: int) -> np.ndarray:
    """Rows across the slices with those between them, on a line from one to the next."""
    places = np.clip((np.arange(len(rows) * finer) + 0.5) / finer - 0.5, 0, len(rows) - 1)
    lines = [np.interp(places, np.arange(len(rows)), column.astype(float)) for column in rows.T]
    return np.stack(lines, axis=1)


def test_the_planes_are_cut_as_the_server_would(studies: Studies, tab: Page, tmp_path: Path) -> None:
    opened(tab, studies, studies.volume, 28)
    path = tmp_path / "small.nii"
    nibabel.save(nibabel.Nifti1Image(VOLUME, np.diag([1.5, 2.0, 2.5, 1.0])), path)
    (series,) = decode(path)
    voxels = np.stack([one.pixels for one in series.slices])
    for plane in (Plane.CORONAL, Plane.SAGITTAL):
        cut = cuts(series)[plane]
        turned = voxels
        for axis, backwards in (cut.across, cut.down, cut.along):
            turned = np.flip(turned, axis) if backwards else turned
        turned = turned.transpose(cut.across[0], cut.down[0], cut.along[0])
        found = tab.evaluate(
            """async ([study, plane]) => {
              const { cutOf } = await import("/viewer/modules/volume.js");
              const head = await (await fetch(`/viewer/studies/${study}/study.json`)).json();
              const { slices, planes } = head.series[0];
              const all = await Promise.all(slices.map(async (_, at) =>
                new Uint16Array(await (await fetch(`${head.address}/slices/0/${at}`)).arrayBuffer())));
              const shape = [slices.length, slices[0].rows, slices[0].columns];
              return [3, 17].map((at) => [...cutOf(planes[plane], at, shape, (one) => all[one], 16)]);
            }""",
            [studies.volume, plane.value],
        )
        finer = {Plane.CORONAL: 3, Plane.SAGITTAL: 1}[plane]
        for at, pixels in zip((3, 17), found, strict=True):
            picture = np.reshape(pixels, (finer * cut.rows, cut.columns))
            np.testing.assert_array_equal(picture[finer // 2 :: finer], turned[at], "the acquired slices")
            np.testing.assert_allclose(picture, between(turned[at], finer), atol=0.51)
    tab.keyboard.press("t")
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(3)
    here(tab, 14)
    here(tab, 12, pane=1)
    here(tab, 10, pane=2)
    box = tab.locator(PANE).first.bounding_box()
    assert box is not None
    tab.mouse.click(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 - 60)
    expect(tab.locator(PANE).nth(1)).not_to_have_attribute("data-slice", "13")
    expect(tab.locator(PANE).nth(2)).not_to_have_attribute("data-slice", "11")
    here(tab, 14)


def lit(tab: Page, pane: int) -> list[float]:
    """Left, top, right and lower end of what is bright in a pane, in its CSS pixels."""
    tab.wait_for_timeout(150)
    found: list[float] = tab.evaluate(
        """(pane) => {
          const canvas = document.querySelectorAll("#viewer .nt-pane")[pane].querySelector("canvas");
          const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const ends = [width, height, 0, 0];
          for (let at = 0; at < width * height; at++) {
            if (data[4 * at] < 128) continue;
            const [x, y] = [at % width, Math.floor(at / width)];
            ends[0] = Math.min(ends[0], x); ends[1] = Math.min(ends[1], y);
            ends[2] = Math.max(ends[2], x + 1); ends[3] = Math.max(ends[3], y + 1);
          }
          return ends;
        }""",
        pane,
    )
    return found


def test_thick_slices_have_three_planes_true_to_the_millimetre(studies: Studies, tab: Page) -> None:
    """A bright box of 30 x 20 x 40 mm, left, in front and above, in slices of 1 x 1 x 5 mm."""
    opened(tab, studies, studies.thick, THICK)
    for _ in range(4):
        tab.keyboard.press("ArrowDown")
    tab.get_by_role("button", name="3 planes").click()
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(3)
    expect(tab.locator(".nt-legend")).not_to_contain_text("Interpolated")
    sizes = {"axial": (30, 20), "coronal": (30, 40), "sagittal": (20, 40)}
    box = tab.locator(PANE).first.bounding_box()
    assert box is not None
    # Into the bright box, so that the crosshair leads the other planes there.
    left, top, right, lower = lit(tab, 0)
    tab.mouse.click(box["x"] + (left + right) / 2, box["y"] + (top + lower) / 2)
    for pane, (plane, (width, height)) in enumerate(sizes.items()):
        left, top, right, lower = lit(tab, pane)
        scale = tab.evaluate(
            "(pane) => { const one = document.querySelectorAll('#viewer .nt-pane')[pane];"
            " return [one.clientWidth, one.clientHeight]; }",
            pane,
        )
        across, down = {"axial": (100, 80), "coronal": (100, 120), "sagittal": (80, 120)}[plane]
        millimetre = min((scale[0] - 2 * BORDER) / across, (scale[1] - 2 * BORDER) / down)
        assert right - left == pytest.approx(width * millimetre, abs=0.04 * scale[0]), plane
        assert lower - top == pytest.approx(height * millimetre, abs=0.04 * scale[1]), plane
        assert top < scale[1] / 2, f"{plane}: in front, or above"
        if plane != "sagittal":
            assert (left + right) / 2 > scale[0] / 2, f"{plane}: the left of the patient is at the right"
        else:
            assert (left + right) / 2 < scale[0] / 2, "the front is at the left"
    here(tab, THICK // 2 + 4)
    tab.locator(PANE).nth(1).click(position={"x": 5, "y": 5})
    expect(tab.locator(".nt-legend")).to_contain_text("Interpolated between slices 5.0 mm apart")


def test_outline_and_map_are_in_all_three_planes(studies: Studies, tab: Page) -> None:
    """What is seen of the lesion in the other planes lies where the crosshair is set into it."""
    opened(tab, studies, studies.phantom, 6)
    glowing = """(pane) => {
      const canvas = document.querySelectorAll("#viewer .nt-pane")[pane].querySelector("canvas");
      const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let [count, x, y] = [0, 0, 0];
      for (let at = 0; at < width * height; at++) {
        if (data[4 * at] - data[4 * at + 2] < 25) continue;
        count++; x += at % width; y += Math.floor(at / width);
      }
      return [count, x / count, y / count];
    }"""
    until(lambda: tab.evaluate(glowing, 0)[0] > 100, 30)
    tab.keyboard.press("t")
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(3)
    until(lambda: tab.evaluate(glowing, 0)[0] > 50, 30)
    _, x, y = tab.evaluate(glowing, 0)
    tab.locator(PANE).first.click(position={"x": x, "y": y})
    crossed = """(pane) => {
      const canvas = document.querySelectorAll("#viewer .nt-overlay")[pane];
      const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const yellow = (at) => data[4 * at + 3] > 100 && data[4 * at] > 200 && data[4 * at + 2] < 140;
      const [rows, columns] = [Array(height).fill(0), Array(width).fill(0)];
      for (let at = 0; at < width * height; at++) {
        if (yellow(at)) { rows[Math.floor(at / width)]++; columns[at % width]++; }
      }
      return [columns.indexOf(Math.max(...columns)), rows.indexOf(Math.max(...rows))];
    }"""
    for pane in (1, 2):
        until(lambda at=pane: tab.evaluate(f"({OUTLINED})({at}) > 20"), 60)
        until(lambda at=pane: tab.evaluate(glowing, at)[0] > 50, 30)
        box = tab.locator(PANE).nth(pane).bounding_box()
        assert box is not None
        (across, down), (_, x, y) = tab.evaluate(crossed, pane), tab.evaluate(glowing, pane)
        assert (x, y) == pytest.approx((across, down), abs=0.12 * min(box["width"], box["height"]))


def test_in_a_narrow_window_the_other_planes_stand_below_the_first(studies: Studies, tab: Page) -> None:
    """Beside it they would be tiny."""
    tab.set_viewport_size({"width": 1024, "height": 768})
    opened(tab, studies, studies.thick, THICK)
    tab.keyboard.press("t")
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(3)
    axial, coronal, sagittal = (one.bounding_box() for one in tab.locator(PANE).all())
    assert axial is not None
    assert coronal is not None
    assert sagittal is not None
    assert axial["y"] + axial["height"] <= coronal["y"] == sagittal["y"]
    assert abs(coronal["width"] - axial["width"] / 2) <= 2
    assert coronal["height"] > 200


def test_the_crosshair_begins_at_what_was_found(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.phantom, 6)
    until(lambda: tab.evaluate(OUTLINED, 0) > 20, 60)

    def places() -> list[int]:
        tab.keyboard.press("t")
        expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(3)
        found = [int(tab.locator(PANE).nth(pane).get_attribute("data-slice") or 0) for pane in range(3)]
        tab.keyboard.press("q")
        expect(tab.locator(PANE)).to_have_count(1)
        return found

    at_outline = places()
    middle = """(pane = 0) => {
      const canvas = document.querySelectorAll("#viewer .nt-overlay")[pane];
      const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const lit = [...Array(width * height).keys()].filter((at) => data[4 * at] === 64 && data[4 * at + 1] === 224);
      const [columns, rows] = [lit.map((at) => at % width), lit.map((at) => Math.floor(at / width))];
      return [columns, rows].map((all) => (Math.min(...all) + Math.max(...all)) / 2);
    }"""
    until(lambda: tab.evaluate(OUTLINED, 0) > 20, 60)
    x, y = tab.evaluate(middle, 0)
    tab.locator(PANE).click(position={"x": x, "y": y})
    at_click = places()
    assert at_click[0] == at_outline[0]
    assert at_click == pytest.approx(at_outline, abs=6)
    tab.locator(PANE).click(position={"x": x + 40, "y": y})
    aside = places()
    assert aside[:2] == at_click[:2]
    assert aside[2] != at_click[2]


def test_the_crosshair_goes_to_the_outline_once_it_is_here(studies: Studies, tab: Page) -> None:
    """Unless the reader has moved it meanwhile."""
    held: list[Route] = []
    tab.route("**/layers/**", lambda route: held.append(route))
    opened(tab, studies, studies.phantom, 6)

    def places() -> list[str | None]:
        return [tab.locator(PANE).nth(pane).get_attribute("data-slice") for pane in range(3)]

    tab.keyboard.press("t")
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(3)
    middle = places()
    tab.unroute("**/layers/**")
    until(lambda: tab.evaluate(OUTLINED, 0) > 20 and places()[1:] != middle[1:], 60)
    found = places()
    assert found[0] == middle[0]
    tab.keyboard.press("q")
    tab.keyboard.press("t")
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(3)
    assert places() == found
    tab.route("**/layers/**", lambda route: held.append(route))
    opened(tab, studies, studies.phantom, 6)
    tab.keyboard.press("t")
    tab.locator(PANE).first.click(position={"x": 150, "y": 250})
    tab.wait_for_timeout(200)
    moved = places()
    tab.unroute("**/layers/**")
    until(lambda: tab.evaluate(OUTLINED, 0) > 20, 60)
    assert places() == moved


def test_the_picture_stays_still_when_something_comes(studies: Studies, tab: Page) -> None:
    """A message below it, or the strip of what was set aside beside it."""
    tab.goto(f"{studies.address}/review?study={studies.phantom}")
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(1)
    place = tab.locator(PANE).bounding_box()
    opened(tab, studies, studies.phantom, 6)
    expect(tab.get_by_text("Series set aside: 1")).to_be_visible()
    expect(tab.locator(".nt-thumbs button")).to_have_count(2)
    assert tab.locator(PANE).bounding_box() == place
    tab.keyboard.press("k")
    expect(tab.get_by_text("is a key image now")).to_be_visible()
    assert tab.locator(PANE).bounding_box() == place
    tab.keyboard.press("k")


def test_the_numbers_of_any_window_are_seen_whole(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    for width in (1366, 1024, 1920):
        tab.set_viewport_size({"width": width, "height": 768})
        tab.wait_for_timeout(300)
        room = tab.evaluate("""() => {
          const box = document.querySelector("#viewer .nt-window");
          const context = new OffscreenCanvas(1, 1).getContext("2d");
          context.font = getComputedStyle(box).font;
          return box.clientWidth - context.measureText("W 32767 L 16384").width;
        }""")
        assert room >= 22, "as wide as the arrow of the box"


def test_why_there_are_no_three_planes(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.gap, COUNT - 1)
    button = tab.get_by_role("button", name="3 planes")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "No three planes. The gaps between the slices are unequal.")
    tab.keyboard.press("t")
    expect(tab.locator(".nt-legend")).to_contain_text("The gaps between the slices are unequal")
    tab.keyboard.press("?")
    expect(tab.locator("#viewer .nt-help")).to_contain_text("Three planes")


def test_marks_of_another_reader_are_shown_and_hidden(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.gap, COUNT - 1)
    tab.keyboard.press("Home")
    button, own = tab.get_by_role("button", name="Others' marks"), tab.get_by_role("button", name="Key image")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(own).to_have_attribute("aria-pressed", "false")
    theirs = OUTLINED.replace("64", "125").replace("224", "227").replace("255", "160")
    until(lambda: tab.evaluate(theirs, 0) > 20, 30)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    until(lambda: tab.evaluate(theirs, 0) == 0, 30)


def test_the_prior_study_scrolls_along(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    tab.keyboard.press("w")
    expect(tab.locator(f'{PANE}[data-loaded="{COUNT // 2}"][data-drawn]')).to_have_count(1)
    tab.keyboard.press("Home")
    here(tab, 0)
    here(tab, 0, pane=1)
    tab.keyboard.press("End")
    here(tab, COUNT - 1)
    here(tab, COUNT // 2 - 1, pane=1)
    assert brightness(tab, 0.5, 0.55, pane=1) == shade(100 * (COUNT // 2 - 1))


def test_what_was_set_aside_is_in_the_strip_of_series(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.phantom, 6)
    series = tab.locator("#viewer .nt-thumbs button")
    expect(series).to_have_count(2)
    aside = tab.locator("#viewer .nt-thumbs .nt-aside")
    expect(aside).to_contain_text("not scored")
    expect(aside).to_have_attribute("title", "localizer: 1 slice\nNot scored: Localiser")
    aside.click()
    expect(aside).to_have_attribute("aria-pressed", "true")
    expect(tab.locator(f'{PANE}[data-loaded="1"][data-drawn]')).to_have_count(1)
    assert brightness(tab, 0.5, 0.4) != [0, 0, 0]
    tab.get_by_role("button", name="Length").click()
    pane = tab.locator(PANE).bounding_box()
    assert pane is not None
    tab.mouse.click(pane["x"] + 100, pane["y"] + 200)
    expect(tab.locator(".nt-legend")).to_contain_text("acquired slices")
    tab.keyboard.press("Escape")
    series.first.click()
    tab.keyboard.press("w")
    expect(tab.locator(PANE)).to_have_count(2)
    chosen = tab.get_by_label("Series in this pane")
    expect(chosen.locator("option")).to_have_count(2)
    tab.locator(PANE).nth(1).click()
    expect(chosen).to_have_value("1")


def test_slices_that_arrive_and_the_result_of_the_ai_come_into_the_open_study(studies: Studies, tab: Page) -> None:
    """The reader stays at the slice, with its zoom and window, and what was marked stays."""
    opened(tab, studies, studies.growing, 6)
    for key in ("g", "o", "End", "ArrowUp", "+", "3", "k"):
        tab.keyboard.press(key)
    here(tab, 4)
    pane, star = tab.locator(PANE), tab.get_by_role("button", name="Key image")
    expect(star).to_have_attribute("aria-pressed", "true")
    window, before = pane.get_attribute("data-window"), brightness(tab, 0.5, 0.6)
    late = {"SeriesInstanceUID": generate_uid(), "SeriesNumber": 1, "SeriesDescription": "late"}
    made = dict(phantom_study(Finding.PITUITARY, 6, seed=1))
    del made["IM000006"]  # the localiser
    files = {name: redrawn(file, **late, SOPInstanceUID=generate_uid()) for name, file in made.items()}
    installation = Installation(Settings(home=studies.home, worker="separate"))
    result = installation.store.study(studies.growing).result
    assert result is not None
    installation.receive([Incoming(name, data=file) for name, file in files.items()], actor="late")
    legend, series = tab.locator("#viewer .nt-message"), tab.locator("#viewer .nt-thumbs button")
    expect(legend).to_contain_text("Slices arrived: the study was loaded anew.")
    contents = installation.store.study(studies.growing).contents
    installation.store.results.file(studies.growing, replace(result, contents=contents))
    installation.close()
    expect(legend).to_contain_text("The AI result has come.")
    expect(series.filter(has_text="late")).to_have_count(1)
    expect(series.filter(has_text="t1_mprage_tra_ce")).to_have_attribute("aria-pressed", "true")
    expect(tab.get_by_role("button", name="Heat map")).to_be_visible()
    here(tab, 4)
    expect(pane).to_have_attribute("data-drawn", "5")
    expect(pane).to_have_attribute("data-window", str(window))
    expect(star).to_have_attribute("aria-pressed", "true")
    assert brightness(tab, 0.5, 0.6) == pytest.approx(before, abs=2)


def test_a_study_of_one_series_says_that_there_is_nothing_to_compare_with(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.thick, THICK)
    tab.keyboard.press("w")
    expect(tab.locator(".nt-legend")).to_contain_text("Nothing to compare with")
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(2)


def test_outline_and_map_are_laid_over_the_slice(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.tumour, 1)
    until(lambda: tab.evaluate(f"({OUTLINED})() > 20"))
    colours = "() => { const c = document.querySelector('#viewer canvas'); const { data } = c.getContext('2d')"
    colours += ".getImageData(0, 0, c.width, c.height); let n = 0;"
    colours += " for (let at = 0; at < data.length; at += 4) n += data[at] !== data[at + 2]; return n; }"
    assert tab.evaluate(colours) > 100
    tab.keyboard.press("o")
    until(lambda: tab.evaluate(f"({OUTLINED})() === 0"))
    tab.keyboard.press("g")
    until(lambda: tab.evaluate(f"({colours})() === 0"))


def test_a_correction_begins_with_the_outline_of_the_ai(studies: Studies, tab: Page) -> None:
    tab.context.add_cookies([{"name": "triage_reader", "value": "Dr.%20A", "url": studies.address}])
    opened(tab, studies, studies.tumour, 1)
    until(lambda: tab.evaluate(f"({OUTLINED})() > 20"))

    def drawn() -> dict[str, Any]:
        kept = tab.evaluate(f"async () => (await fetch('/viewer/studies/{studies.tumour}/marks')).json()")
        return dict(kept["content"]["masks"])

    tab.locator("#viewer").focus()
    tab.keyboard.press("Shift+B")
    expect(tab.locator(".nt-legend")).to_contain_text("Begun with the AI's outline")
    until(lambda: len(drawn()) == 1)  # what is drawn is sent soon after
    (mask,) = drawn().values()
    assert len(mask["origin"]) == 16
    assert 50 < sum(mask["runs"][1::2]) < mask["rows"] * mask["columns"] / 4
    tab.keyboard.press("Control+z")
    until(lambda: drawn() == {})
    tab.locator("#viewer summary:visible").last.click()
    tab.get_by_role("button", name="AI's, all slices").click()
    expect(tab.get_by_role("button", name="Undo", exact=True)).to_be_enabled()
    until(lambda: list(drawn().values()) == [mask])
    unfolded = tab.locator("#viewer details[open]")
    expect(unfolded).to_have_count(1)
    tab.keyboard.press("Escape")
    expect(unfolded).to_have_count(0)
    tab.keyboard.press("e")
    expect(tab.locator("#viewer")).to_have_attribute("data-tool", "ellipse")


def test_a_report_leaves_the_picture_in_sight_and_in_hand(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.phantom, 6)
    tab.get_by_role("button", name="Report", exact=True).click()
    report = tab.get_by_test_id("stImage").locator("img")
    expect(report).to_be_visible()
    expect(tab.locator(".reading")).to_have_count(0)
    tab.keyboard.press("Home")
    here(tab, 0)
    tab.locator(PANE).hover()
    tab.mouse.wheel(0, 100)
    here(tab, 1)
    report.hover(position={"x": 200, "y": 20})
    whole = tab.locator(".st-key-report").get_by_test_id("stElementToolbar").get_by_role("button").bounding_box()
    fhir = tab.get_by_role("button", name="FHIR").bounding_box()
    assert whole is not None
    assert fhir is not None
    assert whole["y"] >= fhir["y"] + fhir["height"], "over the page, not over a button"
    beside, pane = report.bounding_box(), tab.locator(PANE).bounding_box()
    assert beside is not None
    assert pane is not None
    assert pane["x"] + pane["width"] <= beside["x"]
    expect(tab.locator(PANE)).to_be_in_viewport(ratio=0.99)
    tab.get_by_role("button", name="Back to the reading").click()
    expect(tab.locator(".reading textarea")).to_be_visible()
    here(tab, 1)


def test_letters_follow_turns_and_flips(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    found = tab.evaluate(
        """async () => {
          const { turned } = await import("/viewer/modules/corners.js");
          const view = (turn, flipAcross, flipDown) =>
            turned(["R", "L", "A", "P"], { turn, flipAcross, flipDown }).join("");
          return [view(0), view(1), view(2), view(3), view(0, true), view(0, false, true), view(1, true)];
        }"""
    )
    assert found == ["RLAP", "PARL", "LRPA", "APLR", "LRAP", "RLPA", "APRL"]


@pytest.mark.parametrize(("key", "panes"), [("t", 3), ("w", 2)])
def test_letters_stand_beside_small_pictures(studies: Studies, tab: Page, key: str, panes: int) -> None:
    """In a border of their own: there a letter would hide a good part of the skull."""
    opened(tab, studies, studies.thick, THICK)
    lightest = """(pane) => [...document.querySelectorAll(".nt-pane")[pane].querySelectorAll("canvas")].map((one) => {
      const { data } = one.getContext("2d").getImageData(0, one.height / 2 - 8, BORDER, 16);
      return Math.max(...data.filter((_, at) => at % 4 === 0));
    })""".replace("BORDER", str(BORDER))
    tab.keyboard.press("5")  # the background of the picture is gray
    tab.keyboard.press("i")
    assert tab.evaluate(lightest, 0)[0] > 200, "one picture has the whole pane"
    tab.keyboard.press(key)
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(panes)
    tab.wait_for_timeout(150)
    for pane in range(panes):
        picture, letter = tab.evaluate(lightest, pane)
        assert picture == 0
        assert letter > 200


def test_sentences_on_a_white_picture_stand_on_dark(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    red = tab.evaluate(
        """async () => {
          const { corners } = await import("/viewer/modules/corners.js");
          const [width, height] = [500, 400];
          const context = new OffscreenCanvas(width, height).getContext("2d");
          context.fillStyle = "white";
          context.fillRect(0, 0, width, height);
          const viewport = { size: [width, height], view: { zoom: 1, turn: 0 }, image: {} };
          const source = { loader: { loaded: () => 1 } };
          const slice = { unit: "", height: null, edges: null };
          corners(context, { viewport, head: { label: "", slices: [1] }, slice, cut: null, window: [1, 1], at: 0,
            count: 1, source }, ["Heat map: what speaks for Glioma"]);
          const lowest = height - 8 - 3 * 16;
          return [4, 30, 100].map((x) => context.getImageData(x + 1, lowest - 3, 1, 1).data[0]).concat(
            context.getImageData(400, lowest, 1, 1).data[0]);
        }"""
    )
    assert max(red[:3]) < 100, "dark behind the words"
    assert red[3] == 255, "and nowhere else"


def test_what_is_seen_first_is_here_before_a_study_is_opened(studies: Studies, tab: Page) -> None:
    asked: list[str] = []
    tab.goto(studies.address)
    row = tab.locator(f'tbody[data-id="{studies.tumour}"]')
    expect(row).to_be_visible()
    fetched = (
        "() => performance.getEntriesByType('resource').filter((one) => one.name.includes('/viewer/modules/')).length"
    )
    until(lambda: tab.evaluate(f"({fetched})() >= {len(addresses('main.js'))}"))
    tab.on("request", lambda request: asked.append(request.url))
    with tab.expect_response(lambda answer: "/slices/" in answer.url) as first:
        row.hover()
    assert studies.tumour in first.value.url
    row.click()
    expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(1)
    assert not [url for url in asked if "/viewer/modules/" in url and url.endswith(".js")]
    again = [url for url in asked if url == first.value.url]
    kept = tab.evaluate("(url) => performance.getEntriesByName(url).map((one) => one.transferSize)", first.value.url)
    assert len(again) == len(kept) == 2
    assert kept[1] == 0, "from the browser's cache"


def test_what_unfolds_stays_within_the_viewer(studies: Studies, tab: Page) -> None:
    """What stands beside the viewer is drawn over it."""
    tab.set_viewport_size({"width": 1920, "height": 1080})
    opened(tab, studies, studies.tumour, 1)
    tab.locator("#viewer summary:visible").last.click()
    choices = tab.locator("#viewer details[open] div")
    expect(choices).to_be_visible()
    beyond = (
        "(list) => list.getBoundingClientRect().right - document.getElementById('viewer').getBoundingClientRect().right"
    )
    until(lambda: choices.evaluate(beyond) <= 0.5, 10)


@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_the_bar_stays_on_one_row(studies: Studies, browser: Browser, language: str) -> None:
    """With one pane and with two; what has no room unfolds from its end, and nothing is lost."""
    tab = browser.new_context(viewport={"width": 1920, "height": 1080}, locale=language).new_page()
    tab.goto(f"{studies.address}/review?study={studies.phantom}")
    expect(tab.locator(".nt-key")).to_be_enabled()
    bar = tab.locator("#viewer .nt-bar")
    beyond = """(bar) => Math.max(...[...bar.querySelectorAll("*")].filter((one) => one.checkVisibility())
      .map((one) => one.getBoundingClientRect().right)) - bar.getBoundingClientRect().right"""
    controls = bar.locator("button, select, input")
    for key in ("q", "w"):
        tab.keyboard.press(key)
        expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count({"q": 1, "w": 2}[key])
        count = controls.count()
        for width, height in ((1920, 1080), (1366, 768), (1024, 768)):
            tab.set_viewport_size({"width": width, "height": height})
            tab.wait_for_timeout(300)
            assert bar.evaluate("(bar) => bar.offsetHeight") <= 30
            assert bar.evaluate(beyond) <= 0
            assert controls.count() == count
            if width > 1024:
                expect(bar.locator(":scope > span > .nt-tool").first).to_be_visible()  # a length can be measured
            overlays = bar.locator(':scope > span > button:is([title$="(o)"], [title$="(g)"])')
            expect(overlays.filter(visible=True)).to_have_count(2)  # the most used of all
        more = bar.locator(".nt-more")
        for is_open in (True, False):  # the bar may be drawn anew between a press and its release
            while (more.get_attribute("open") is not None) is not is_open:
                more.locator("> summary").click()
                tab.wait_for_timeout(300)
            if is_open:
                expect(controls.filter(visible=True)).to_have_count(count)
    tab.context.close()


def test_the_bar_names_the_tool_that_is_chosen(studies: Studies, tab: Page) -> None:
    """Also where its button is folded away; Esc or another tool ends it."""
    bar, viewer = tab.locator("#viewer .nt-bar"), tab.locator("#viewer")
    beyond = "(bar) => bar.lastElementChild.lastElementChild.getBoundingClientRect().right - innerWidth"
    for width in (1366, 1024):
        tab.set_viewport_size({"width": width, "height": 768})
        opened(tab, studies, studies.phantom, 6)
        more = bar.locator(".nt-more > summary")
        for key, name in (("b", "Brush"), ("x", "Eraser"), ("d", "Lasso"), ("f", "Fill"), ("z", "Zoom")):
            tab.keyboard.press(key)
            said = bar.locator("summary, button").filter(visible=True).filter(has_text=name)
            expect(said).to_have_count(1)
            expect(said.locator("svg")).to_have_count(1)
            expect(viewer).to_have_attribute("data-tool", name.lower())
            assert bar.evaluate(beyond) <= 0
        if width == 1024:
            expect(more).to_have_attribute("title", "Zoom is chosen. Esc ends it.")
        tab.keyboard.press("Escape")
        expect(viewer).to_have_attribute("data-tool", "")
        expect(more).to_have_text("More")
        more.click()
        bar.get_by_role("button", name="Brush").click()
        expect(more).to_have_text("Brush")
        expect(bar.get_by_role("button", name="Brush")).to_be_hidden()
        tab.keyboard.press("m")
        expect(more).to_have_text("More")
        expect(bar.get_by_role("button", name="Length")).to_have_attribute("aria-pressed", "true")
        tab.keyboard.press("Escape")
        expect(bar.get_by_role("button", name="Length")).to_have_attribute("aria-pressed", "false")


def test_all_keys_that_do_something_are_told_at_once(studies: Studies, tab: Page) -> None:
    panel = tab.locator("#viewer .nt-help")
    for study, slices in ((studies.stack, COUNT), (studies.gap, COUNT - 1)):
        opened(tab, studies, study, slices)
        tab.keyboard.press("?")
        expect(panel).to_be_visible()
        assert panel.evaluate("(one) => one.scrollHeight <= one.clientHeight"), "none is below the edge"
        expect(panel.get_by_text("Three planes", exact=True)).to_have_count(1)


def test_escape_and_a_press_elsewhere_close_what_is_open(studies: Studies, tab: Page) -> None:
    """And the keys are those of the picture again; who pressed into a field types there."""
    tab.set_viewport_size({"width": 1024, "height": 768})
    opened(tab, studies, studies.stack, COUNT)
    viewer, sheet = tab.locator("#viewer"), tab.locator("#viewer .nt-help")
    more = viewer.locator(".nt-more")
    for is_sheet in (True, False):
        opener = viewer.get_by_role("button", name="?") if is_sheet else more.locator("> summary")
        shown = sheet if is_sheet else more.locator("> div")
        for close in ("Escape", "title") if is_sheet else ("Escape", "title", "field"):  # a field lies below the sheet
            opener.click()
            expect(shown).to_be_visible()
            if is_sheet:
                assert sheet.evaluate("(one) => one.scrollHeight <= one.clientHeight"), "all of it is seen"
            if close == "Escape":
                tab.keyboard.press("Escape")
            elif close == "title":
                tab.get_by_role("heading", level=3).first.click(force=True)
            else:
                tab.locator(".reading textarea").click(force=True)
            expect(shown).to_be_hidden()
            expect(tab.locator(".reading textarea") if close == "field" else viewer).to_be_focused()
        opener.click()
        expect(shown).to_be_visible()
        opener.click()
        expect(shown).to_be_hidden()


def test_the_picture_stays_where_it_is_beside_a_longer_page(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    top = "() => document.getElementById('viewer').getBoundingClientRect().top"
    unused = "() => innerHeight - document.getElementById('viewer').getBoundingClientRect().bottom"
    longer = "(beside) => (beside.appendChild(document.createElement('div')).style.height = '100vh')"
    scroll = "() => document.querySelector('[data-testid=stMain]').scrollTo(0, 200)"
    heights = []
    for is_collapsed in (False, True):
        if is_collapsed:
            tab.get_by_test_id("stSidebarHeader").hover()
            tab.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
            expect(tab.get_by_test_id("stExpandSidebarButton")).to_be_visible()
            tab.wait_for_timeout(1000)  # it glides
        before = tab.evaluate(top)
        assert 0 <= tab.evaluate(unused) < 24, "it takes what the window has"
        heights.append(tab.evaluate("() => document.getElementById('viewer').offsetHeight"))
        column = tab.get_by_test_id("stColumn").filter(has=tab.locator("#viewer"))
        column.locator("xpath=following-sibling::*[1]").evaluate(longer)
        tab.evaluate(scroll)
        assert tab.evaluate(top) == pytest.approx(before, abs=0.5)
        tab.reload()
        expect(tab.locator(f"{PANE}[data-drawn]")).to_have_count(1)
    assert heights[0] == heights[1], "a sidebar that is folded away costs the picture nothing"


def test_the_picture_alone_on_the_whole_screen(studies: Studies, tab: Page) -> None:
    """The form is out of sight there: its keys bring it back, and do nothing else."""
    opened(tab, studies, studies.stack, COUNT)
    alone = "() => document.fullscreenElement?.id ?? ''"
    for leave in (".", "Enter", "u", "n", "Alt+2"):
        tab.get_by_role("button", name="Whole screen").click() if leave == "." else tab.keyboard.press(".")
        until(lambda: tab.evaluate(alone) == "viewer")
        until(lambda: tab.locator(PANE).bounding_box()["width"] > 1200)  # type: ignore[index]
        research = "() => getComputedStyle(document.querySelector('.nt-banner'), '::after').content"
        assert "Research use only" in tab.evaluate(research)
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press(leave)
        until(lambda: not tab.evaluate(alone))
        expect(tab.locator('.reading button[data-asks="ready"]')).to_have_count(0)
        expect(tab.get_by_role("radio", name="Meningioma")).not_to_be_checked()
        expect(tab.locator(".reading")).to_have_attribute("data-study", studies.stack)


def test_the_size_of_the_brush_is_told(studies: Studies, tab: Page) -> None:
    opened(tab, studies, studies.stack, COUNT)
    tab.keyboard.press("b")
    tab.keyboard.press("]")
    expect(tab.locator(".nt-message")).to_have_text("Brush: 10.0 mm")
    tab.keyboard.press("[")
    expect(tab.locator(".nt-message")).to_have_text("Brush: 8.0 mm")
