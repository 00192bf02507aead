"""No page breaks a serious rule of accessibility (axe-core, WCAG 2.2 A and AA), in either theme."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from helpers import free_port, wait_until_healthy
from playwright.sync_api import Browser, expect

from triage.settings import ROOT

pytestmark = pytest.mark.browser
AXE = ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("", "review", "upload", "conflicts", "readings", "models")
#: The list of pages, which Streamlit draws: its items stand in the list by way of a `div`.
NOT_OURS = "[data-testid=stSidebarNav]"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with phantoms that wait to be read."""
    port, home = free_port(), tmp_path_factory.mktemp("home")
    environment = os.environ | {"TRIAGE_HOME": str(home)}
    subprocess.run([sys.executable, "-m", "triage", "demo"], cwd=ROOT, env=environment, check=True)
    command = [sys.executable, "-m", "triage", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_until_healthy(f"http://localhost:{port}", process)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make lint-js)")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_page_breaks_a_serious_rule(address: str, browser: Browser, theme: str) -> None:
    tab = browser.new_page(viewport={"width": 1366, "height": 768}, color_scheme=theme)  # type: ignore[arg-type]
    broken: list[str] = []
    for page in PAGES:
        tab.goto(f"{address}/{page}")
        expect(tab.get_by_role("heading", level=1).or_(tab.get_by_role("heading", level=3)).first).to_be_visible(
            timeout=60_000
        )
        expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
        tab.wait_for_timeout(1500)
        tab.evaluate(AXE.read_text())
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        scope = {"include": [["html"]], "exclude": [[NOT_OURS]]}
        found = tab.evaluate("([scope, tags]) => axe.run(scope, {runOnly: {type: 'tag', values: tags}})", [scope, tags])
        for rule in found["violations"]:
            if rule["impact"] in {"serious", "critical"}:
                broken += [f"{page or 'worklist'}: {rule['id']}: {node['html'][:160]}" for node in rule["nodes"]]
    tab.close()
    assert not broken, "\n".join(broken)
