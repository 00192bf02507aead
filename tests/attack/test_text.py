"""Text of a file, a peer or a person that tries to be more than text"""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import urlsplit

import pytest
from access_samples import PASSWORD, account
from attack.world import HTML, World
from helpers import chromium
from playwright.sync_api import sync_playwright

from triage.access.roles import Role
from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.web.cookies import SESSION

#: What must not be found in Markdown, where a backslash escapes (but not an icon).
MADE = re.compile(r"(?<!\\)(!\[|\]\(|<img|:red\[r\])|:material/bug|(?<!\\)\$x\^2\$")
#: What must not be found in HTML, where Markdown is plain text.
TAG = re.compile(r"<(img|script|iframe|a)\b|<[^>]+\bon\w+\s*=", re.IGNORECASE)
#: Elements whose text is shown as plain text, or is data of our own components.
PLAIN = {"arrow_data_frame", "text", "text_input", "text_area", "bidi_component", "page_info_changed", "new_session"}
FORMULA = re.compile(r"^[\s]*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]")


@pytest.mark.parametrize("name", ["review", "readings", "", "conflicts", "insights", "upload"])
def test_pages(world: World, name: str) -> None:
    """Markdown, HTML, LaTeX, icons, colours in patient, descriptions, scanner, on each page -> sent as plain text"""
    seen = world.page(world.person("ada"), name, f"study={world.studies[1]}")
    assert len(seen.texts) > 20
    for kind, text in seen.texts:
        assert kind in PLAIN or not (TAG if kind == "html" else MADE).search(text), (kind, text)
    if name == "review":
        assert "h.invalid" in str(seen)


def test_spreadsheet(world: World) -> None:
    """formulas in names, numbers, descriptions, opened in a spreadsheet -> every cell is text"""
    rows = list(csv.reader(io.StringIO(world.person("ada").get("/worklist/rows.csv?list=all").text.lstrip("\ufeff"))))
    assert any("=1+1" in cell for row in rows for cell in row)
    assert not [cell for row in rows for cell in row if FORMULA.match(cell)]


def test_types_of_answers(world: World) -> None:
    """an answer with hostile text that a browser takes for a page -> JSON or CSV by its type, and nosniff"""
    ada = world.person("ada")
    kinds = {"/worklist/rows?list=all": "application/json", "/worklist/rows.csv": "text/csv"}
    kinds[f"/viewer/studies/{world.studies[1]}/study.json"] = "application/json"
    kinds[f"/reading/{world.studies[1]}"] = "application/json"
    for path, kind in kinds.items():
        answer = ada.get(path)
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("typed", ['"><script>alert(1)</script>', "<img src=x onerror=alert(1)>", "{{7*7}}", "${7*7}"])
def test_sign_in_page(world: World, typed: str) -> None:
    """HTML or a template in the name at the sign-in and in the way back -> shown as it was typed"""
    answer = world.visitor().post("/sign-in", data={"login": typed, "password": "x", "next": f"/{typed}"})
    assert "<script>" not in answer.text
    assert "<img src=x" not in answer.text
    assert "49" not in re.sub(r"\d{3,}", "", answer.text)


def test_name_of_an_account(world: World) -> None:
    """HTML in the name of an account, on its page -> escaped"""
    installation = Installation(Settings(home=world.home, worker="separate"))
    account(installation.access, "tagged", Role.RADIOLOGIST, name="<b>Dr. Tag</b>")
    installation.close()
    page = world.enter("tagged", PASSWORD).get("/account", headers=HTML).text
    assert "<b>Dr. Tag" not in page
    assert "&lt;b&gt;Dr. Tag" in page


@pytest.mark.parametrize("name", ["review", "readings"])
def test_forged_second_reader(world: World, name: str) -> None:
    """a signed comment with line breaks that looks like another reader's signature -> one line of its own author"""
    seen = world.page(world.person("ada"), name, f"study={world.studies[1]}")
    assert name == "readings" or [text for kind, text in seen.texts if kind == "html" and "Dr. Eva" in text]
    made = re.compile(r"^# Final|(?<!\\)\*\*Dr", re.MULTILINE)
    assert not [text for kind, text in seen.texts if kind not in {*PLAIN, "html"} and made.search(text)]
    for line in (line for kind, text in seen.texts if kind == "html" for line in text.split("<details")[1:]):
        assert "<img" not in line
        assert "\n" not in line.strip()
        assert line.index("Dr. Ada") < line.index("Dr. Eva") if "Dr. Eva" in line else True


@pytest.mark.browser
def test_browser(world: World) -> None:
    """the worst study in a real browser, worklist and review -> no script runs, no picture is fetched elsewhere"""
    asked, dialogs, made = [], [], 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        tab = browser.new_context().new_page()
        tab.context.add_cookies([{"name": SESSION, "value": world.person("ada").secret, "url": world.base}])
        tab.on("request", lambda request: asked.append(urlsplit(request.url).hostname or "data"))
        tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for path in ("/?list=all", f"/review?study={world.studies[1]}"):
            tab.goto(world.base + path)
            tab.get_by_test_id("stSidebarNav").wait_for(timeout=60_000)
            tab.wait_for_timeout(4_000)
            made += tab.locator("img[src=x], img[alt=i], .katex").count()
        browser.close()
    assert dialogs == []
    assert made == 0
    assert set(asked) <= {"127.0.0.1", "localhost", "data"}
