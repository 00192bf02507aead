"""Accounts in a real browser: nothing before the sign-in, the roles' pages, a proof at the signature, all tabs end."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from access_samples import PASSWORD, account
from helpers import take_in, until
from playwright.sync_api import Browser, Locator, Page, Route, expect
from servers import served
from signing import question

from triage.access.roles import Role
from triage.phantoms import phantoms
from triage.pipeline.installation import Installation
from triage.settings import ROOT, Settings

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as it is served to those with accounts, with two studies."""
    home = tmp_path_factory.mktemp("home")
    installation = Installation(Settings(home=home))
    take_in(installation, {one.name: one.png for one in phantoms(2)})
    account(installation.access, "ada", Role.RADIOLOGIST, Role.ADMINISTRATOR)
    account(installation.access, "ben", Role.RADIOLOGIST)
    account(installation.access, "tim", Role.TECHNICIAN)
    installation.close()
    with served(home, TRIAGE_SIGN_WITH_PASSWORD="true") as (address, _):
        yield address


def sign_in(browser: Browser, address: str, login: str, complaints: list[str], path: str = "/") -> Page:
    tab = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    tab.set_default_timeout(60_000)
    tab.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    tab.goto(address + path)
    assert "/sign-in" in tab.url
    tab.get_by_label("Name").fill(login)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_test_id("stSidebarNav")).to_be_visible(timeout=60_000)
    return tab


def top(of: Locator) -> float:
    box = of.bounding_box()
    assert box
    return box["y"]


def test_a_radiologist_signs_with_the_password_and_signs_out_everywhere(address: str, browser: Browser) -> None:
    complaints: list[str] = []
    tab = sign_in(browser, address, "ada", complaints, "/review")
    expect(tab.get_by_test_id("stSidebar").get_by_text("Dr. Ada")).to_be_visible(timeout=60_000)
    tab.get_by_role("radio", name="Glioma").click()
    signing = tab.get_by_role("button", name=re.compile("^(Confirm and sign|Sign override)$"))
    asked, password = tab.get_by_text("Confirm above that it is you"), tab.get_by_label("Password", exact=True)
    signing.click()
    expect(asked).to_be_in_viewport(timeout=60_000)
    expect(password).to_be_focused()
    before = top(signing)
    tab.keyboard.type(PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("Confirmed for your next signature")).to_be_visible(timeout=60_000)
    expect(asked).to_have_count(0)
    assert top(signing) == pytest.approx(before, abs=20)  # the line that told what to do is gone
    signing.click()
    question(tab).click()
    expect(tab.get_by_text("Final in")).to_be_visible()
    expect(tab.get_by_text("Confirmed for this signature.")).to_be_visible(timeout=60_000)
    expect(password).to_have_count(0)
    for name in (
        "Worklist",
        "Upload",
        "Conflicts",
        "My readings",
        "Insights",
        "Models",
        "Monitoring",
        "Users",
        "Audit trail",
    ):
        tab.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
        expect(tab.get_by_role("heading", name=name, exact=True).first).to_be_visible(timeout=60_000)
    other = tab.context.new_page()
    other.goto(address)
    expect(other.get_by_test_id("stSidebarNav")).to_be_visible(timeout=60_000)
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/sign-in**")
    other.wait_for_url("**/sign-in**", timeout=30_000)
    expect(other.get_by_text("PHANTOM")).to_have_count(0)
    assert complaints == []


def test_a_picture_that_comes_late_leaves_the_password_its_keys(address: str, browser: Browser) -> None:
    tab = sign_in(browser, address, "ada", [])
    held: list[Route] = []
    tab.route("**/viewer/studies/*/study.json", lambda one: held.append(one))
    tab.get_by_test_id("stSidebarNav").get_by_role("link", name="Review").click()
    password = tab.get_by_label("Password", exact=True)
    password.click()
    tab.wait_for_timeout(500)
    for one in held:
        one.continue_()
    tab.unroute("**/viewer/studies/*/study.json")
    expect(tab.locator("#viewer .nt-pane[data-drawn]")).to_be_visible(timeout=60_000)
    tab.keyboard.type(PASSWORD)
    expect(password).to_have_value(PASSWORD)
    tab.context.close()


def test_a_page_opened_by_its_address_asks_for_nothing_that_is_not_there(address: str, browser: Browser) -> None:
    tab = sign_in(browser, address, "ada", [], "/review")
    answers: list[tuple[int, str]] = []
    tab.on("response", lambda answer: answers.append((answer.status, answer.url.removeprefix(address))))
    tab.reload()
    expect(tab.locator("#viewer")).to_be_visible(timeout=60_000)
    assert "/_stcore/health" in [path for _, path in answers]
    assert [(status, path) for status, path in answers if status >= 400] == []
    tab.context.close()


