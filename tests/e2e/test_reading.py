"""Reading in a real browser: nothing typed is lost, two readers do not collide, a glioma is read twice."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from access_samples import account
from helpers import by_another_clock, free_port, redrawn, sign_study, take_in, until
from marked_samples import marks
from playwright.sync_api import APIResponse, Browser, Page, Route, expect
from servers import served, start
from signing import question

from triage.domain import Band, Finding, StudyStatus
from triage.errors import ConflictError
from triage.phantom_studies import phantom_study
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.reading import Entries
from triage.records.worklist_views import WorklistFilter
from triage.settings import ROOT, Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ARTEFACTS = ROOT / "tests" / "artefacts"
SAVED = re.compile(r"^Draft saved")


class Server:
    """The app on a home of its own, which it can be stopped and started on."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home, self.port = home, free_port()
        self.address = f"http://localhost:{self.port}"
        self.settings = settings
        self.process: ForkServerProcess | None = None

    def start(self) -> None:
        self.process = start(self.home, self.port, **self.settings)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.join(timeout=30)


def prepared(home: Path, slices: list[Phantom], count: int) -> list[str]:
    """Fill a home with phantoms and return the studies in reading order."""
    installation = Installation(Settings(home=home))
    take_in(installation, {phantom.name: phantom.png for phantom in slices[:count]})
    order = installation.queue.free("", installation.store.study(installation.queue.recent(1)[0].study_id).arrived_at)
    installation.close()
    return order


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, slices: list[Phantom]) -> tuple[Path, list[str]]:
    """A home with four studies, to be copied, and the order in which they are to be read."""
    home = tmp_path_factory.mktemp("scored") / "home"
    return home, prepared(home, slices, 4)


@pytest.fixture
def server(tmp_path: Path, scored: tuple[Path, list[str]]) -> Iterator[Server]:
    server = Server(tmp_path / "home", TRIAGE_SECOND_READ="true")
    home, server.order = scored  # type: ignore[attr-defined]
    shutil.copytree(home, server.home)
    server.start()
    yield server
    server.kill()


