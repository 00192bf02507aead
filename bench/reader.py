"""A radiologist in a real browser, who does what is measured; one class for this version, one for the earlier one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page

#: Most milliseconds that anything may take.
PATIENCE = 120_000
#: Between two looks at the page: milliseconds.
POLL = 10
#: Between two keys, as a key that is held down repeats itself: milliseconds.
REPEAT = 40
#: Press a key for each slice of the series; milliseconds until each is drawn.
KEYS = """async ([pane, count, repeat]) => {
  const host = document.querySelector(pane), viewer = document.querySelector("#viewer"), times = [];
  const press = (key) => viewer.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const pause = (time) => new Promise((done) => setTimeout(done, time));
  press("Home");
  await pause(500);
  for (let at = 1; at < count; at++) {
    const start = performance.now();
    const drawn = new Promise((done) => host.addEventListener("drawn", done, { once: true }));
    press("ArrowDown");
    await drawn;
    times.push(performance.now() - start);
    await pause(Math.max(repeat - times.at(-1), 0));
  }
  press("Home");
  window.shown = [];
  host.addEventListener("drawn", (event) => window.shown.push(event.detail));
  return times;
}"""
#: The same where the server draws: until the picture is another one.
KEYS_EARLIER = """async ([picture, count]) => {
  const href = () => document.querySelector(picture).getAttribute("href"), times = [];
  for (let at = 0; at < count; at++) {
    const before = href(), start = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: at % 2 ? "ArrowUp" : "ArrowDown", bubbles: true }));
    while (href() === before) await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  return times;
}"""
#: Make a heat map of a slice; milliseconds.
MAP = """async ([study, method, at]) => {
  const head = await (await fetch(`/viewer/studies/${study}/study.json`)).json();
  const start = performance.now();
  const answer = await fetch(`${head.layers}/${head.first[0]}/${at}?method=${method}`);
  if (!answer.ok) throw new Error(await answer.text());
  await answer.json();
  return performance.now() - start;
}"""


class Reader:
    """A reader of this version; every action returns the seconds that it took."""

    pane = "#viewer .nt-pane"
    picture = f"{pane}[data-drawn]"
    study = "#viewer .nt-banner"

    def __init__(self, context: BrowserContext, address: str) -> None:
        name = {"name": "triage_reader", "value": "Dr.%20Bench", "url": address}
        context.add_cookies([name])  # type: ignore[list-item]
        self.address = address
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)

    def address_to_picture(self, study: str) -> float:
        """Open a study by its address."""
        return _seconds(lambda: (self.page.goto(f"{self.address}/review?study={study}"), self._seen())[-1])

    def worklist(self) -> None:
        """Go back to the worklist."""
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Worklist").click()
        # The search is the one of before: what it finds may be gone. Until the answer is here, nothing may be typed.
        self.page.locator("tbody[data-id], .worklist .nothing").first.wait_for()

    def filter(self, accession: str) -> float:
        """Find a study by its accession number; until it alone is on the list."""
        box = self.page.locator(".worklist input[type=search]")
        box.fill("")
        self._rows("> 1")
        return _seconds(lambda: (box.fill(accession), self._rows("=== 1"))[-1])

    def row_to_picture(self, accession: str) -> float:
        """Open the study that is on the list alone."""
        row = self.page.locator("tbody[data-id]").first
        row.hover()
        self.page.wait_for_timeout(200)  # as long as a hand takes to press after it has arrived
        return _seconds(lambda: (row.click(), self._seen(accession))[-1])

    def sign(self) -> float:
        """Sign what the AI says, with the second click that the form asks for."""
        self.page.locator(".reading input[type=radio]").first.check()
        reason = self.page.get_by_label("Why the AI result is overridden")
        if reason.is_visible():
            reason.select_option(index=1)
        self.page.locator(".reading").get_by_role("button", name=re.compile("^(Confirm|Sign)")).click()
        again = self.page.locator('.reading button[data-asks="ready"]')  # once the question could be read
        again.wait_for()
        # The signature of the study before can still be taken back too.
        banner = self.page.locator(self.study).inner_text()
        held = self.page.locator(".reading").get_by_text(f"{banner.partition(' · ')[0]}. Final in")
        return _seconds(lambda: (again.click(), held.wait_for())[-1])

    def next_to_picture(self) -> float:
        """Go on to the next study; until its first picture."""
        here = self.page.locator(self.study).inner_text()
        self.page.locator("#viewer").focus()
        return _seconds(lambda: (self.page.keyboard.press("n"), self._seen(other_than=here))[-1])

    def keys(self, count: int) -> list[float]:
        """Go through the slices of the study on the screen with a key; milliseconds each."""
        self.page.wait_for_selector(f'{self.pane}[data-loaded="{count}"]')
        self.page.wait_for_timeout(15_000)  # the layers come after the slices
        found: list[float] = self.page.evaluate(KEYS, [self.pane, count, REPEAT])
        return found

    def reports(self) -> float:
        """Make the DICOM reports of the study on the screen; until they can be downloaded."""
        button = self.page.get_by_role("button", name="DICOM reports")
        ready = self.page.get_by_test_id("stDownloadButton").first
        seconds = _seconds(lambda: (button.click(), ready.wait_for())[-1])
        self._close_reports()
        ready.wait_for(state="detached")
        return seconds

    def _close_reports(self) -> None:
        self.page.get_by_role("button", name="Back to the reading").click()

    def _seen(self, accession: str = "", other_than: str = "") -> None:
        self.page.wait_for_function(
            """([picture, study, accession, other]) => {
              const said = document.querySelector(study)?.textContent ?? "";
              return said && said !== other && said.includes(accession) && document.querySelector(picture);
            }""",
            arg=[self.picture, self.study, accession, other_than],
            polling=POLL,
        )

    def _rows(self, wanted: str) -> None:
        root = self.page.locator(".worklist").element_handle()  # it has a DOM of its own
        counted = f"(root) => root.querySelectorAll('tbody[data-id]').length {wanted}"
        self.page.wait_for_function(counted, arg=root, polling=POLL)


class EarlierReader(Reader):
    """A reader of the version in which the server drew every picture."""

    picture = ".st-key-picture .main-svg image"
    study = "h3"

    def _close_reports(self) -> None:
        self.page.keyboard.press("Escape")  # they stood in a dialog

    def worklist(self) -> None:
        """Go back to the worklist."""
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Worklist").click()
        self.page.get_by_text("Click a row to open it").wait_for()
        self.page.wait_for_timeout(1000)

    def filter(self, accession: str) -> float:
        """Find a study by its accession number, with Enter; until it alone is on the list."""
        box = self.page.get_by_role("searchbox", name="Study").or_(self.page.get_by_role("textbox", name="Study")).first
        if box.input_value():
            box.fill("")
            box.press("Enter")
            self.page.get_by_text("1 study.").wait_for(state="detached")
        box.fill(accession)
        return _seconds(lambda: (box.press("Enter"), self.page.get_by_text("1 study.").wait_for())[-1])

    def row_to_picture(self, accession: str) -> float:
        """Open the study that is on the list alone."""
        self.page.wait_for_timeout(1000)
        table = self.page.get_by_test_id("stDataFrame").bounding_box()
        assert table is not None
        at = table["x"] + 420, table["y"] + 54
        return _seconds(lambda: (self.page.mouse.click(*at), self._seen(accession))[-1])

    def sign(self) -> float:
        """Sign what the AI says."""
        button = self.page.get_by_role("button", name="Confirm and sign")
        return _seconds(lambda: (button.click(), self.page.get_by_text("Amend the reading").wait_for())[-1])

    def next_to_picture(self) -> float:
        """Go on to the next study; until its first picture."""
        here, button = (
            self.page.locator(self.study).first.inner_text(),
            self.page.get_by_role("button", name="Next study"),
        )
        return _seconds(lambda: (button.click(), self._seen(other_than=here))[-1])

    def keys(self, count: int) -> list[float]:
        """Go to a neighbouring slice of the study on the screen and back, with a key; milliseconds each."""
        found: list[float] = self.page.evaluate(KEYS_EARLIER, [self.picture, min(count, 30)])
        return found

    def _seen(self, accession: str = "", other_than: str = "") -> None:
        """Wait for the picture, which is the last to come: what the study is called comes with it."""
        self.page.wait_for_function(
            """([picture, study, accession, other]) => {
              const image = document.querySelector(picture), head = document.querySelector(study);
              const said = head?.textContent ?? "";
              const stale = document.querySelector("[data-stale=true]");
              return image && said && said !== other && document.body.innerText.includes(accession) && !stale;
            }""",
            arg=[self.picture, self.study, accession, other_than],
            polling=POLL,
        )


def heat_map(page: Page, study: str, method: str, at: int) -> float:
    """Make a heat map of a slice by a method; seconds. Before the viewer it was drawn with all of the page."""
    return float(page.evaluate(MAP, [study, method, at])) / 1000


def _seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
