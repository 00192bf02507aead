"""The sign-in, one's own account and the guard, as a browser and an attacker meet them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
import requests
from access_samples import PASSWORD, account
from dicomweb import TOKEN, Peer, served
from record_samples import add
from sqlalchemy import select

from triage.access.roles import Role
from triage.records.tables import AuditRow
from triage.settings import Settings
from triage.web.cookies import SESSION


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    home = tmp_path_factory.mktemp("signed") / "home"
    with served(Settings(home=home, token=TOKEN, worker="separate")) as one:
        access = one.installation.access
        account(access, "ada", Role.ADMINISTRATOR, Role.RADIOLOGIST)
        account(access, "tim", Role.TECHNICIAN)
        account(access, "boss", Role.ADMINISTRATOR)
        account(access, "eva", Role.RADIOLOGIST)
        time.sleep(1)  # single-user mode ends within a second
        yield one


@pytest.fixture
def base(peer: Peer) -> str:
    return peer.address.removesuffix("/dicom-web")


def browser(base: str, login: str = "ada", password: str = PASSWORD, code: str = "", **more: str) -> requests.Session:
    one = requests.Session()
    fields = {"login": login, "password": password, "code": code, "next": "/"} | more
    one.headers["Origin"] = base
    one.last = one.post(f"{base}/sign-in", data=fields, timeout=60, allow_redirects=False)  # type: ignore[attr-defined]
    return one


HTML = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
#: Everything that is served: pages, files, uploads, components, our own routes.
EVERYTHING = [
    "/",
    "/review?study=abc",
    "/pages/clinical/review",
    "/media/0123.png",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/upload_file/1/2",
    "/_stcore/bidi-components/x/y.js",
    "/_stcore/metrics",
    "/_stcore/agent",
    "/component/x/index.html",
    "/static/js/index.js",
    "/app/static/x",
    "/worklist/rows",
    "/worklist/rows.csv",
    "/worklist/modules/worklist.js",
    "/events",
    "/viewer/modules/main.js",
    "/viewer/studies/0123456789abcdef/study.json",
    "/reading/1",
    "/account",
    "/session",
    "/oauth2callback",
    "/auth/login",
    "//sign-in",
    "/sign-in/../worklist/rows",
    "/sign-in/x",
    "/SIGN-IN",
    "/health/../worklist/rows",
    "/%77orklist/rows",
]


@pytest.mark.parametrize("path", EVERYTHING)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_nothing_is_served_without_a_session(base: str, path: str, method: str) -> None:
    request = requests.Request(method, base).prepare()
    request.url = base + path  # as it stands
    answer = requests.Session().send(request, timeout=60, allow_redirects=False)
    assert answer.status_code in (401, 404)
    assert "NeuroTriage" not in answer.text or "sign-in" in answer.text.lower()


def test_a_page_leads_to_the_sign_in_and_back(base: str) -> None:
    answer = requests.get(f"{base}/review?study=abc", headers=HTML, timeout=60, allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/review%3Fstudy%3Dabc")
    page = requests.get(base + answer.headers["location"], headers=HTML, timeout=60).text
    assert 'name="next" value="/review?study=abc"' in page
    entered = browser(base, next="/review?study=abc").last  # type: ignore[attr-defined]
    assert (entered.status_code, entered.headers["location"]) == (303, "/review?study=abc")


def test_the_cookie_of_a_session_is_hidden_from_scripts_and_other_sites(base: str) -> None:
    one, two = browser(base), browser(base)
    cookies = {
        name: line
        for line in one.last.raw.headers.getlist("set-cookie")
        for name in [line.split("=")[0]]  # type: ignore[attr-defined]
    }
    for name in ("triage_session", "triage_device"):
        assert "HttpOnly" in cookies[name]
        assert "SameSite=lax" in cookies[name]
    assert one.cookies[SESSION] != two.cookies[SESSION]
    assert len(one.cookies[SESSION]) >= 43  # 256 bits
    # A cookie that was there before is not taken over.
    fixed = requests.Session()
    fixed.cookies.set(SESSION, "chosen by somebody else")
    fixed.post(f"{base}/sign-in", data={"login": "ada", "password": PASSWORD}, timeout=60, allow_redirects=False)
    assert "chosen by somebody else" not in fixed.cookies.get_dict().values()


def test_wrong_is_said_and_what_was_typed_is_text(base: str) -> None:
    answer = browser(base, '"><script>alert(1)</script>', "wrong").last  # type: ignore[attr-defined]
    assert answer.status_code == 401
    assert "is wrong" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_another_site_cannot_sign_in_or_out(base: str, origin: str) -> None:
    one = browser(base)
    one.headers["Origin"] = origin
    assert one.post(f"{base}/sign-out", timeout=60).status_code == 403
    fields = {"login": "ada", "password": PASSWORD}
    assert one.post(f"{base}/sign-in", data=fields, timeout=60).status_code == 403
    assert one.get(f"{base}/session", timeout=60).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.1", "localhost.evil.example"])
def test_another_host_is_answered_nothing(base: str, host: str) -> None:
    one = browser(base)
    for path in ("/", "/worklist/rows", "/health", "/sign-in", "/dicom-web/studies"):
        assert one.get(base + path, headers={"Host": host}, timeout=60).status_code == 421


def test_the_sign_out_ends_all_tabs_and_streams(base: str) -> None:
    one = browser(base)
    stream = one.get(f"{base}/events", stream=True, timeout=60)
    assert stream.status_code == 200
    ended: list[float] = []

    def listen() -> None:
        for _ in stream.iter_content(1):
            pass
        ended.append(time.monotonic())

    thread = threading.Thread(target=listen)
    thread.start()
    kept = one.cookies[SESSION]
    begin = time.monotonic()
    answer = one.post(f"{base}/sign-out", headers={"Accept": "application/json"}, timeout=60)
    assert answer.json() == {"next": "/sign-in"}
    assert requests.get(f"{base}/session", cookies={SESSION: kept}, timeout=60).status_code == 401
    thread.join(20)
    assert ended
    assert ended[0] - begin < 10


@pytest.mark.parametrize(
    ("login", "allowed"),
    [
        ("ada", {"worklist", "csv", "read", "events"}),
        ("eva", {"worklist", "csv", "read", "events"}),
        ("boss", {"worklist", "csv", "events"}),
        ("tim", {"worklist", "events"}),
    ],
)
def test_rights_are_asked_for_at_every_address(peer: Peer, base: str, login: str, allowed: set[str]) -> None:
    study = next(iter(peer.installation.store.results.pending()), None) or add(peer.installation.store, 1)
    paths = {
        "worklist": ("GET", "/worklist/rows"),
        "csv": ("GET", "/worklist/rows.csv"),
        "read": ("GET", f"/reading/{study}"),
        "draft": ("PUT", f"/reading/{study}/draft"),
        "marks": ("GET", f"/viewer/studies/{study}/marks"),
        "study": ("GET", f"/viewer/studies/{study}/study.json"),
    }
    one = browser(base, login)
    for name, (method, path) in paths.items():
        may = name in allowed or (name in ("draft", "marks", "study") and "read" in allowed)
        answer = one.request(method, base + path, timeout=60)
        assert (answer.status_code != 403) == may, name
    with peer.installation.store.read() as session:
        denied = session.scalars(select(AuditRow.actor).where(AuditRow.event == "not allowed")).all()
    assert (f"Dr. {login.title()}" in denied) == (login in ("boss", "tim"))


def test_the_reader_is_the_account_whatever_the_browser_says(peer: Peer, base: str) -> None:
    one = browser(base, "eva")
    one.cookies.set("triage_reader", "Dr.%20Ada")
    study = add(peer.installation.store, 7)
    body = {"reader": "Dr. Ada", "version": 0, "seen": 0, "entries": {}}
    assert one.put(f"{base}/reading/{study}/draft", json=body, timeout=60).status_code == 422
    body["reader"] = "Dr. Eva"
    assert one.put(f"{base}/reading/{study}/draft", json=body, timeout=60).status_code == 200
    assert peer.installation.store.drafts.get(study, "Dr. Ada") is None
    assert peer.installation.store.drafts.get(study, "Dr. Eva") is not None


def test_a_first_password_is_changed_before_anything_else(peer: Peer, base: str) -> None:
    first = peer.installation.access.directory.add("new", "New One", [Role.RADIOLOGIST], by="test")
    one = browser(base, "new", first)
    assert one.get(f"{base}/worklist/rows", timeout=60).status_code == 403
    moved = one.get(f"{base}/", headers=HTML, timeout=60, allow_redirects=False)
    assert moved.headers["location"] == "/account"
    fields = {"old": first, "new": "several other words", "again": "several other words"}
    wrong = one.post(f"{base}/account/password", data=fields | {"again": "x"}, timeout=60)
    assert (wrong.status_code, "differ" in wrong.text) == (422, True)
    assert one.post(f"{base}/account/password", data=fields, timeout=60).status_code == 200
    assert one.get(f"{base}/worklist/rows", timeout=60).status_code == 200


def test_one_time_codes_are_set_up_on_the_page(base: str) -> None:
    one = browser(base, "boss")
    page = one.get(f"{base}/account", headers=HTML, timeout=60).text
    key = re.search(r"<code>(\w+)</code>", page)
    assert key
    fields = {"key": key[1], "password": PASSWORD, "code": pyotp.TOTP(key[1]).now()}
    assert one.post(f"{base}/account/codes", data=fields, timeout=60).status_code == 200
    assert browser(base, "boss").last.status_code == 401  # type: ignore[attr-defined]


def test_many_wrong_passwords_are_answered_429(base: str) -> None:
    answers = [browser(base, "stranger", str(number)).last for number in range(12)]  # type: ignore[attr-defined]
    slow = [one for one in answers if one.status_code == 429]
    assert len(slow) >= 3
    assert all(int(one.headers["retry-after"]) >= 1 for one in slow)
    assert browser(base, "eva").last.status_code == 303  # type: ignore[attr-defined]


@pytest.mark.parametrize("body", [b"x" * 20_000, b"login=" + b"%00" * 10, b"\xff\xfe", b"login=a&" * 30])
def test_no_form_of_ours_breaks_anything(base: str, body: bytes) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert requests.post(f"{base}/sign-in", data=body, headers=kind, timeout=60).status_code in (400, 401, 413, 429)


def test_another_kind_of_form_is_refused(base: str) -> None:
    assert requests.post(f"{base}/sign-in", json={"login": "ada"}, timeout=60).status_code == 415


def test_a_session_of_a_secret_that_was_guessed_is_none(base: str, tmp_path: Path) -> None:
    for secret in ("", "x", "A" * 43, "A" * 5000, "../../etc/passwd", "' or 1=1 --"):
        answer = requests.get(f"{base}/session", headers={"Cookie": f"{SESSION}={secret}"}, timeout=60)
        assert answer.status_code == 401
