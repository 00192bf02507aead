"""Another model in a real browser: in shadow, promoted against its judgement by two administrators, rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from access_samples import PASSWORD, account
from candidate_samples import judge, make_candidate
from helpers import take_in
from playwright.sync_api import Browser, Page, expect
from servers import served

from triage.access.roles import Role
from triage.domain import Finding
from triage.learning.judgement import Verdict
from triage.phantoms import phantoms
from triage.pipeline.installation import Installation
from triage.settings import Settings

pytestmark = pytest.mark.browser
LONG = 120_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with an open study, two administrators, a reader, and a candidate that calls all heads glioma."""
    home = tmp_path_factory.mktemp("home")
    installation = Installation(Settings(home=home))
    calm = next(one for one in phantoms(8) if one.finding is Finding.NOTUMOR)
    take_in(installation, {"calm.png": calm.png})
    for login in ("ada", "bea"):
        account(installation.access, login)
    account(installation.access, "rob", Role.RADIOLOGIST)
    installation.close()
    judge(make_candidate(home, "ours", glioma=20.0), verdict=Verdict.FAILED)
    with served(home) as (address, _):
        yield address


def sign_in(browser: Browser, address: str, login: str, path: str) -> Page:
    tab = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    tab.set_default_timeout(60_000)
    tab.goto(address + path)
    tab.get_by_label("Name").fill(login)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_test_id("stSidebarNav")).to_be_visible()
    return tab


def test_shadow_override_by_two_administrators_new_ranks_and_the_way_back(address: str, browser: Browser) -> None:
    ada, rob = sign_in(browser, address, "ada", "/models"), sign_in(browser, address, "rob", "/")
    expect(rob.get_by_text("calm.png")).to_be_visible()
    ada.get_by_role("button", name="Score in shadow").click()
    expect(ada.get_by_text("In shadow since")).to_be_visible()
    expect(ada.get_by_role("button", name="Promote")).to_have_count(0)
    ada.get_by_role("button", name="Ask for an override").click()
    ada.get_by_role("button", name="Ask a second administrator").click()
    expect(ada.get_by_text("An override needs a reason")).to_be_visible()
    ada.get_by_label("Why it should serve nevertheless").fill("our scanners need it")
    ada.get_by_role("button", name="Ask a second administrator").click()
    ada.get_by_role("button", name="Override asked for").click()
    expect(ada.get_by_text("Another administrator has to agree")).to_be_visible()
    expect(ada.get_by_role("button", name="Agree, and promote it now")).to_have_count(0)

    bea = sign_in(browser, address, "bea", "/models")
    bea.get_by_role("button", name="Override asked for").click()
    expect(bea.get_by_text("our scanners need it").first).to_be_visible()
    bea.get_by_role("button", name="Agree, and promote it now").click()
    expect(bea.get_by_text("It serves from the next study on")).to_be_visible()
    expect(rob.get_by_text("anew 1.00 by ours").first).to_be_visible(timeout=LONG)

    bea.get_by_role("button", name="Roll back").click()
    bea.get_by_role("button", name="Roll back now").click()
    expect(bea.get_by_text("The model before it serves from the next study on")).to_be_visible()
    expect(rob.get_by_text("anew 1.00 by ours")).to_have_count(0, timeout=LONG)
