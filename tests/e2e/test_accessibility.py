"""No page breaks a serious rule of accessibility (axe-core, WCAG 2.2 A and AA), in either theme; nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from helpers import sign_study, take_in, zipped
from playwright.sync_api import Browser, Page, expect
from servers import served

from triage.domain import Finding
from triage.phantom_studies import phantom_study
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.settings import ROOT, Settings

pytestmark = pytest.mark.browser
AXE = ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("", "review", "upload", "conflicts", "readings", "insights", "models", "monitoring", "audit")
READER = "Dr. Ada"
#: Milliseconds until a page has to be drawn.
PATIENCE = 60_000
#: Pages that may be longer than the window.
LONG = ("upload", "insights", "monitoring", "models", "audit")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
SIZES = ((1024, 768), (1366, 768), (1920, 1080), (2560, 1440))
#: The list of pages, which Streamlit draws: its items stand in the list by way of a `div`.
NOT_OURS = "[data-testid=stSidebarNav]"

#: What stands beyond the window, and names and buttons of which a part is hidden. Tables scroll by themselves.
CUT_OFF = """() => {
  const scrolling = ".rows, [data-testid=stDataFrame], [data-testid=stSidebar], .nt-thumbs, .js-plotly-plot"
    + ", #js-plotly-tester";  // where Plotly measures text
  const named = "button, label, summary, h1, h2, h3, .nt-banner, [data-testid=stMetricLabel]";
  const found = [];
  const look = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.shadowRoot) look(one.shadowRoot);
      const box = one.getBoundingClientRect();
      const drawn = box.width && box.height && one.checkVisibility({ visibilityProperty: true });
      if (!drawn || one.closest(scrolling)) continue;
      const clips = one.matches(named) && getComputedStyle(one).overflowX !== "visible";
      const hidden = clips && one.scrollWidth > one.clientWidth + 1;
      if (box.right > innerWidth + 1 || box.left < -1 || hidden)
        found.push(`${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 40)}`);
    }
  };
  look(document);
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  return found;
}"""
#: Colours are those of the page once nothing fades in or out any more.
STILL = """() => Promise.allSettled(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().endTime !== Infinity).map((one) => one.finished))"""
#: Pixels between the last text of the page, scrolled to its end, and the line there.
LOWEST = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  main.scrollTo(0, main.scrollHeight);
  const line = document.querySelector(".research").getBoundingClientRect().top;
  const parts = document.querySelectorAll("[data-testid=stMainBlockContainer] :is(button, p, summary, label)");
  const ends = [...parts].filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().bottom);
  return line - Math.max(...ends.filter((end) => end < main.scrollHeight));
}"""
#: Buttons of the form that are not within the window.
OUT_OF_SIGHT = """() => {
  const form = [...document.querySelectorAll("*")].map((one) => one.shadowRoot?.querySelector(".reading")).find(Boolean)
    ?? document.querySelector(".reading");
  const buttons = [...form.querySelectorAll(":scope > .buttons button")];
  const shown = (box) => box.height > 0 && box.bottom <= innerHeight && box.right <= innerWidth;
  return buttons.filter((one) => !shown(one.getBoundingClientRect())).map((one) => one.textContent);
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, slices: list[Phantom]) -> Iterator[str]:
    """The app with phantoms that wait to be read, and one that is signed."""
    home = tmp_path_factory.mktemp("home") / "home"
    installation = Installation(Settings(home=home))
    volumes = {f"{seed}.zip": zipped(dict(phantom_study(finding, 5, seed))) for seed, finding in enumerate(Finding)}
    first, *_ = take_in(installation, volumes | {phantom.name: phantom.png for phantom in slices[:4]})
    sign_study(installation, first, Finding.GLIOMA, reader=READER)
    installation.close()
    with served(home) as (address, _):
        yield address


@pytest.fixture(scope="module")
def window(address: str, browser: Browser) -> Iterator[Page]:
    """One window for all tests: its browser reads the scripts of the pages once."""
    context = browser.new_context()
    context.add_cookies([{"name": "triage_reader", "value": quote(READER), "url": address}])
    yield context.new_page()
    context.close()


@pytest.fixture
def tab(window: Page) -> Page:
    """The window at the size of a small screen, with a mouse."""
    window.set_viewport_size({"width": 1366, "height": 768})
    touched(window, enabled=False)
    return window


def touched(tab: Page, *, enabled: bool) -> None:
    """Make the screen one that is touched, or not; buttons are larger there."""
    session = tab.context.new_cdp_session(tab)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": enabled})
    assert tab.evaluate("matchMedia('(pointer: coarse)').matches") is enabled


def settled(tab: Page, address: str) -> None:
    """Open a page and wait until it is drawn."""
    tab.goto(address)
    heading = tab.get_by_role("heading", level=1).or_(tab.get_by_role("heading", level=3)).first
    expect(heading).to_be_visible(timeout=PATIENCE)
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE)
    expect(tab.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE)
    tab.wait_for_timeout(1500)


def broken(tab: Page, place: str) -> list[str]:
    """The serious rules that the page breaks as it is now."""
    expect(tab.locator("[data-stale=true]")).to_have_count(0, timeout=PATIENCE)
    tab.evaluate(STILL)
    tab.evaluate(AXE.read_text())
    scope, tags = {"include": [["html"]], "exclude": [[NOT_OURS]]}, list(RULES)
    found = tab.evaluate("([scope, tags]) => axe.run(scope, {runOnly: {type: 'tag', values: tags}})", [scope, tags])
    return [
        f"{place}: {rule['id']}: {node['html'][:160]}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def drawn(tab: Page) -> None:
    """Wait until the viewer has its slices and its tools."""
    expect(tab.locator("#viewer .nt-pane[data-drawn]").first).to_be_visible(timeout=PATIENCE)
    expect(tab.locator(".nt-key")).to_be_enabled(timeout=PATIENCE)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make lint-js)")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_breaks_no_serious_rule_and_nothing_is_cut_off(address: str, tab: Page, page: str) -> None:
    """In either theme, at any size; and its last text is scrolled clear of the line at its end."""
    found: list[str] = []
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        settled(tab, f"{address}/{page}")
        found += broken(tab, theme)
    if page in LONG:
        tab.evaluate(LOWEST)  # charts come as they are reached
        tab.wait_for_timeout(1000)
        assert tab.evaluate(LOWEST) >= 12
    if page == "review":
        drawn(tab)
        tab.keyboard.press("Alt+3")  # an override asks for its reason
    touched(tab, enabled=True)
    for width, height in SIZES:
        tab.set_viewport_size({"width": width, "height": height})
        tab.wait_for_timeout(800)
        found += [f"{width}: {one}" for one in tab.evaluate(CUT_OFF)]
        if page == "review":
            found += [f"{width}: out of sight: {one}" for one in tab.evaluate(OUT_OF_SIGHT)]
    assert not found, "\n".join(found)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make lint-js)")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_unfolds_breaks_no_serious_rule(address: str, tab: Page, theme: str) -> None:
    """The tools, the keys, two panes, an override, the choice of columns, what a data set holds, a report."""
    tab.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    settled(tab, f"{address}/review")
    drawn(tab)
    tab.get_by_text("More", exact=True).click()
    tab.keyboard.press("Alt+3")
    found = broken(tab, "tools and override")
    tab.locator("#viewer").focus()
    tab.keyboard.press("w")
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog", name="Keys")).to_be_visible()
    found += broken(tab, "keys")
    settled(tab, f"{address}/")
    tab.get_by_text("Columns", exact=True).click()
    found += broken(tab, "columns")
    settled(tab, f"{address}/readings")
    tab.get_by_text("Make a data set").click()
    expect(tab.get_by_role("button", name="Make it")).to_be_visible()
    found += broken(tab, "data set")
    assert not found, "\n".join(found)
