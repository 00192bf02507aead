"""The worklist and the news in a real browser: typing, sorting, columns, opening, and what a new study changes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from helpers import by_another_clock, until
from playwright.sync_api import Browser, Page, Route, expect
from record_samples import instance, reading, result
from servers import served, start

from triage.domain import Finding, ReadingState, StudyHeader
from triage.reading import Entries
from triage.records.store import Store
from triage.records.views import Arrival
from triage.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]
#: Milliseconds from a press of Enter to the frame in which a row says that it is being opened.
TAKEN = """() => document.addEventListener("keydown", (event) => {
  const parts = [...document.querySelectorAll("*")].map((one) => one.shadowRoot?.querySelector(".worklist") ?? one);
  const rows = parts.find((one) => one.matches(".worklist"));
  const look = () => {
    const said = rows.querySelector(".taken")?.textContent.includes("Opening …");
    if (said) window.taken = performance.now() - event.timeStamp;
    else if (rows.isConnected) requestAnimationFrame(look);
  };
  look();
}, { once: true, capture: true })"""
REVIEW = re.compile(r"/review\?study=([0-9a-f]{32})")


@dataclass
class Server:
    """A running app, and its record, which the test changes behind its back."""

    address: str
    process: ForkServerProcess
    store: Store
    number: int = 0

    def add(self, name: str = "ROE^RICHARD", glioma: float | None = 0.1) -> str:
        """Add a study; STAT if it has a probability."""
        self.number += 1
        header = StudyHeader(f"1.{self.number}", name, f"M{self.number:03}", f"ACC{self.number:03}")
        files = [Arrival(instance(self.number), header)]
        study = self.store.arrivals.add(f"Head {self.number}", files, actor="door").study_id
        if glioma is not None:
            self.store.results.file(study, result(glioma, numbers=(self.number,)))
        return study


@pytest.fixture
def server(tmp_path: Path, furnished: Callable[[Path], Path]) -> Iterator[Server]:
    home = furnished(tmp_path / "home")
    with served(home, TRIAGE_WORKER="separate") as (address, process):
        store = Store(Settings(home=home).url)
        yield Server(address, process, store)
        store.engine.dispose()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def opened(tab: Page, server: Server, count: int) -> None:
    tab.goto(server.address)
    expect(tab.locator("tbody")).to_have_count(count)


def patients(tab: Page) -> list[str]:
    return tab.locator("tbody a").all_inner_texts()


def test_all_filters_are_written_alike(server: Server, tab: Page) -> None:
    server.add()
    opened(tab, server, 1)
    fonts = (
        "(all) => all.map((one) => ['fontSize', 'fontFamily', 'fontWeight'].map((name) => getComputedStyle(one)[name]))"
    )
    assert len(set(map(tuple, tab.locator(".filters button").evaluate_all(fonts)))) == 1
    expect(tab.get_by_role("link", name="CSV")).to_be_visible()


def test_a_reader_finds_sorts_and_opens(server: Server, tab: Page) -> None:
    for name, glioma in (("MÜLLER^JÖRG", 0.9), ("ROE^ANN", 0.3), ("DOE^JANE", None)):
        server.add(name, glioma)
    opened(tab, server, 3)
    assert patients(tab)[:2] == ["MÜLLER, JÖRG", "ROE, ANN"], "the reading order"

    # As one types, without Enter, in the middle of words; the counts follow.
    tab.get_by_role("searchbox", name="Find").press_sequentially("ull", delay=40)
    expect(tab.locator("tbody")).to_have_count(1)
    assert patients(tab) == ["MÜLLER, JÖRG"]
    expect(tab.get_by_role("button", name="All 1", exact=True)).to_be_visible()
    # A search that is there again after a reload says that it hides the others, and one press shows them.
    tab.reload()
    expect(tab.get_by_text("1 study found")).to_be_visible()
    tab.get_by_role("button", name="Show all").click()
    expect(tab.get_by_role("searchbox", name="Find")).to_have_value("")
    expect(tab.locator("tbody")).to_have_count(3)

    # A header sorts, the other way round, and gives the reading order back; it opens nothing.
    header = tab.locator("th").filter(has=tab.get_by_role("button", name="Patient"))
    beside = {"x": header.evaluate("(one) => one.clientWidth") - 20, "y": 10}  # the word
    for expected in (["DOE, JANE", "MÜLLER, JÖRG", "ROE, ANN"], ["ROE, ANN", "MÜLLER, JÖRG", "DOE, JANE"]):
        header.click(position=beside)
        expect(tab.locator("tbody a").first).to_have_text(expected[0])
        assert patients(tab) == expected
    # It says so as long as it is, and one click gives the reading order back.
    tab.reload()
    back = tab.get_by_role("button", name=re.compile("Sorted by you: Patient ↓"))
    back.click()
    expect(back).to_be_hidden()
    expect(tab.locator("tbody a").first).to_have_text("MÜLLER, JÖRG")
    expect(tab.locator("th[aria-sort=ascending], th[aria-sort=descending]")).to_have_count(0)
    tab.get_by_role("button", name="Images").click()
    expect(tab.locator("th[aria-sort=descending]")).to_have_count(1)
    tab.get_by_role("button", name="Back to the ranking").click()
    expect(tab.locator("th[aria-sort=descending]")).to_have_count(0)
    assert "/review" not in tab.url

    # Arrow keys move along the rows, Enter opens.
    tab.locator("tbody a").first.focus()
    tab.keyboard.press("ArrowDown")
    expect(tab.locator("tbody a:focus")).to_have_text("ROE, ANN")
    wanted = tab.locator("tbody:focus-within").get_attribute("data-id")
    # The row says at once that it was taken, whatever the server takes to draw the page.
    tab.evaluate(TAKEN)
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(REVIEW)
    assert tab.evaluate("window.taken") < 100
    assert REVIEW.search(tab.url)[1] == wanted  # type: ignore[index]

    # Back on the page, the list is as it was left.
    tab.go_back()
    expect(tab.locator("tbody")).to_have_count(3)
    with tab.expect_download() as download:
        tab.get_by_role("link", name="CSV").click()
    assert "MÜLLER, JÖRG" in download.value.path().read_text("utf-8-sig")


def places(page: Page) -> list[str]:
    """Where the filters, the headers and the rows are."""
    parts = page.locator("th, tbody, .filters [role=group], .filters input, summary")
    return list(parts.evaluate_all("(all) => all.map((one) => JSON.stringify(one.getBoundingClientRect()))"))


@pytest.mark.parametrize("width", [1024, 1366])
def test_nothing_moves_when_a_sort_begins_or_ends(server: Server, browser: Browser, width: int) -> None:
    server.add("PHANTOM^ADA", 0.5)
    for language in ("en", "de"):
        page = browser.new_context(viewport={"width": width, "height": 768}, locale=language).new_page()
        opened(page, server, 1)
        before = places(page)
        for at in range(page.locator("th button").count()):
            for _ in range(2):  # both ways
                page.locator("th button").nth(at).click()
                expect(page.locator("th").nth(at)).to_have_attribute("aria-sort", re.compile("ascending|descending"))
                until(lambda page=page, before=before: places(page) == before)
                expect(page.locator(".sorted")).to_be_visible()
                assert page.locator(".sorted").evaluate("(one) => one.scrollWidth <= one.clientWidth")
        page.locator(".sorted").click()
        expect(page.locator(".sorted")).to_be_hidden()
        until(lambda page=page, before=before: places(page) == before)
        page.context.close()


@pytest.mark.parametrize("width", [1024, 1366])
def test_the_list_ends_above_the_edge_of_the_window_with_a_folded_sidebar_too(
    server: Server, browser: Browser, width: int
) -> None:
    server.add()
    page = browser.new_context(viewport={"width": width, "height": 768}).new_page()
    opened(page, server, 1)
    page.get_by_test_id("stSidebar").hover()
    page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_visible()
    end = "(one) => one.getBoundingClientRect().bottom"
    until(lambda: 738 < page.locator(".rows").evaluate(end) <= 748)
    assert page.get_by_test_id("stMain").evaluate("(one) => one.scrollHeight <= one.clientHeight")
    page.context.close()


def test_the_lists_add_up_and_a_read_study_says_by_whom(server: Server, tab: Page) -> None:
    studies = [server.add(f"P{number}^X", 0.5) for number in range(3)]
    signed = reading()
    server.store.readings.sign(studies[0], signed, seen=0)
    opened(tab, server, 2)
    for name in ("All 3", "Waiting 2", "Read 1", "Discarded 0"):
        expect(tab.get_by_role("button", name=name, exact=True)).to_be_visible()
    tab.get_by_role("button", name="Read 1", exact=True).click()
    expect(tab.locator("tbody")).to_have_count(1)
    expect(tab.locator("tbody")).to_contain_text("Dr. A signed: Glioma")
    expect(tab.get_by_role("columnheader", name="Arrived")).to_be_visible()
    tab.get_by_role("columnheader", name="Arrived").get_by_role("button").click()
    expect(tab.get_by_role("button", name="Sorted by you: Arrived ↑")).to_be_visible()
    tab.get_by_role("button", name="All 3", exact=True).click()
    expect(tab.locator("tbody")).to_have_count(3)
    expect(tab.get_by_role("columnheader", name="Waiting")).to_be_visible()
    expect(tab.get_by_role("button", name="Sorted by you: Waiting ↓")).to_be_visible()


def test_a_row_says_that_a_second_reader_is_needed(server: Server, tab: Page) -> None:
    study = server.add("P^X", 0.9)
    server.store.readings.sign(study, replace(reading(), state=ReadingState.PRELIMINARY), seen=0)
    opened(tab, server, 1)
    expect(tab.locator("td[data-column=reader]")).to_have_text("2nd read; Dr. A signed")


def test_in_all_studies_what_waits_stands_out_and_no_header_hides_it(server: Server, tab: Page) -> None:
    for name, glioma in (("READ^A", 0.9), ("READ^B", 0.8)):
        server.store.readings.sign(server.add(name, glioma), reading(), seen=0)
    server.add("OPEN^C", 0.2)
    opened(tab, server, 1)
    tab.get_by_role("button", name="All 3", exact=True).click()
    expect(tab.locator("tbody")).to_have_count(3)
    assert patients(tab) == ["OPEN, C", "READ, B", "READ, A"], "what waits, then the latest arrivals"
    tab.locator("th").get_by_role("button", name="Band").click()
    expect(tab.locator("th[aria-sort=ascending]")).to_have_count(1)
    assert patients(tab) == ["OPEN, C", "READ, B", "READ, A"], "all are STAT"
    # The order of a column is kept through the list; then what waits is seen by its full band and its bold name.
    tab.locator("th").get_by_role("button", name="P(glioma)").click()
    expect(tab.locator("tbody a").first).to_have_text("READ, A")
    assert patients(tab) == ["READ, A", "READ, B", "OPEN, C"]
    style = "getComputedStyle(one.querySelector('{}')).{}"
    look = f"(one) => [{style.format('a', 'fontWeight')}, {style.format('.band', 'backgroundColor')}]"
    assert tab.locator("tbody").nth(0).evaluate(look) == ["400", "rgba(0, 0, 0, 0)"]
    assert tab.locator("tbody").nth(2).evaluate(look) == ["600", "rgb(255, 93, 93)"]


def test_a_search_names_what_hides_a_study_and_one_click_shows_it(server: Server, tab: Page) -> None:
    study = server.add("ROE^ANN", 0.5)
    server.add("DOE^JANE", 0.5)
    server.store.readings.sign(study, reading(), seen=0)
    opened(tab, server, 1)
    search = tab.get_by_role("searchbox", name="Find")
    tab.get_by_role("button", name="URGENT 0").click()
    search.fill("roe")
    note = tab.locator(".nothing")
    expect(note).to_contain_text("1 study mentions this, but is hidden: list Waiting, band URGENT.")
    expect(note).to_contain_text("The list All shows what is found.")
    tab.get_by_role("button", name="All 1", exact=True).click()
    expect(note).to_contain_text("1 study mentions this, but is hidden: band URGENT.")
    tab.get_by_role("button", name="Clear the filters").click()
    expect(tab.locator("tbody a")).to_have_text(["ROE, ANN"])
    # What hides a study of the list is cleared, and the list stays.
    tab.get_by_role("button", name="Waiting 0", exact=True).click()
    tab.get_by_role("button", name="ROUTINE 0").click()
    search.fill("doe")
    expect(note).to_contain_text("1 study mentions this, but is hidden: band ROUTINE.")
    tab.get_by_role("button", name="Clear the filters").click()
    expect(tab.locator("tbody a")).to_have_text(["DOE, JANE"])
    expect(tab.get_by_role("button", name="Waiting 1", exact=True)).to_have_attribute("aria-pressed", "true")
    search.fill("roe")
    tab.get_by_role("button", name="Go to the list All").click()
    expect(tab.locator("tbody a")).to_have_text(["ROE, ANN"])
    search.fill("nobody")
    expect(note).to_contain_text("No study of any list mentions this.")
    tab.get_by_role("button", name="Clear the search").click()
    expect(tab.locator("tbody")).to_have_count(2)


@pytest.mark.parametrize("width", [1024, 1366, 1920, 2560])
def test_no_column_is_cut_at_any_width(server: Server, browser: Browser, width: int) -> None:
    study = server.add("PHANTOM^ADA", 0.5)
    server.store.claims.take(study, "Dr. Newcomer", datetime.now(UTC))
    for language in ("en", "de"):
        page = browser.new_context(viewport={"width": width, "height": 768}, locale=language).new_page()
        opened(page, server, 1)
        expect(page.locator("tbody")).to_contain_text("Dr. Newcomer")
        wide = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
        assert page.locator(".rows").evaluate_all(wide) == []
        assert page.locator("th, td:not(.why) > div").evaluate_all(wide) == []
        search, columns = page.get_by_role("searchbox").bounding_box(), page.locator("summary").bounding_box()
        lists = page.locator(".filters [role=group]").first.bounding_box()
        assert search is not None
        assert columns is not None
        assert lists is not None
        beside = columns if width == 1024 else lists
        assert abs(search["y"] + search["height"] / 2 - beside["y"] - beside["height"] / 2) < 4, "in no row by itself"
        expect(page.locator(".research")).to_be_in_viewport(ratio=1)
        page.context.close()


@pytest.mark.parametrize(("language", "day"), [("en-US", "Mar 2, 2026"), ("de-DE", "02.03.2026")])
def test_dates_are_as_on_review_and_who_signed_is_not_cut(
    server: Server, browser: Browser, language: str, day: str
) -> None:
    header = StudyHeader("1.9", "ROE^ANN", "M9", "A9", study_date=date(2026, 3, 2))
    study = server.store.arrivals.add("Head", [Arrival(instance(9), header)], actor="door").study_id
    server.store.results.file(study, result(0.5, numbers=(9,)))
    signed = replace(reading(), reader="Dr. Veronika Castellano-Ruiz", finding=Finding.PITUITARY)
    server.store.readings.sign(study, signed, seen=0)
    page = browser.new_context(viewport={"width": 1366, "height": 768}, locale=language).new_page()
    page.goto(server.address)
    page.get_by_role("button", name=re.compile("^All(e)? 1$")).click()
    expect(page.locator("td[data-column=date]")).to_have_text(day)
    reader = page.locator("td[data-column=reader] > div")
    expect(reader).to_contain_text("Castellano-Ruiz")
    assert reader.evaluate("(one) => [one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight]") == [
        0,
        0,
    ]
    page.context.close()


@pytest.mark.parametrize("name", ["PHANTOM-0002_cor_t1ce.png", "a" * 90 + ".nii.gz"])
def test_the_name_of_a_file_can_be_read(server: Server, tab: Page, name: str) -> None:
    """A usual one is whole; the title has the rest of a longer one."""
    server.store.arrivals.add(name, [Arrival(instance(9), StudyHeader())], actor="door")
    opened(tab, server, 1)
    cell = tab.locator("td[data-column=study]")
    expect(cell).to_have_attribute("title", name)
    expect(cell).to_have_text(name)
    cut = cell.locator("div").evaluate("(one) => one.scrollHeight - one.clientHeight")
    assert (cut > 0) == (len(name) > 40)


def test_the_name_of_a_file_stands_on_one_line_where_there_is_room(server: Server, browser: Browser) -> None:
    server.store.arrivals.add("PHANTOM-0002_cor_t1ce.png", [Arrival(instance(9), StudyHeader())], actor="door")
    page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
    opened(page, server, 1)
    lines = "(one) => { const all = document.createRange(); all.selectNodeContents(one); return all.getClientRects(); }"
    tops = page.locator("td[data-column=study] > div").evaluate(f"(one) => [...({lines})(one)].map((box) => box.top)")
    assert len(set(tops)) == 1
    page.context.close()


def test_columns_are_kept_for_the_reader(server: Server, tab: Page) -> None:
    server.add()
    opened(tab, server, 1)
    tab.get_by_role("textbox", name="Reader").fill("Dr. Ada")
    tab.keyboard.press("Enter")
    tab.wait_for_timeout(1500)
    tab.get_by_text("Columns").click()
    tab.get_by_role("checkbox", name="Accession").uncheck()
    tab.get_by_role("button", name="MRN further left").click()
    heads = tab.locator("th").all_inner_texts()
    assert "Accession" not in heads
    assert heads.index("MRN") == heads.index("Patient") - 1
    edge = tab.locator("th .edge").nth(heads.index("AI"))
    box = edge.bounding_box()
    assert box is not None
    with tab.expect_response(lambda answer: answer.request.method == "PUT"):
        tab.mouse.move(box["x"] + 4, box["y"] + 8)
        tab.mouse.down()
        tab.mouse.move(box["x"] + 84, box["y"] + 8, steps=5)
        tab.mouse.up()
    tab.reload()
    expect(tab.locator("tbody")).to_have_count(1)
    assert tab.locator("th").all_inner_texts() == heads
    wide = tab.locator("th").nth(heads.index("AI")).bounding_box()
    assert wide is not None
    assert wide["width"] > 160
    kept = server.store.preferences.of("Dr. Ada", "worklist columns")["columns"]
    assert [one["shown"] for one in kept if one["name"] == "accession"] == [False]


def test_waits_are_right_where_the_clock_of_the_browser_is_wrong(server: Server, tab: Page) -> None:
    server.add()
    tab.add_init_script(by_another_clock(86_400_000))
    opened(tab, server, 1)
    expect(tab.locator('tbody [data-column="arrived"]')).to_have_text(re.compile(r"^\d+ s$"))


def test_nothing_moves_under_the_pointer_and_a_stat_is_announced(server: Server, tab: Page) -> None:
    first = server.add("FIRST^A", 0.5)
    opened(tab, server, 1)
    row = tab.locator("tbody").first.bounding_box()
    assert row is not None
    tab.mouse.move(row["x"] + 300, row["y"] + 12)
    tab.mouse.down()
    server.add("SECOND^B", 0.95)
    expect(tab.get_by_text("New STAT study")).to_be_visible(timeout=5000)
    assert re.match(r"\(1\) ", tab.title())
    expect(tab.get_by_text("1 new study")).to_be_visible()
    assert patients(tab) == ["FIRST, A"], "it waits behind the bar"
    tab.mouse.up()
    expect(tab).to_have_url(REVIEW)
    assert REVIEW.search(tab.url)[1] == first  # type: ignore[index]


def test_what_is_new_comes_when_the_pointer_leaves_or_at_the_bar(server: Server, tab: Page) -> None:
    server.add("FIRST^A", 0.5)
    opened(tab, server, 1)
    top = tab.locator("tbody").first.bounding_box()
    tab.locator("tbody a").first.focus()
    server.add("SECOND^B", 0.95)
    expect(tab.get_by_text("1 new study")).to_be_visible()
    assert tab.locator("tbody").first.bounding_box() == top, "the bar moves no row"
    tab.get_by_role("button", name="Show").click()
    expect(tab.locator("tbody")).to_have_count(2)
    tab.locator("tbody").first.hover()
    server.add("THIRD^C", 0.99)
    expect(tab.get_by_text("1 new study")).to_be_visible()
    tab.mouse.move(5, 5)
    expect(tab.locator("tbody")).to_have_count(3)
    assert patients(tab)[0] == "THIRD, C"
    # With the pointer elsewhere it comes by itself.
    server.add("FOURTH^D", 0.1)
    expect(tab.locator("tbody")).to_have_count(4)


def test_a_stat_that_comes_while_a_page_loads_is_announced_when_it_listens(server: Server, browser: Browser) -> None:
    """Also if another page listens already, and if this one had heard of something before it was loaded anew."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    tab, modules = context.new_page(), "**/modules/events.js"
    note = tab.get_by_role("status").filter(has_text="New STAT study")
    for path in ("", "/upload"):
        held: list[Route] = []
        tab.route(modules, lambda route: held.append(route))  # noqa: B023 - of this turn; Playwright marks it
        tab.goto(server.address + path)
        until(lambda: tab.wait_for_timeout(100) or held)  # noqa: B023 - called at once
        server.add(glioma=0.9)
        tab.wait_for_timeout(2000)  # by then pages that listen have heard of it
        for one in held:
            one.continue_()
        tab.unroute(modules)
        expect(note).to_have_count(1)
        other = context.new_page()
        other.goto(server.address)
        expect(other.get_by_label("Sound at a new STAT")).to_be_visible()
    context.close()