def test_a_file_of_a_page_is_for_its_session_alone(address: str, browser: Browser) -> None:
    ada, ben = (sign_in(browser, address, login, [], path) for login, path in (("ada", "/review"), ("ben", "/")))
    ada.get_by_role("button", name="Report", exact=True).click()
    picture = ada.get_by_role("main").locator("img[src*='/media/']").first
    expect(picture).to_be_visible(timeout=60_000)
    found = urljoin(address, picture.get_attribute("src") or "")
    assert ada.request.get(found).status == 200
    assert ben.request.get(found).status == 404
    assert requests.get(found, timeout=30).status_code == 401
    ben.context.close()
    ada.context.close()


def test_a_technician_sees_what_technicians_may_do(address: str, browser: Browser) -> None:
    tab = sign_in(browser, address, "tim", [])
    links = tab.get_by_test_id("stSidebarNav").get_by_role("link")
    expect(links).to_have_count(2)
    names = [text.rpartition("\n")[2] for text in links.all_inner_texts()]  # before them stand the names of the icons
    assert names == ["Worklist", "Upload"]
    expect(tab.locator(".worklist tbody")).to_have_count(2)
    expect(tab.get_by_role("link", name="CSV")).to_have_count(0)
    expect(tab.get_by_role("button", name="Read next")).to_have_count(0)
    tab.goto(f"{address}/users")
    expect(tab.get_by_test_id("stSidebarNav")).to_be_visible(timeout=60_000)
    expect(tab.get_by_text("ask an administrator")).to_be_visible(timeout=60_000)
    expect(tab.get_by_role("heading", name="Users")).to_have_count(0)
    expect(links).to_have_count(2)


def test_an_administrator_is_told_how_accounts_are_signed_in_with(address: str, browser: Browser) -> None:
    tab = sign_in(browser, address, "ada", [], "/users")
    tab.get_by_text("Dr. Ben").click()
    expect(tab.get_by_text("Signs in as ben, without one-time codes.")).to_be_visible(timeout=60_000)
    tab.context.close()


def test_long_tables_use_the_height_of_the_window(address: str, browser: Browser) -> None:
    tab = sign_in(browser, address, "ada", [], "/audit")
    tab.set_viewport_size({"width": 1920, "height": 1080})
    export = tab.get_by_role("link", name="CSV")
    expect(export).to_be_in_viewport()
    until(lambda: export.evaluate("(one) => innerHeight - one.getBoundingClientRect().bottom") < 60)
    tab.goto(f"{address}/models")
    expect(tab.get_by_test_id("stDataFrame")).to_have_count(3)
    whole = tab.get_by_test_id("stDataFrame").first.evaluate("(one) => one.getBoundingClientRect().height")
    assert whole > 800, "all figures, without scrolling in the table"


def test_the_server_does_not_name_itself(address: str) -> None:
    time.sleep(1.5)  # the header is kept for a second
    assert "server" not in requests.get(f"{address}/health", timeout=30).headers


def test_the_screens_of_the_sign_in(address: str, browser: Browser) -> None:
    artefacts = ROOT / "tests" / "artefacts"
    Path(artefacts).mkdir(exist_ok=True)
    for width, height in ((1366, 768), (1920, 1080)):
        tab = browser.new_page(viewport={"width": width, "height": height})
        tab.goto(address)
        expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
        tab.screenshot(path=artefacts / f"sign-in_{width}.png")
        tab.close()


def test_a_first_password_is_covered_by_nothing(address: str, browser: Browser) -> None:
    tab = sign_in(browser, address, "ada", [], "/users")
    tab.get_by_label("Name for the sign-in").fill("new")
    tab.get_by_role("textbox", name="Name that is signed").fill("Dr. New")
    tab.get_by_role("button", name="Add", exact=True).click()
    expect(tab.get_by_text("it has to be changed at the first sign-in")).to_be_visible()
    expect(tab.get_by_test_id("stToast")).to_have_count(0)
    tab.context.close()


def test_the_account_names_browsers_in_full_and_the_logo_stands_on_the_page(address: str, browser: Browser) -> None:
    tab = sign_in(browser, address, "ben", [])
    tab.emulate_media(color_scheme="light")
    tab.goto(f"{address}/account")
    expect(tab.get_by_role("cell", name="Mozilla").first).to_contain_text(re.compile(r"Safari/[\d.]+$"))
    background = "(one) => getComputedStyle(one).backgroundColor"
    assert tab.locator(".logo").evaluate(background) == "rgba(0, 0, 0, 0)"
    for width in (1366, 400):
        tab.set_viewport_size({"width": width, "height": 768})
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.screenshot(path=ROOT / "tests" / "artefacts" / f"account_light_{width}.png")
    tab.context.close()
