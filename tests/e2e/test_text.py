"""`triage.text.markdown` in the program that it is written for: Streamlit in a browser shows the text, nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import free_port
from hostile_text import MARKDOWN
from playwright.sync_api import Browser, Page, expect
from servers import wait_until_healthy

from triage.settings import ROOT
from triage.text import JOINER, one_line

pytestmark = pytest.mark.browser
#: What Markdown can make of a text.
MADE_BY_MARKDOWN = (
    "a, img, strong, em, del, code, pre, ul, ol, table, blockquote, hr, h1, h2, .katex, "
    "span[data-testid=stIconMaterial], [class*=stMarkdownColored], [class*=stMarkdownSmall], span[role=img]"
)
SCRIPT = """
import streamlit as st
from hostile_text import MARKDOWN
from triage.text import markdown

for number, text in enumerate(MARKDOWN):
    st.container(key=f"markdown-{number}").markdown(markdown(text))
    st.container(key=f"button-{number}").button(markdown(text), key=f"b{number}")
    st.container(key=f"within-{number}").success(f"**Glioma**, {markdown(text)}")
st.container(key="end").markdown("ready")
"""


@pytest.fixture(scope="module")
def tab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    script, port = tmp_path_factory.mktemp("app") / "texts.py", free_port()
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port), "--server.headless=true"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parents[1])])}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_until_healthy(f"http://localhost:{port}", lambda: process.poll() is None, "/_stcore/health")
        page = browser.new_page()
        page.goto(f"http://localhost:{port}")
        expect(page.get_by_text("ready")).to_be_visible(timeout=30_000)
        page.wait_for_timeout(1500)  # icons, emoji and formulas are drawn by code that is loaded later
        yield page
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.parametrize("number", range(len(MARKDOWN)), ids=map(repr, MARKDOWN))
def test_a_hostile_text_is_shown_as_it_is(tab: Page, number: int) -> None:
    expected = " ".join(one_line(MARKDOWN[number]).split())
    for place, before in (("markdown", ""), ("button", ""), ("within", "Glioma, ")):
        shown = tab.locator(f".st-key-{place}-{number} [data-testid=stMarkdownContainer]")
        assert shown.inner_text().replace(JOINER, "").strip() == before + expected, place
        assert shown.locator(MADE_BY_MARKDOWN).count() == (place == "within"), shown.inner_html()