@pytest.mark.parametrize("path", ["", "/readings", "/upload", "/review"])
def test_every_page_announces_a_stat(server: Server, tab: Page, path: str) -> None:
    server.add()
    tab.goto(server.address + path)
    expect(tab.get_by_label("Sound at a new STAT")).to_be_visible()
    study = server.add(glioma=0.9)
    note = tab.get_by_role("status").filter(has_text="New STAT study")
    expect(note).to_be_visible()
    assert tab.title().startswith("(1) ")
    assert note.get_by_role("link").get_attribute("href") == f"/review?study={study}"
    shown = note.bounding_box()
    assert shown is not None
    # All at one moment: the table is drawn anew meanwhile.
    boxes = (
        tab.get_by_test_id("stMain")
        .get_by_role("button")
        .evaluate_all(
            "all => all.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().toJSON())"
        )
    )
    for box in boxes:
        apart = box["bottom"] <= shown["y"] or box["left"] >= shown["x"] + shown["width"]
        assert apart, "it covers no button"
    tab.keyboard.press("Shift")
    assert not tab.title().startswith("(")


def test_a_stat_is_announced_before_what_has_the_whole_screen(server: Server, tab: Page) -> None:
    server.add()
    opened(tab, server, 1)
    note = tab.get_by_role("status").filter(has_text="New STAT study")
    on_top = """(note) => {
      const { x, y, width, height } = note.getBoundingClientRect();
      const found = document.elementFromPoint(x + width / 2, y + height / 2);
      return note.contains(found) || found?.shadowRoot?.contains(note);
    }"""
    whole = "addEventListener('keydown', () => document.querySelector('#root').requestFullscreen(), { once: true })"
    server.add(glioma=0.9)
    expect(note).to_be_visible()
    for _ in range(2):  # one that stands there already, and one that comes
        tab.evaluate(whole)
        tab.keyboard.press("Shift")
        until(lambda: tab.evaluate("document.fullscreenElement !== null"))
        until(lambda: note.evaluate(on_top))
        tab.evaluate("document.exitFullscreen()")
        note.get_by_role("button").first.click()
        server.add(glioma=0.95)
        expect(note).to_be_visible()


