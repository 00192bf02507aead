from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import streamlit
from starlette.datastructures import Headers

from triage.web.headers import AT_THE_ROOT, FIXED, INLINE_SCRIPT, PAGES, plain_policy, with_headers


def sent(path: str, *, secure: bool = False, **headers: str) -> Headers:
    found: list[Any] = []

    async def send(message: Any) -> None:
        found.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    message = {"type": "http.response.start", "status": 200, "headers": raw}
    asyncio.run(with_headers(send, path, secure=secure)(message))  # type: ignore[arg-type]
    return Headers(raw=found[0]["headers"])


def test_the_only_script_in_the_page_of_streamlit_is_the_one_that_is_allowed() -> None:
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert [f"sha256-{digest}" for digest in digests] == [INLINE_SCRIPT]


def test_the_script_that_we_add_to_it_is_allowed() -> None:
    digest = base64.b64encode(hashlib.sha256(AT_THE_ROOT.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in PAGES


@pytest.mark.parametrize("path", ["/", "/media/x.png", "/sign-in", "/worklist/rows", "/viewer/studies/1/study.json"])
def test_every_answer_says_what_browsers_may_do(path: str) -> None:
    headers = sent(path)
    assert FIXED.items() <= {name: headers.get(name) for name in FIXED}.items()
    assert headers["content-security-policy"] == PAGES
    assert "strict-transport-security" not in headers


def test_policies_let_nothing_in_or_out() -> None:
    for policy in (PAGES, plain_policy()):
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval'" not in policy.replace("wasm-unsafe-eval'", "")
        assert not re.search(r"https?:|\*|script-src[^;]*unsafe-inline", policy)
    assert plain_policy("https://sso.example").endswith("form-action 'self' https://sso.example")


def test_what_names_somebody_is_not_kept() -> None:
    for path in ("/", "/media/x.png", "/worklist/rows.csv", "/account", "/session", "/review"):
        assert sent(path, cache_control="public, max-age=99")["cache-control"] == "no-store"
    assert sent("/static/js/x.js", cache_control="public, max-age=99")["cache-control"] == "public, max-age=99"


def test_behind_https_cookies_are_secure_and_browsers_come_back_by_https() -> None:
    headers = sent("/", secure=True, set_cookie="_streamlit_xsrf=1; Path=/; SameSite=Strict")
    assert headers["set-cookie"].endswith("; Secure")
    assert headers["strict-transport-security"].startswith("max-age=")