def reading(browser: Browser, server: Server, name: str, study: str = "") -> Page:
    """Return a page on which a reader has opened a study, or the next on the list."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.add_cookies([{"name": "triage_reader", "value": quote(name), "url": server.address}])
    tab = context.new_page()
    tab.set_default_timeout(90_000)
    tab.goto(f"{server.address}/review{study and f'?study={study}'}")
    expect(tab.get_by_role("button", name="Next study")).to_be_visible()
    return tab


def study_of(tab: Page) -> str:
    """Return the study whose form is on the page."""
    return str(tab.locator(".reading").get_attribute("data-study"))


def go_on(tab: Page) -> str:
    """Press the key for the next study, and return that one when its form is drawn."""
    here = study_of(tab)
    tab.keyboard.press("n")
    expect(tab.locator(f'.reading[data-study="{here}"]')).to_have_count(0)  # both are there for a moment
    return study_of(tab)


def sign(tab: Page, finding: str, comment: str = "", reason: str = "") -> None:
    tab.get_by_role("radio", name=finding).click()
    why = tab.get_by_label("Why the AI result is overridden")
    if reason and why.is_visible():
        why.select_option(reason)
    if comment:
        tab.get_by_placeholder("Comment").fill(comment)
    tab.get_by_role("button", name=re.compile("^(Confirm|Sign)")).click()
    question(tab).click()


def store_has(server: Server, study_id: str) -> bool:
    """Whether a reading of the study is stored."""
    installation = store(server)
    found = bool(installation.store.study(study_id).readings)
    installation.close()
    return found


def store(server: Server) -> Installation:
    return Installation(Settings(home=server.home))


def test_nothing_typed_is_lost(server: Server, browser: Browser) -> None:
    """By a reload, another page, the next study, and a server that is killed while the reader types."""
    tab = reading(browser, server, "Dr. Ada")
    first = study_of(tab)
    expect(tab.get_by_role("radio", name="Glioma")).not_to_be_checked()
    tab.get_by_role("radio", name="Other lesion").click()
    tab.get_by_label("Other lesion").last.fill("epidermoid cyst")
    tab.get_by_role("radio", name="low").click()
    tab.get_by_placeholder("Comment").fill("line one\nline two")
    expect(tab.get_by_text(SAVED)).to_be_visible()

    def is_there() -> None:
        expect(tab.get_by_placeholder("Comment")).to_have_value("line one\nline two")
        expect(tab.get_by_placeholder("Which lesion?")).to_have_value("epidermoid cyst")
        expect(tab.get_by_role("radio", name="Other lesion")).to_be_checked()
        expect(tab.get_by_role("radio", name="low")).to_be_checked()

    tab.reload()
    is_there()
    tab.get_by_placeholder("Comment").press("Escape")
    go_on(tab)
    tab.goto(f"{server.address}/review?study={first}")
    is_there()
    server.kill()
    tab.get_by_placeholder("Comment").fill("typed while the server was away")
    expect(tab.get_by_text("Not saved: trying again")).to_be_visible()
    lost = tab.get_by_text("The connection to the server was lost")
    expect(lost).to_be_visible()
    tab.wait_for_timeout(3000)  # by then Streamlit would say it in its way
    expect(tab.get_by_text("Connection error")).to_have_count(0)
    server.start()
    expect(tab.get_by_text(SAVED)).to_be_visible(timeout=60_000)
    expect(lost).to_be_hidden()
    tab.goto(f"{server.address}/review?study={first}")
    expect(tab.get_by_placeholder("Comment")).to_have_value("typed while the server was away")
    tab.context.close()


def test_a_tab_from_before_the_first_account_leads_to_the_sign_in(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    study = study_of(tab)
    server.kill()
    installation = store(server)
    account(installation.access)
    installation.close()
    server.start()
    tab.wait_for_url(f"**/sign-in?next=/review*{study}*")
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(tab.get_by_text("PHANTOM")).to_have_count(0)
    tab.context.close()


def test_marks_alone_are_told_as_saved_at_once(server: Server, browser: Browser) -> None:
    """Beside the form, without a class or a word in it; and again after the page was loaded anew."""
    tab = reading(browser, server, "Dr. Ada")
    key = tab.get_by_role("button", name="Key image")
    expect(key).to_be_enabled()
    state = tab.locator(".reading .state")
    expect(state).to_have_text("")
    tab.route(re.compile("/reading/[0-9a-f]{32}$"), lambda route: route.abort())  # not with its next look at the record
    key.click()
    expect(state).to_have_text(SAVED, timeout=5_000)
    tab.unroute(re.compile("/reading/[0-9a-f]{32}$"))
    tab.reload()
    expect(state).to_have_text(SAVED)
    before = state.inner_text()
    tab.get_by_role("radio", name="low").click()
    until(lambda: state.inner_text() not in {before, "Saving …"})
    before = state.inner_text()
    tab.wait_for_timeout(1100)
    tab.locator("#viewer").press("k")
    expect(state).not_to_have_text(before)
    expect(state).to_have_text(SAVED)
    tab.context.close()


def test_nothing_is_signed_without_the_marks_on_the_picture(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    study, tries = study_of(tab), []

    def refuse(route: Route) -> None:
        if route.request.method != "PUT":
            return route.continue_()
        tries.append(route.request.url)
        return route.fulfill(status=503, body="{}")

    marks = re.compile(f"/viewer/studies/{study}/marks$")
    tab.route(marks, refuse)
    tab.get_by_role("button", name="Key image").click()
    until(lambda: tab.wait_for_timeout(100) or len(tries) > 2)
    tab.wait_for_timeout(500)
    said = tab.locator("#viewer .nt-message")
    expect(said).to_contain_text("Your marks are kept in this browser", timeout=100)
    sign(tab, "Glioma", reason="wrong class")
    refusal = tab.locator(".reading .refusal")
    expect(refusal).to_contain_text("The marks on the picture are not saved yet. The server does not answer.")
    expect(tab.get_by_text("Final in")).to_have_count(0)
    tab.unroute(marks)
    sign(tab, "Glioma")
    expect(tab.get_by_text("Final in")).to_be_visible()
    expect(refusal).to_have_text("")
    expect(said).not_to_contain_text("Your marks are kept in this browser")
    until(lambda: store_has(server, study))
    installation = store(server)
    assert len(installation.store.marks.signed(study)[0].marks.keys) == 1
    installation.close()
    tab.context.close()


def test_what_is_entered_while_a_signature_is_on_its_way_is_not_signed(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    study, held = study_of(tab), list[Route]()
    tab.route(re.compile("/marks$"), lambda one: held.append(one) if one.request.method == "PUT" else one.continue_())
    tab.get_by_role("button", name="Key image").click()
    until(lambda: tab.wait_for_timeout(100) or held)
    sign(tab, "No tumour", reason="wrong class")
    tab.wait_for_timeout(500)
    tab.get_by_role("radio", name="Meningioma").click()
    held[0].continue_()
    tab.unroute(re.compile("/marks$"))
    expect(tab.get_by_text("The draft changed before it was signed. Check it, then press again.")).to_be_visible()
    expect(tab.get_by_role("radio", name="Meningioma")).to_be_checked()
    expect(tab.get_by_text(SAVED)).to_be_visible()
    installation = store(server)
    assert installation.store.drafts.next_due() is None
    assert not installation.store.study(study).readings
    installation.close()
    tab.context.close()


def test_slices_that_arrive_are_not_signed_before_they_are_on_the_picture(server: Server, browser: Browser) -> None:
    installation = Installation(Settings(home=server.home, worker="separate"))
    made = dict(phantom_study(Finding.MENINGIOMA, 6))
    (receipt, *_) = installation.receive([Incoming(name, data=file) for name, file in made.items()], actor="early")
    tab = reading(browser, server, "Dr. Ada", str(receipt.study_id))
    expect(tab.locator("#viewer .nt-pane[data-drawn]")).to_have_count(1)
    late = {"SeriesInstanceUID": "1.2.3.4", "SeriesNumber": 7, "SeriesDescription": "late"}
    files = {f"late-{at}": redrawn(made[name], **late, SOPInstanceUID=f"1.2.3.4.{at}") for at, name in enumerate(made)}
    installation.receive([Incoming(name, data=file) for name, file in files.items()], actor="late")
    held, head = list[Route](), re.compile(f"/{receipt.study_id}/study.json$")
    tab.route(head, lambda one: held.append(one))
    sign(tab, "No tumour")
    refusal = tab.locator(".reading .refusal")
    expect(refusal).to_contain_text("Slices arrived while this study was open here.")
    until(lambda: tab.wait_for_timeout(200) or held)
    expect(tab.locator("[data-test-script-state=running]")).to_have_count(0)
    sign(tab, "No tumour")
    expect(refusal).to_contain_text("Slices arrived, and the picture does not show them yet.", timeout=20_000)
    expect(tab.get_by_text("Final in")).to_have_count(0)
    for one in held:
        one.continue_()
    tab.unroute(head)
    expect(tab.locator("#viewer .nt-message")).to_contain_text("Slices arrived: the study was loaded anew.")
    sign(tab, "No tumour")
    expect(tab.get_by_text("Final in")).to_be_visible()
    installation.close()
    tab.context.close()


def test_what_was_typed_without_a_name_is_there_once_there_is_one(server: Server, browser: Browser) -> None:
    """Also if the page was loaded again in between."""
    study = server.order[0]  # type: ignore[attr-defined]
    tab = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    tab.set_default_timeout(90_000)
    tab.goto(f"{server.address}/review?study={study}")
    tab.get_by_placeholder("Comment").fill("typed by nobody")
    expect(tab.get_by_text("Not saved: enter your name")).to_be_visible()
    tab.get_by_role("radio", name="Glioma").click()
    expect(tab.get_by_role("button", name=re.compile("^(Confirm|Sign)"))).to_be_disabled()
    expect(tab.get_by_text("Enter your name in the sidebar; then you can sign.")).to_be_visible()
    tab.reload()
    expect(tab.get_by_placeholder("Comment")).to_have_value("typed by nobody")
    tab.reload()
    expect(tab.get_by_placeholder("Comment")).to_have_value("typed by nobody")
    until(lambda: tab.evaluate("document.querySelector('#viewer [data-drawn]') !== null"))
    tab.get_by_role("textbox", name="Reader").fill("Dr. Ada")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("textbox", name="Reader")).not_to_be_focused()  # what is pressed now is no part of the name
    expect(tab.get_by_role("radio", name="Glioma")).to_be_checked()
    expect(tab.get_by_text(SAVED)).to_be_visible()
    expect(tab.get_by_placeholder("Comment")).to_have_value("typed by nobody")
    tab.context.close()
    tab = reading(browser, server, "Dr. Ada", study)
    expect(tab.get_by_placeholder("Comment")).to_have_value("typed by nobody")
    tab.context.close()


def test_a_signature_is_taken_back_and_then_stored_without_the_tab(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    study_id = study_of(tab)
    tab.get_by_role("heading", name="Your reading").click()
    tab.keyboard.press("Alt+2")
    expect(tab.get_by_role("radio", name="Meningioma")).to_be_checked()
    tab.get_by_placeholder("Comment").fill("dural tail")
    if (why := tab.get_by_label("Why the AI result is overridden")).is_visible():
        why.select_option("wrong class")
    tab.get_by_role("heading", name="Your reading").click()
    tab.keyboard.press("Enter")
    question(tab)
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Undo (u)")).to_be_visible()
    tab.keyboard.press("u")
    expect(tab.get_by_text("Taken back")).to_be_visible()
    expect(tab.get_by_placeholder("Comment")).to_have_value("dural tail")
    tab.keyboard.press("Enter")
    question(tab)
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Undo (u)")).to_be_visible()
    tab.context.close()
    server.kill()
    server.start()
    tab = reading(browser, server, "Dr. Ada", study_id)
    expect(tab.get_by_text("dural tail").first).to_be_visible(timeout=60_000)
    expect(tab.get_by_text("Amend the reading").or_(tab.get_by_text("Your reading"))).to_be_visible()
    tab.context.close()
    installation = store(server)
    (kept,) = installation.store.study(study_id).readings
    assert (kept.finding, kept.comment) == (Finding.MENINGIOMA, "dural tail")
    installation.close()


@pytest.mark.parametrize("minutes", [-5, 5])
def test_times_are_right_where_the_clock_of_the_browser_is_wrong(
    server: Server, browser: Browser, minutes: int
) -> None:
    study, other = server.order[:2]  # type: ignore[attr-defined]
    installation, before = store(server), datetime.now(UTC) - timedelta(days=6)
    typed = Entries(Finding.GLIOMA, comment="six days ago")
    installation.store.drafts.save(other, "Dr. Ada", typed, base=0, seen=0, now=before)
    installation.close()
    tab = reading(browser, server, "Dr. Ada", study)
    tab.add_init_script(by_another_clock(60_000 * minutes))
    tab.reload()
    sign(tab, "Glioma", reason="wrong class")
    expect(tab.locator(".reading .held")).to_have_text(re.compile(r"Final in ([1-9]|10)\ssUndo"))
    expect(tab.get_by_role("button", name="Undo (u)")).to_be_visible()
    expect(tab.locator(".reading .held")).to_be_hidden(timeout=20_000)
    tab.goto(f"{server.address}/review?study={other}")
    day = before.astimezone().strftime("%b %-d, %Y")
    expect(tab.locator(".reading .state")).to_contain_text(f"Draft saved {day}, ")
    tab.context.close()


def test_a_double_click_asks_and_signs_nothing(server: Server, browser: Browser) -> None:
    """Nor do three quick presses of Enter, or Enter held down; who waits until the question can be read signs."""
    tab = reading(browser, server, "Dr. Ada")
    tab.get_by_role("radio", name="Glioma").click()
    if (why := tab.get_by_label("Why the AI result is overridden")).is_visible():
        why.select_option("wrong class")
    signing = tab.locator(".reading button.primary")
    undo = tab.get_by_role("button", name="Undo (u)")
    signing.dblclick()
    expect(signing).to_have_text("Sign “Glioma”? Click again, or Enter")
    question(tab)
    expect(undo).to_have_count(0)
    tab.keyboard.press("Escape")
    expect(signing).not_to_contain_text("again")
    tab.get_by_role("heading", name="Your reading").click()
    for _ in range(3):
        tab.keyboard.press("Enter")
    question(tab)
    expect(undo).to_have_count(0)
    tab.keyboard.press("Escape")
    signing.focus()
    for _ in range(20):  # without a release between them, these are repeats
        tab.keyboard.down("Enter")
        tab.wait_for_timeout(50)
    tab.keyboard.up("Enter")
    expect(undo).to_have_count(0)
    question(tab).click()
    expect(undo).to_be_visible()
    tab.context.close()


#: Counts the frames in which the names of two patients can be seen.
MIXED = """() => {
  window.mixed = 0;
  const look = () => {
    const banner = document.querySelector(".nt-banner");
    const side = document.querySelector("[data-testid=stColumn]:has(#viewer) + [data-testid=stColumn]");
    const seen = (one) => one && getComputedStyle(one).visibility === "visible";
    if (seen(banner) && seen(side) && banner.textContent) {
      const name = side.querySelector("h3")?.textContent;
      if (name && banner.textContent.split(" · ")[0] !== name) window.mixed += 1;
    }
    requestAnimationFrame(look);
  };
  look();
}"""


def test_the_next_study_is_the_next_on_the_list(server: Server, browser: Browser) -> None:
    """Down the whole list and never back to what was left; another reader meanwhile gets another study."""
    order = server.order  # type: ignore[attr-defined]
    ada = reading(browser, server, "Dr. Ada")
    visited = [study_of(ada)]
    bo = reading(browser, server, "Dr. Bo")
    assert study_of(bo) != visited[0]
    ada.evaluate(MIXED)
    visited += [go_on(ada), go_on(ada)]
    expect(ada.locator("[data-testid=stColumn]:has(#viewer) + [data-testid=stColumn]")).to_be_visible()
    assert ada.evaluate("window.mixed") == 0
    assert len(set(visited)) == 3
    assert study_of(bo) not in visited
    assert [one for one in order if one in visited] == visited
    for tab in (ada, bo):
        tab.context.close()


def test_who_goes_on_is_told_what_comes_and_goes_up_to_a_stat_study_in_one_click(
    server: Server, browser: Browser
) -> None:
    installation = store(server)
    rows = installation.queue.page(WorklistFilter(), datetime.now(UTC)).rows
    installation.close()
    here, stat = rows[-2], [row for row in rows[:-2] if row.band is Band.STAT]
    tab = reading(browser, server, "Dr. Ada", here.study_id)
    expect(tab.get_by_text("Next down the list: ")).to_be_visible()
    expect(tab.get_by_role("button", name="Next study")).to_have_attribute("title", re.compile("Goes on down the list"))
    above = tab.get_by_role("button", name=re.compile("STAT stud(y waits|ies wait) above"))
    before = above.inner_text()
    bo = reading(browser, server, "Dr. Bo", stat[-1].study_id)
    expect(above).not_to_have_text(before)  # what another reader has open does not wait, and this is told at once
    above.click()
    expect(tab.locator(f'.reading[data-study="{stat[0].study_id}"]')).to_have_count(1)
    expect(above).to_be_hidden()
    for one in (tab, bo):
        one.context.close()


def test_who_goes_on_before_the_signature_is_taken_goes_on(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada", server.order[0])  # type: ignore[attr-defined]
    signed: list[str] = []
    for _ in range(2):  # at the second, the signature of the first can still be taken back
        here = study_of(tab)
        sign(tab, "Glioma", reason="wrong class")
        tab.keyboard.press("n")
        expect(tab.locator(f'.reading[data-study="{here}"]')).to_have_count(0, timeout=60_000)
        signed.append(here)
    tab.context.close()
    until(lambda: all(store_has(server, one) for one in signed))


def test_nothing_of_the_old_patient_is_seen_while_the_next_study_is_on_its_way(
    server: Server, browser: Browser
) -> None:
    """However long that takes; a bar says that there is work, until the first picture stands."""
    tab = reading(browser, server, "Dr. Ada", server.order[0])  # type: ignore[attr-defined]
    here = study_of(tab)
    picture, old = tab.locator("#viewer .nt-pane[data-drawn]"), tab.locator("#viewer .nt-banner").inner_text()
    expect(picture).to_have_count(1)
    waiting = tab.get_by_text("Loading the next study")
    expect(waiting).to_be_hidden()
    held: list[Route] = []
    tab.route("**/study.json", lambda route: held.append(route))
    process = psutil.Process(server.process.pid)  # type: ignore[union-attr]
    servers = [process, *process.children(recursive=True)]
    tab.keyboard.press("n")
    for one in servers:
        one.suspend()
    expect(waiting).to_be_visible()
    tab.wait_for_timeout(12_000)  # longer than a lost act is waited for
    expect(waiting).to_be_visible()
    expect(tab.get_by_text(old).filter(visible=True)).to_have_count(0)
    side = tab.locator("[data-testid=stColumn]:has(#viewer) + [data-testid=stColumn]")
    expect(side.get_by_text(re.compile("Arrived|ago")).filter(visible=True)).to_have_count(0)
    for one in servers:
        one.resume()
    expect(tab.locator(f'.reading[data-study="{here}"]')).to_have_count(0)
    expect(waiting).to_be_visible()  # the page is here, its picture is not
    expect(tab.locator("#viewer progress")).to_be_visible()
    expect(picture).to_have_count(0)
    tab.screenshot(path=ARTEFACTS / "waiting_1366.png")
    for one in held:
        one.continue_()
    tab.unroute("**/study.json")
    expect(picture).to_have_count(1)
    expect(waiting).to_be_hidden()
    tab.context.close()


def test_what_can_be_taken_back_is_never_below_the_edge(server: Server, browser: Browser) -> None:
    """Though readings of others stand above the form: the newest is one line that unfolds, the others another one."""
    study_id = server.order[0]  # type: ignore[attr-defined]
    installation = store(server)
    for name in ("Dr. Bo", "Dr. Cleo", "Dr. Bo", "Dr. Cleo"):
        sign_study(installation, study_id, Finding.GLIOMA, reader=name, second_read=True, comment="butterfly " * 9)
    installation.close()
    tab = reading(browser, server, "Dr. Ada", study_id)
    tab.get_by_role("radio", name="Glioma").click()
    before = places(tab)
    sign(tab, "Glioma", "as before", "wrong class")
    undo = tab.get_by_role("button", name="Undo (u)")
    expect(undo).to_be_visible()
    assert places(tab) == before, "nothing moves under the pointer"
    for button in (undo, tab.locator(".reading .primary")):
        expect(button).to_be_in_viewport(ratio=1)
        assert button.evaluate(
            """(one) => {
              const { x, y, width, height } = one.getBoundingClientRect();
              return [[2, 2], [width - 2, 2], [2, height - 2], [width - 2, height - 2]].every(([across, down]) =>
                one.getRootNode().elementFromPoint(x + across, y + down) === one);
            }"""
        ), "nothing lies over it"
    lines = tab.locator(".readings > details")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("3 earlier readings")
    assert all(one.bounding_box()["height"] < 30 for one in lines.all())  # type: ignore[index]
    expect(tab.locator(".reading textarea")).to_be_in_viewport(ratio=1)
    lines.last.locator("summary").click()
    expect(lines.last).to_contain_text("butterfly " * 8)
    tab.context.close()


def places(tab: Page) -> list[float]:
    """Return where the buttons of the form begin, from above."""
    return [one.bounding_box()["y"] for one in tab.locator(".reading .buttons button").all()]  # type: ignore[index]


#: Notes, frame by frame, what the form and the page around it say of a signature.
FILED = """(form) => {
  window.filed = new Set();
  const look = () => {
    const open = !form.querySelector("fieldset").disabled, listed = document.querySelector(".readings") !== null;
    const told = /being filed/.test(form.querySelector(".held:not([hidden])")?.textContent ?? "");
    window.filed.add(`${listed ? "listed" : open ? "open" : told ? "told" : "held"}`);
    requestAnimationFrame(look);
  };
  look();
}"""


def test_a_signature_is_never_seen_as_lost(server: Server, browser: Browser) -> None:
    """From its last second of grace until the page shows the reading, the form says that it is being filed."""
    tab = reading(browser, server, "Dr. Ada")
    sign(tab, "No tumour", "nothing seen", "wrong class")
    expect(tab.get_by_text("Final in")).to_be_visible()
    tab.locator(".reading").evaluate(FILED)
    expect(tab.locator(".readings")).to_be_visible()
    assert set(tab.evaluate("[...window.filed]")) - {"listed"} == {"held", "told"}
    tab.context.close()


def test_a_key_after_next_study_enters_nothing_into_the_study_that_was_left(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada", server.order[0])  # type: ignore[attr-defined]
    here = study_of(tab)
    tab.keyboard.press("n")
    for digit in (3, 2):
        tab.keyboard.press(f"Alt+Digit{digit}")
        tab.wait_for_timeout(200)
    expect(tab.locator(f'.reading[data-study="{here}"]')).to_have_count(0, timeout=60_000)
    there = study_of(tab)
    tab.context.close()
    installation = store(server)
    assert installation.store.drafts.get(here, "Dr. Ada") is None
    assert installation.store.drafts.get(there, "Dr. Ada") is None
    assert installation.store.claims.holder(here, datetime.now(UTC)) is None, "what was left is nobody's"
    installation.close()


def test_what_a_signature_lacks_is_said_before_it_is_asked_for(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada", server.order[0])  # type: ignore[attr-defined]
    tab.get_by_role("radio", name="Other lesion").click()
    tab.locator(".reading button.primary").click()
    expect(tab.get_by_text("Another lesion needs a name")).to_be_visible()
    expect(tab.locator(".reading button[data-asks]:not([data-asks=''])")).to_have_count(0)
    expect(tab.get_by_label("Other lesion").last).to_be_focused()
    tab.context.close()


def test_a_glioma_is_read_twice_and_a_disagreement_is_arbitrated(server: Server, browser: Browser) -> None:
    study_id = server.order[0]  # type: ignore[attr-defined]
    ada = reading(browser, server, "Dr. Ada", study_id)
    bo = reading(browser, server, "Dr. Bo", study_id)
    expect(bo.get_by_text("Dr. Ada has this study open since")).to_be_visible()
    bo.get_by_placeholder("Comment").fill("mine")
    sign(ada, "Glioma", "butterfly")
    # Told at once, without what the first reader said; nothing typed is lost.
    expect(bo.get_by_text("Dr. Ada signed this study")).to_be_visible(timeout=60_000)
    expect(bo.get_by_text("Yours is the second reading")).to_be_visible()
    expect(bo.get_by_text("butterfly")).to_have_count(0)
    expect(bo.get_by_placeholder("Comment")).to_have_value("mine")
    bo.get_by_role("button", name="Seen").click()
    expect(bo.get_by_text("Yours is the second reading")).to_have_count(0)
    sign(bo, "No tumour", reason="no lesion there")
    expect(bo.get_by_text("butterfly").first).to_be_visible(timeout=60_000)
    cleo = reading(browser, server, "Dr. Cleo", study_id)
    expect(cleo.get_by_text("Arbitration: two readers disagree")).to_be_visible()
    expect(cleo.get_by_text("butterfly").first).to_be_visible()
    sign(cleo, "Meningioma", "dural tail", "wrong class")
    expect(cleo.get_by_text("Amend the reading")).to_be_visible(timeout=60_000)
    installation = store(server)
    study = installation.store.study(study_id)
    assert study.status is StudyStatus.READ
    assert [item.role.value for item in study.readings] == ["first", "second", "arbitration"]
    installation.close()
    for tab in (ada, bo, cleo):
        tab.context.close()


def test_what_others_signed_meanwhile_leaves_the_form_in_its_place(server: Server, browser: Browser) -> None:
    study_id = server.order[0]  # type: ignore[attr-defined]
    tab = reading(browser, server, "Dr. Ada", study_id)
    tab.get_by_placeholder("Comment").fill("mine")
    installation = store(server)
    for name in ("Dr. Bo", "Dr. Cleo", "Dr. Bo", "Dr. Cleo"):
        sign_study(installation, study_id, Finding.MENINGIOMA, reader=name, comment="butterfly " * 30)
    installation.close()
    news = tab.locator(".panel.news")
    expect(news.locator("p", has_text="butterfly")).to_have_count(4)
    assert news.bounding_box()["height"] < 220  # type: ignore[index]
    expect(news.get_by_role("button", name="Seen")).to_be_in_viewport(ratio=1)
    last = news.get_by_text("Dr. Cleo", exact=True).last
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport(ratio=1)
    tab.context.close()


def test_marks_of_the_first_reader_come_with_the_signature_of_the_second(server: Server, browser: Browser) -> None:
    study_id = server.order[0]  # type: ignore[attr-defined]
    installation = store(server)
    file = installation.store.study(study_id).instances[0].sha256
    installation.store.marks.save(study_id, "Dr. Ada", marks(keys=(f"{file}/0",)), seen=0)
    sign_study(installation, study_id, Finding.GLIOMA, reader="Dr. Ada", second_read=True)
    installation.close()
    tab = reading(browser, server, "Dr. Bo", study_id)
    expect(tab.get_by_role("button", name="Key image")).to_be_enabled()
    theirs = tab.get_by_role("button", name="Others' marks")
    expect(theirs).to_have_count(0)
    sign(tab, "Glioma", reason="wrong class")
    expect(theirs).to_have_count(1)
    tab.context.close()


def test_what_was_taken_over_is_not_signed_until_it_is_taken_back(server: Server, browser: Browser) -> None:
    study_id = server.order[0]  # type: ignore[attr-defined]
    vera = reading(browser, server, "Dr. Vera", study_id)
    vera.get_by_role("radio", name="Glioma").click()
    expect(vera.get_by_text(SAVED)).to_be_visible()
    signing = vera.get_by_role("button", name=re.compile("^(Confirm|Sign)"))
    expect(signing).to_be_enabled()
    otto = reading(browser, server, "Dr. Otto", study_id)
    # Without a note: said at the field, which has the focus.
    why = otto.get_by_role("textbox", name="Why you take it over")
    otto.get_by_role("button", name="Take over").click()
    expect(otto.locator(".claim .refusal")).to_have_text("Enter why you take it over.")
    expect(why).to_be_focused()
    expect(why).to_have_attribute("aria-invalid", "true")
    why.fill("on call")
    expect(otto.locator(".claim .refusal")).to_have_text("")
    otto.get_by_role("button", name="Take over").click()
    expect(why).to_have_count(0)

    expect(vera.locator(".claim")).to_contain_text("Dr. Otto has this study open")
    expect(vera.locator(".claim")).to_contain_text("Taken over: on call")
    expect(signing).to_be_disabled()
    expect(vera.locator(".foot")).to_contain_text("Dr. Otto has this study open: take it over above")
    vera.get_by_role("textbox", name="Why you take it over").fill("it is mine")
    vera.keyboard.press("Enter")
    expect(vera.locator(".claim")).to_be_hidden()
    expect(signing).to_be_enabled()
    expect(vera.locator(".foot")).not_to_contain_text("take it over above")
    for tab in (vera, otto):
        tab.context.close()


def test_who_goes_on_without_signing_is_told_that_it_stays_a_draft(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    tab.get_by_role("radio", name="Glioma").click()
    tab.get_by_role("button", name=re.compile("^(Confirm|Sign)")).click()
    told = re.compile(r"^Not signed: .+ stays as a draft\.$")
    expect(tab.locator(".foot .refusal")).to_have_text(told)  # the question fell back by itself
    go_on(tab)
    expect(tab.locator(".foot .refusal")).to_have_text(told)
    go_on(tab)  # nothing was chosen here
    expect(tab.locator(".foot .refusal")).to_have_text("")
    tab.context.close()


def test_two_windows_of_one_reader_lose_neither_version(server: Server, browser: Browser) -> None:
    study_id = server.order[0]  # type: ignore[attr-defined]
    one = reading(browser, server, "Dr. Ada", study_id)
    other = one.context.new_page()
    # Without its looks at the record, which would bring it up to date before anything is typed there.
    other.route(re.compile("/reading/[0-9a-f]{32}$"), lambda route: route.abort())
    other.goto(one.url)
    expect(other.get_by_role("button", name="Next study")).to_be_visible()
    one.get_by_placeholder("Comment").fill("from one")
    expect(one.get_by_text(SAVED)).to_be_visible()
    other.get_by_placeholder("Comment").fill("from the other")
    expect(other.get_by_text("Which one is to stay?")).to_be_visible()
    expect(other.get_by_text("from one").first).to_be_visible()
    other.get_by_role("radio", name="Glioma").click()
    signing = other.get_by_role("button", name=re.compile("^(Confirm|Sign)"))
    expect(signing).to_be_disabled()
    expect(other.get_by_text("Choose above which draft stays")).to_be_visible()
    other.get_by_role("button", name="Keep mine").click()
    expect(signing).to_be_enabled()
    expect(other.get_by_text("Choose above which draft stays")).to_have_count(0)
    expect(other.get_by_text(SAVED)).to_be_visible()
    expect(other.get_by_placeholder("Comment")).to_have_value("from the other")
    one.context.close()


LOOK = re.compile("/reading/[0-9a-f]{32}$")


def test_a_late_answer_turns_nothing_back_and_a_question_stays_about_what_it_asked(
    server: Server, browser: Browser
) -> None:
    tab = reading(browser, server, "Dr. Ada")
    tab.get_by_role("radio", name="No tumour").click()
    comment = tab.get_by_placeholder("Comment")
    comment.fill("first")
    if (why := tab.get_by_label("Why the AI result is overridden")).is_visible():
        why.select_option("wrong class")
    expect(tab.get_by_text(SAVED)).to_be_visible()
    late: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if late:
            route.abort()
        else:
            late.append((route, route.fetch()))

    tab.route(LOOK, hold)
    until(lambda: tab.wait_for_timeout(200) or late)
    tab.get_by_role("radio", name="Meningioma").click()
    comment.fill("first, and more")
    tab.wait_for_timeout(1000)
    expect(tab.get_by_text(SAVED)).to_be_visible()
    tab.get_by_role("button", name=re.compile("^(Confirm|Sign)")).click()
    expect(tab.get_by_role("button", name="Sign “Meningioma”?")).to_be_visible()
    route, answer = late[0]
    route.fulfill(response=answer)
    tab.wait_for_timeout(500)
    expect(tab.get_by_role("radio", name="Meningioma")).to_be_checked()
    expect(comment).to_have_value("first, and more")
    expect(tab.get_by_role("button", name="Sign “Meningioma”?")).to_be_visible()
    tab.context.close()


def test_what_another_window_changes_takes_the_question_back(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    study = study_of(tab)
    sent: list[str] = []
    tab.on("request", lambda one: sent.append(one.url) if one.url.endswith("/signature") else None)
    tab.get_by_role("radio", name="No tumour").click()
    if (why := tab.get_by_label("Why the AI result is overridden")).is_visible():
        why.select_option("wrong class")
    expect(tab.get_by_text(SAVED)).to_be_visible()
    other = tab.context.new_page()
    other.goto(f"{server.address}/review?study={study}")
    expect(other.get_by_role("radio", name="No tumour")).to_be_checked()
    tab.bring_to_front()
    tab.get_by_role("button", name=re.compile("^(Confirm|Sign)")).click()
    other.get_by_placeholder("Comment").fill("urgent: call the ward")
    expect(tab.get_by_text("Another window changed this draft. Check it, then sign.")).to_be_visible()
    expect(tab.get_by_placeholder("Comment")).to_have_value("urgent: call the ward")
    expect(tab.get_by_role("button", name=re.compile("^Sign “"))).to_have_count(0)
    assert sent == []
    tab.context.close()


def test_what_another_reader_signs_takes_the_question_back(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    sent: list[str] = []
    tab.on("request", lambda one: sent.append(one.url) if one.url.endswith("/signature") else None)
    tab.get_by_role("radio", name="Glioma").click()
    if (why := tab.get_by_label("Why the AI result is overridden")).is_visible():
        why.select_option("wrong class")
    expect(tab.get_by_text(SAVED)).to_be_visible()
    asked = tab.get_by_role("button", name=re.compile("^Sign “"))
    installation = store(server)
    tab.get_by_role("button", name=re.compile("^(Confirm|Sign)")).click()
    expect(asked).to_be_visible()
    sign_study(installation, study_of(tab), Finding.GLIOMA, reader="Dr. Bob", second_read=True)
    installation.close()
    expect(tab.get_by_text("The study changed while you were asked. Look again, then sign.")).to_be_visible()
    expect(asked).to_have_count(0)
    assert sent == []
    tab.context.close()


def test_of_two_windows_none_erases_what_the_other_could_not_save(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    study = study_of(tab)
    other = tab.context.new_page()
    other.goto(f"{server.address}/review?study={study}")
    there = other.get_by_placeholder("Comment")
    expect(there).to_be_visible()
    tab.route(re.compile("/draft$"), lambda route: route.abort())
    tab.get_by_placeholder("Comment").fill("written here")
    expect(tab.get_by_text("Not saved: trying again")).to_be_visible()
    there.fill("written there")
    expect(other.get_by_text(SAVED)).to_be_visible()
    other.close()
    tab.reload()
    tab.unroute(re.compile("/draft$"))
    expect(tab.get_by_text("This draft was changed in another window. Which one is to stay?")).to_be_visible()
    tab.get_by_role("button", name="Keep mine").click()
    expect(tab.get_by_text(SAVED)).to_be_visible()
    expect(tab.get_by_placeholder("Comment")).to_have_value("written here")
    tab.context.close()


def test_a_window_that_takes_up_the_text_of_another_erases_nothing_that_was_typed_there_since(
    server: Server, browser: Browser
) -> None:
    tab = reading(browser, server, "Dr. Ada")
    study, drafts, held = study_of(tab), re.compile("/draft$"), list[Route]()
    tab.route(drafts, lambda route: route.abort())
    tab.get_by_placeholder("Comment").fill("one")
    expect(tab.get_by_text("Not saved: trying again")).to_be_visible()
    other = tab.context.new_page()
    other.route(drafts, lambda route: held.append(route))
    other.goto(f"{server.address}/review?study={study}")
    expect(other.get_by_placeholder("Comment")).to_have_value("one")
    until(lambda: other.wait_for_timeout(100) or held)
    tab.get_by_placeholder("Comment").fill("one, and two")
    tab.wait_for_timeout(500)
    held[0].continue_()
    expect(other.get_by_text(SAVED)).to_be_visible()
    tab.reload()
    expect(tab.get_by_placeholder("Comment")).to_have_value("one, and two")
    tab.context.close()


def test_text_that_a_browser_kept_asks_before_it_takes_the_place_of_a_later_draft(
    server: Server, browser: Browser
) -> None:
    tab = reading(browser, server, "Dr. Ada")
    study = study_of(tab)
    tab.route(re.compile("/draft$"), lambda route: route.abort())
    tab.get_by_placeholder("Comment").fill("old text of this browser")
    expect(tab.get_by_text("Not saved: trying again")).to_be_visible()
    # As if it had been written upon a draft that was signed since: of another version than the one that is there now.
    kept = "for (const [key, text] of Object.entries(localStorage)) if (key.startsWith('neurotriage-draft')) "
    tab.evaluate(kept + "localStorage.setItem(key, JSON.stringify({...JSON.parse(text), version: 2000000000}))")
    tab.goto("about:blank")
    installation = store(server)
    drafts = installation.store.drafts

    def save_later() -> bool:  # upon what the page has still sent while it was left, whenever that comes
        before = drafts.get(study, "Dr. Ada")
        with suppress(ConflictError):
            base = before.version if before else 0
            drafts.save(study, "Dr. Ada", Entries(comment="later"), base=base, seen=0, now=datetime.now(UTC))
            return True
        return False

    until(save_later)
    installation.close()
    tab.unroute(re.compile("/draft$"))
    tab.goto(f"{server.address}/review?study={study}")
    expect(tab.get_by_text("This draft was changed in another window. Which one is to stay?")).to_be_visible()
    expect(tab.get_by_text("old text of this browser").first).to_be_visible()
    tab.get_by_role("button", name="Take the other").click()
    expect(tab.get_by_placeholder("Comment")).to_have_value("later")
    tab.context.close()


def test_what_is_typed_while_a_lost_answer_is_asked_for_again_is_saved_too(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    lost: list[Route] = []

    def lose(route: Route) -> None:
        lost.append(route)
        if len(lost) == 1:
            route.fetch()
            route.abort()  # it arrived, and its answer did not
            return
        tab.get_by_placeholder("Comment").press_sequentially(" more")
        route.continue_()

    comment = tab.get_by_placeholder("Comment")
    tab.route(re.compile("/draft$"), lose)
    comment.fill("seen with Dr. X;")
    until(lambda: tab.wait_for_timeout(200) or len(lost) > 1)
    tab.unroute(re.compile("/draft$"))
    expect(comment).to_have_value("seen with Dr. X; more")
    expect(tab.get_by_text(SAVED)).to_be_visible()
    tab.wait_for_timeout(1500)
    tab.reload()
    expect(comment).to_have_value("seen with Dr. X; more")
    tab.context.close()


def test_a_signature_that_was_refused_is_told_at_the_next_study(server: Server, browser: Browser) -> None:
    tab = reading(browser, server, "Dr. Ada")
    study = study_of(tab)
    installation = store(server)  # before: what comes is within ten seconds, also on a busy machine
    sign(tab, "Meningioma", reason="wrong class")
    tab.get_by_role("button", name="Undo (u)").wait_for()
    go_on(tab)
    sign_study(installation, study, Finding.NOTUMOR, reader="Dr. Bob", comment="clear")
    installation.close()
    expect(tab.get_by_text("Not signed after all:")).to_be_visible(timeout=30_000)
    tab.get_by_role("button", name="Open it").click()
    expect(tab.locator(f'.reading[data-study="{study}"]')).to_be_visible()
    tab.context.close()


def test_a_blind_reader_sees_the_ai_after_committing(tmp_path: Path, browser: Browser, slices: list[Phantom]) -> None:
    server = Server(tmp_path / "home", TRIAGE_BLIND_FIRST_READ="true")
    (study_id,) = prepared(server.home, slices, 1)
    server.start()
    try:
        tab = reading(browser, server, "Dr. Ada", study_id)
        expect(tab.get_by_text("Blind reading.")).to_be_visible()
        expect(tab.locator("#viewer .nt-pane[data-drawn]").first).to_be_visible()
        for hint in ("AI:", "P(glioma)", "Heat map", "operating point", "scored"):
            expect(tab.get_by_role("main").get_by_text(hint).filter(visible=True)).to_have_count(0)
        tab.get_by_role("radio", name="No tumour").click()
        tab.get_by_role("button", name="Commit, then show the AI").click()
        question(tab).click()
        expect(tab.get_by_text("Committed before the AI was shown: No tumour")).to_be_visible()
        expect(tab.get_by_role("main").get_by_text("AI:")).to_be_visible()
        sign(tab, "Glioma", "seen on the second look", "missed lesion")
        expect(tab.get_by_text("Blind, before the AI result was shown: No tumour.")).to_be_visible(timeout=60_000)
        tab.context.close()
    finally:
        server.kill()
    installation = store(server)
    (kept,) = installation.store.study(study_id).readings
    assert (kept.blind, kept.finding) == (Finding.NOTUMOR, Finding.GLIOMA)
    installation.close()


def test_a_blind_reader_commits_nothing_for_slices_that_are_not_on_the_picture(
    tmp_path: Path, browser: Browser
) -> None:
    server, made = Server(tmp_path / "home", TRIAGE_BLIND_FIRST_READ="true"), dict(phantom_study(Finding.GLIOMA, 4))
    installation = store(server)
    study_id, *_ = take_in(installation, made)
    installation.close()
    server.start()
    try:
        tab = reading(browser, server, "Dr. Ada", study_id)
        expect(tab.locator("#viewer .nt-pane[data-drawn]").first).to_be_visible()
        tab.get_by_role("radio", name="No tumour").click()
        commit, committed = (
            tab.get_by_role("button", name="Commit, then show the AI"),
            tab.get_by_text("Committed before"),
        )
        commit.click()
        question(tab).click()
        expect(committed).to_be_visible()
        tab.route(re.compile(f"/{study_id}/study.json$"), lambda one: None)
        installation = Installation(Settings(home=server.home, worker="separate"))
        late = {"SeriesInstanceUID": "1.2.3.4", "SeriesNumber": 7, "SeriesDescription": "late"}
        files = [redrawn(file, **late, SOPInstanceUID=f"1.2.3.4.{at}") for at, file in enumerate(made.values())]
        installation.receive([Incoming(f"late-{at}", data=file) for at, file in enumerate(files)], actor="late")
        installation.close()
        expect(committed).to_have_count(0)
        commit.click()
        question(tab).click()
        refusal = tab.locator(".reading .refusal")
        expect(refusal).to_contain_text("Slices arrived, and the picture does not show them yet.", timeout=20_000)
        tab.context.close()
    finally:
        server.kill()


def test_a_comment_is_not_typed_below_the_buttons(server: Server, browser: Browser) -> None:
    """They stay in sight, over what is longer than the window."""
    tab = reading(browser, server, "Dr. Ada")
    tab.set_viewport_size({"width": 1366, "height": 600})
    tab.get_by_role("radio", name="Other lesion").click()
    comment = tab.get_by_placeholder("Comment")
    sign = tab.get_by_role("button", name=re.compile("^(Confirm|Sign)"))
    expect(sign).to_be_in_viewport(ratio=1)
    tab.get_by_test_id("stMain").evaluate("(main) => main.scrollTo(0, 0)")
    comment.focus()
    field, button = comment.bounding_box(), sign.bounding_box()
    assert field is not None
    assert button is not None
    assert field["y"] + field["height"] <= button["y"]
    expect(sign).to_be_in_viewport(ratio=1)


def test_nothing_that_has_the_focus_is_below_the_buttons(server: Server, browser: Browser) -> None:
    """Not by Tab through the form, and not as another question comes above the comment that is typed."""
    tab = reading(browser, server, "Dr. Ada")
    tab.set_viewport_size({"width": 1024, "height": 560})
    focused = """() => {
      let one = document.activeElement;
      while (one.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
      const foot = one.closest(".reading")?.querySelector(".foot");
      if (!foot || foot.contains(one)) return null;
      const { top, bottom } = (one.closest("label") ?? one).getBoundingClientRect();
      return [top, bottom, foot.getBoundingClientRect().top];
    }"""
    comment = tab.get_by_placeholder("Comment")
    tab.get_by_test_id("stMain").evaluate("(main) => main.scrollTo(0, 0)")
    tab.get_by_role("radio", name="Glioma").focus()
    seen = 0
    for key in ("Alt+1", "Alt+2"):  # one of them is no answer of the AI, and asks for its reason
        comment.focus()
        tab.keyboard.press(key)
        tab.wait_for_timeout(300)
        expect(comment).to_be_focused()
        top, bottom, foot = tab.evaluate(focused)
        assert 0 <= top < bottom <= foot
    tab.get_by_test_id("stMain").evaluate("(main) => main.scrollTo(0, 0)")
    tab.locator("#viewer").focus()
    for _ in range(60):
        tab.keyboard.press("Tab")
        if (place := tab.evaluate(focused)) is not None:
            seen += 1
            assert 0 <= place[0] < place[1] <= place[2]
    assert seen >= 4
    tab.context.close()


def test_a_reading_stands_in_one_window(tmp_path: Path, browser: Browser) -> None:
    """On 1366 x 768 and 1024 x 768, also in the longer language and after readings: who, the form, and the reports."""
    installation = Installation(Settings(home=tmp_path))
    (study, *_) = take_in(installation, dict(phantom_study(Finding.GLIOMA, 5)))
    (often, *_) = take_in(installation, dict(phantom_study(Finding.GLIOMA, 5, seed=1)))
    for name in ("Dr. Ada", "Dr. Bo", "Dr. Cleo", "Dr. Cleo"):
        finding = Finding.NOTUMOR if name == "Dr. Bo" else Finding.GLIOMA
        sign_study(installation, often, finding, reader=name, second_read=True)
    installation.close()
    with served(tmp_path) as (address, _):
        for locale, width, opened in product(("en-GB", "de-DE"), (1366, 1024), (study, often)):
            if (width, opened) == (1366, study):
                tab = browser.new_context(locale=locale).new_page()
                tab.set_default_timeout(90_000)
                tab.context.add_cookies([{"name": "triage_reader", "value": "Dr.%20Cleo", "url": address}])
            tab.set_viewport_size({"width": width, "height": 768})
            tab.goto(f"{address}/review?study={opened}")
            expect(tab.locator(".reading textarea")).to_be_visible()
            of_dicom = tab.get_by_test_id("stBaseButton-secondary").filter(has_text="DICOM").first
            series, sign_it = tab.get_by_test_id("stPopover").get_by_role("button"), tab.locator(".buttons .primary")
            buttons = (series, of_dicom, sign_it)
            for button in buttons:
                expect(button).to_be_in_viewport(ratio=1, timeout=10_000)
            # An override asks for its reason: whichever class the AI chose, one of two is another one.
            why = tab.locator(".why select")
            for key in ("Alt+1", "Alt+2"):
                if why.is_hidden():
                    tab.keyboard.press(key)
            expect(why).to_be_visible()
            for button in buttons:
                expect(button).to_be_in_viewport(ratio=1, timeout=10_000)