def test_more_tabs_than_a_browser_has_connections_hear_of_it(server: Server, browser: Browser) -> None:
    context = browser.new_context()
    tabs = [context.new_page() for _ in range(8)]
    for tab in tabs:
        tab.goto(f"{server.address}/readings")
    expect(tabs[-1].get_by_label("Sound at a new STAT")).to_be_visible()
    tabs[-1].wait_for_timeout(1500)
    server.add(glioma=0.9)
    for tab in (tabs[0], tabs[-1]):
        expect(tab.get_by_text("New STAT study")).to_be_visible(timeout=3000)
    context.close()


@pytest.mark.parametrize("shared", [True, False])
def test_news_come_again_after_a_proxy_answered_with_an_error(
    server: Server, tab: Page, tmp_path: Path, shared: bool
) -> None:
    """A browser gives up a stream for good that is answered so."""
    if not shared:
        tab.add_init_script("delete window.SharedWorker")
    tab.goto(f"{server.address}/readings")
    expect(tab.get_by_label("Sound at a new STAT")).to_be_visible()
    tab.wait_for_timeout(1500)
    server.process.kill()
    server.process.join(timeout=10)
    port, asked = int(server.address.rpartition(":")[2]), set()

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.add(self.path.partition("?")[0])
            self.send_error(502)

    with ThreadingHTTPServer(("localhost", port), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        until(lambda: "/events" in asked)
        proxy.shutdown()
    process = start(tmp_path / "home", port, TRIAGE_WORKER="separate")
    server.add(glioma=0.9)
    expect(tab.get_by_role("status").filter(has_text="New STAT study")).to_be_visible(timeout=60_000)
    process.terminate()
    process.join(timeout=30)


def test_the_server_ends_although_pages_listen(server: Server, tab: Page) -> None:
    server.add()
    opened(tab, server, 1)
    server.process.terminate()
    server.process.join(timeout=10)
    assert server.process.exitcode is not None
    expect(tab.get_by_text("The server does not answer")).to_be_visible(timeout=45_000)


def test_who_leaves_a_study_by_an_address_gives_it_back_and_a_reload_keeps_it(server: Server, tab: Page) -> None:
    first, second = server.add("ROE^ANN"), server.add("DOE^JANE")

    def holder(study: str) -> bool:
        return server.store.claims.holder(study, datetime.now(UTC)) is not None

    opened(tab, server, 2)
    tab.get_by_placeholder("Your name").fill("Dr. Ada")
    tab.keyboard.press("Enter")
    until(lambda: tab.evaluate("document.cookie.includes('triage_reader')"))
    for go in (lambda: tab.goto(f"{server.address}/review?study={first}"), tab.reload):
        with tab.expect_response("**/worklist/modules/events.js"):
            go()
        expect(tab.get_by_text("Your reading")).to_be_visible()
    assert holder(first)
    tab.goto(f"{server.address}/review?study={second}")
    until(lambda: not holder(first) and holder(second))
    with server.store.read() as session:
        query = "SELECT event FROM audit WHERE study_id = ? AND event LIKE 'claim%' ORDER BY id"
        said = session.connection().exec_driver_sql(query, (first,)).scalars().all()
    assert said == ["claimed", "claim released"], "once, although it was loaded twice"
    server.store.drafts.save(second, "Dr. Ada", Entries(comment="a ring"), base=0, seen=0, now=datetime.now(UTC))
    opened(tab, server, 2)
    cell = tab.locator("tbody", has_text="DOE").locator("td[data-column=reader]")
    expect(cell).to_have_text("your draft")
    expect(cell).to_have_attribute("title", "Dr. Ada has it open\nDr. Ada has a draft that is not signed")
    tab.get_by_placeholder("Your name").fill("Dr. Bo")
    tab.keyboard.press("Enter")
    until(lambda: tab.evaluate("document.cookie.includes('Bo')"))
    opened(tab, server, 2)
    expect(cell).to_have_text("open, draft: Dr. Ada")


def test_nothing_explains_itself_that_came_under_a_resting_pointer(server: Server, tab: Page) -> None:
    server.add()
    opened(tab, server, 1)
    tab.goto(f"{server.address}/review")
    series = tab.get_by_test_id("stPopover").get_by_role("button")
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
    places = [series.bounding_box()]
    until(lambda: tab.wait_for_timeout(500) or places.append(series.bounding_box()) or places[-1] == places[-2])
    place = places[-1]  # where the page has come to rest
    assert place is not None
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] - 8
    opened(tab, server, 1)
    tab.mouse.move(x - 9, y)
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.up()
    expect(tab).to_have_url(REVIEW)
    expect(series).to_be_visible()
    tab.wait_for_timeout(1500)
    tip = tab.get_by_role("tooltip")
    expect(tip.filter(visible=True)).to_have_count(0)
    tab.mouse.move(x + 2, y)
    expect(tip).to_be_visible()


