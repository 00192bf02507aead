"""Every page in German: no English word is left, nothing is cut off; the choice of a reader is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import take_in
from playwright.sync_api import Browser, Page, expect
from servers import served

from triage.domain import Finding
from triage.phantom_studies import phantom_study
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.settings import Settings

pytestmark = pytest.mark.browser
ARTEFACTS = Path(__file__).parents[1] / "artefacts"
SLOWEST = 90_000  # milliseconds
#: Heading of each page, and what else to wait for.
PAGES = {
    "": ("Arbeitsliste", ".worklist tbody"),
    "upload": ("Hochladen", "[data-testid=stDataFrame]"),
    "conflicts": ("Konflikte", "[data-testid=stAlert]"),
    "readings": ("Meine Befunde", "[data-testid=stAlert]"),
    "insights": ("Auswertung", "[data-testid=stMetric]"),
    "models": ("Modelle", "[data-testid=stMetric]"),
    "monitoring": ("Überwachung", "[data-testid=stAlert]"),
}
#: Words of our English texts. Phantoms, the model card and Streamlit have English of their own, which is left out.
ENGLISH = re.compile(
    r"\b(the|of|and|is|are|it|to|study|studies|reading|readings|reader|slices?|sign(ed)?|waiting|worklist|tumour|glioma|"
    r"outline|window|choose|save[ds]?|undo|keys|first|last|read)\b",
    re.IGNORECASE,
)
#: All text on the page, that in shadow trees included, and labels and helps of controls.
TEXTS = """
() => {
  const found = [];
  const walk = (node) => {
    for (const one of node.querySelectorAll("*")) {
      if (one.shadowRoot) walk(one.shadowRoot);
      if (one.closest("style, script, noscript, [href^='#'], [data-testid=stFileUploader], [translate=no]")) continue;
      for (const name of ["aria-label", "title", "placeholder"]) {
        const said = one.getAttribute(name);
        if (said && one.closest("#viewer, .worklist, .reading")) found.push(said);
      }
      const own = [...one.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE);
      found.push(own.map((child) => child.textContent.trim()).join(" "));
    }
  };
  walk(document.body);
  return found;
}
"""
#: Words that are cut off at the edge of what holds them.
CUT_OFF = """
() => {
  const found = [];
  const walk = (node) => {
    for (const one of node.querySelectorAll("*")) {
      if (one.shadowRoot) walk(one.shadowRoot);
      const named = one.matches("button, summary, .band, th > *, [data-testid=stMetricLabel] p");
      if (named && one.clientWidth && one.scrollWidth > one.clientWidth + 1) found.push(one.textContent);
    }
  };
  walk(document);
  return found;
}
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, slices: list[Phantom]) -> Iterator[str]:
    """The app with phantoms that wait to be read."""
    home = tmp_path_factory.mktemp("home") / "home"
    installation = Installation(Settings(home=home))
    take_in(installation, {phantom.name: phantom.png for phantom in slices[:4]})
    for seed, finding in enumerate((Finding.GLIOMA, Finding.MENINGIOMA)):
        take_in(installation, dict(phantom_study(finding, 5, seed)))
    installation.close()
    with served(home) as (address, _):
        yield address


def opened(browser: Browser, address: str, locale: str, **cookies: str) -> Page:
    context = browser.new_context(locale=locale, viewport={"width": 1366, "height": 768})
    context.set_default_timeout(SLOWEST)
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
    return context.new_page()


def english(page: Page) -> list[str]:
    found = [text for text in page.evaluate(TEXTS) if ENGLISH.search(text)]
    return [text for text in found if not re.search("PHANTOM|MRI|Study Instance UID", text)]


def test_every_page_speaks_german(address: str, browser: Browser) -> None:
    page = opened(browser, address, "de-DE", triage_reader="Dr.%20Weber")
    for name, (heading, content) in PAGES.items():
        page.goto(f"{address}/{name}")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading, timeout=SLOWEST)
        page.locator(content).first.wait_for()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=SLOWEST)
        expect(page.locator("html")).to_have_attribute("lang", "de-DE")
        page.screenshot(path=ARTEFACTS / f"german-{name or 'worklist'}.png")
        # What a model card says of itself is English.
        texts = english(page) if name != "models" else []
        assert texts == [], name
        assert page.evaluate(CUT_OFF) == [], name
    page.context.close()


def test_the_reading_room_speaks_german(address: str, browser: Browser) -> None:
    page = opened(browser, address, "de-DE", triage_reader="Dr.%20Weber")
    page.goto(f"{address}/review")
    page.locator("#viewer .nt-pane[data-drawn]").wait_for()
    page.locator(".reading button").first.wait_for(state="attached")
    expect(page.get_by_role("button", name="Kontur", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=SLOWEST)
    page.screenshot(path=ARTEFACTS / "german-review.png")
    page.locator("#viewer").focus()
    page.keyboard.press("?")
    expect(page.locator(".nt-help")).to_contain_text("Fenster: Hirn")
    page.screenshot(path=ARTEFACTS / "german-keys.png")
    assert english(page) == []
    assert page.evaluate(CUT_OFF) == []
    page.context.close()


def test_a_reader_chooses_the_language_once(address: str, browser: Browser) -> None:
    page = opened(browser, address, "en-US", triage_reader="Dr.%20Keller")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Worklist", timeout=SLOWEST)
    page.get_by_role("radio", name="Deutsch").or_(page.get_by_role("button", name="Deutsch")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Arbeitsliste", timeout=SLOWEST)
    expect(page.locator(".worklist th").first).to_have_text("Stufe")
    page.context.close()
    # Another browser: the reader's choice is on the record.
    page = opened(browser, address, "en-US", triage_reader="Dr.%20Keller")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Arbeitsliste", timeout=SLOWEST)
    page.context.close()