def test_the_choice_of_columns_closes_by_escape_and_by_a_press_elsewhere(server: Server, tab: Page) -> None:
    server.add()
    opened(tab, server, 1)
    menu = tab.locator("details")
    tab.get_by_text("Columns", exact=True).click()
    menu.get_by_label("MRN", exact=True).uncheck()
    expect(tab.get_by_role("columnheader", name="MRN")).to_be_hidden()
    expect(menu).to_have_attribute("open", "")
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    tab.get_by_text("Columns", exact=True).click()
    expect(menu).to_have_attribute("open", "")
    tab.get_by_role("heading", name="Worklist").click()
    expect(menu).not_to_have_attribute("open", "")


def test_what_one_person_sought_is_not_shown_to_the_next_in_the_same_tab(server: Server, tab: Page) -> None:
    server.add("ROE^ANN", 0.5)
    server.add("DOE^JANE", 0.5)
    opened(tab, server, 2)
    search = tab.get_by_role("searchbox", name="Find")
    search.fill("roe")
    expect(tab.locator("tbody a")).to_have_text(["ROE, ANN"])
    tab.reload()
    expect(search).to_have_value("roe")
    expect(tab.locator("tbody a")).to_have_text(["ROE, ANN"])
    tab.get_by_placeholder("Your name").fill("Dr. Next")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Read next")).to_be_enabled()
    tab.wait_for_timeout(1_000)  # until the browser has kept the name
    tab.reload()
    expect(tab.locator("tbody a")).to_have_count(2)
    expect(search).to_have_value("")


def test_the_list_is_there_when_what_was_kept_of_it_cannot_be_read(server: Server, tab: Page) -> None:
    server.add()
    opened(tab, server, 1)
    for damaged in ("{", "null"):
        tab.evaluate("(text) => sessionStorage.setItem('neurotriage-worklist', text)", damaged)
        opened(tab, server, 1)
