"""Sign-in by a certified OpenID Connect provider on the loopback address: groups, proof at a signature, sign-out."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import pytest
import requests
from dicomweb import Peer, served
from helpers import free_port

from triage.errors import ReadingError
from triage.settings import ROOT, Settings
from triage.web.cookies import SESSION

NODE = ROOT / "tests" / "node"
ROLES = {"readers": "radiologist", "heads": "administrator", "technicians": "technician"}


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("oidc-provider is not installed; make lint-js does")
    port, ours = free_port(), free_port()
    settings = Settings(
        home=tmp_path_factory.mktemp("service") / "home",
        worker="separate",
        oidc_issuer=f"http://127.0.0.1:{port}",
        oidc_client_id="neurotriage",
        oidc_client_secret="a secret of the tests",
        oidc_scope="openid profile groups",
        oidc_roles=ROLES,
    )
    base = f"http://127.0.0.1:{ours}"
    command = [node, "provider.mjs", str(port), f"{base}/sign-in/oidc/back", f"{base}/sign-in"]
    with subprocess.Popen(command, cwd=NODE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "listening" in line:
                break
        try:
            with served(settings, ours) as one:
                yield one
        finally:
            process.terminate()


@pytest.fixture
def base(peer: Peer) -> str:
    return peer.address.removesuffix("/dicom-web")


def walk(one: requests.Session, address: str, name: str, until: str) -> requests.Response:
    """Follow redirects and send the provider's forms as a browser does, until an answer of `until`."""
    answer = one.get(address, timeout=60, allow_redirects=False)
    for _ in range(20):
        if answer.is_redirect:
            address = urljoin(answer.url, answer.headers["location"])
            if address.startswith(until) and "/sign-in/oidc" not in address:
                return answer
            answer = one.get(address, timeout=60, allow_redirects=False)
            continue
        form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
        if answer.url.startswith(until) or form is None:
            return answer
        fields = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', answer.text))
        fields |= {"login": name, "password": "any"} if 'name="login"' in answer.text else {}
        answer = one.post(urljoin(answer.url, html.unescape(form[1])), data=fields, timeout=60, allow_redirects=False)
    raise AssertionError(f"no end: {answer.url}")


def signed_in(
    base: str, name: str, path: str = "/sign-in/oidc?next=/insights"
) -> tuple[requests.Session, requests.Response]:
    one = requests.Session()
    return one, walk(one, base + path, name, base)


def test_the_sign_in_page_names_the_service(base: str) -> None:
    page = requests.get(f"{base}/sign-in", timeout=60).text
    assert "Sign in with 127.0.0.1" in page
    assert 'name="password"' not in page


@pytest.mark.parametrize(
    ("name", "roles"), [("eva", {"radiologist"}), ("boss", {"radiologist", "administrator"}), ("tim", {"technician"})]
)
def test_groups_become_roles(peer: Peer, base: str, name: str, roles: set[str]) -> None:
    one, answer = signed_in(base, name)
    assert (answer.status_code, answer.headers["location"]) == (303, "/insights")
    found = one.get(f"{base}/session", timeout=60)
    assert (found.status_code, found.json()["name"]) == (200, f"Dr. {name.title()}")
    made = next(item for item in peer.installation.access.directory.accounts() if item.name == f"Dr. {name.title()}")
    assert made.roles == roles


def test_without_a_group_that_has_a_role_nobody_gets_in(base: str) -> None:
    one, answer = signed_in(base, "guest")
    assert answer.status_code == 401
    assert "no role" in answer.text
    assert SESSION not in one.cookies


def test_a_name_that_looks_like_another_is_refused_in_a_sentence(base: str) -> None:
    one, answer = signed_in(base, "ev\u0430")  # the last letter is Cyrillic
    assert answer.status_code == 401
    assert "mixes alphabets" in answer.text
    assert SESSION not in one.cookies


def test_the_request_carries_what_protects_it(base: str) -> None:
    answer = requests.get(f"{base}/sign-in/oidc", timeout=60, allow_redirects=False)
    for part in ("code_challenge_method=S256", "code_challenge=", "nonce=", "state=", "response_type=code"):
        assert part in answer.headers["location"]
    assert "HttpOnly" in answer.headers["set-cookie"]


def test_an_answer_counts_once_in_the_browser_that_asked(base: str) -> None:
    one = requests.Session()
    address = f"{base}/sign-in/oidc"
    answer = one.get(address, timeout=60, allow_redirects=False)
    back = f"{base}/sign-in/oidc/back"
    bogus = f"{back}?code=abc&state=def"
    for browser in (requests.Session(), one):
        assert browser.get(bogus, timeout=60, allow_redirects=False).status_code == 401
    # `one` has used up its sign-in: also the right answer comes too late.
    ended = walk(one, answer.headers["location"], "eva", base)
    assert (ended.status_code, SESSION in one.cookies) == (401, False)
    # A refusal of the service.
    fresh = requests.Session()
    state = re.search(r"state=([\w-]+)", fresh.get(address, timeout=60, allow_redirects=False).headers["location"])
    assert state
    refused = fresh.get(f"{back}?error=access_denied&state={state[1]}", timeout=60, allow_redirects=False)
    assert refused.status_code == 401


def test_no_way_leads_elsewhere(base: str) -> None:
    _, answer = signed_in(base, "eva", "/sign-in/oidc?next=https://evil.example/")
    assert answer.headers["location"] == "/"


def test_a_signature_can_ask_for_a_new_sign_in(peer: Peer, base: str) -> None:
    one, _ = signed_in(base, "eva")
    person = peer.installation.access.live.person(one.cookies[SESSION])
    assert person is not None
    time.sleep(1)
    answer = walk(one, f"{base}/sign-in/oidc?again=1&next=/review", "eva", base)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    peer.installation.access.sign_in.take_proof(person)
    # Somebody else at this browser proves nothing.
    other = walk(one, f"{base}/sign-in/oidc?again=1&next=/review", "boss", base)
    assert other.status_code == 401


def test_a_browser_that_leaves_out_the_question_for_a_password_proves_nothing(peer: Peer, base: str) -> None:
    """The service then answers of the sign-in before, without a form."""
    one, _ = signed_in(base, "eva")
    person = peer.installation.access.live.person(one.cookies[SESSION])
    assert person is not None
    again = f"{base}/sign-in/oidc?again=1&next=/review"

    def silently() -> requests.Response:
        asked = urlsplit(one.get(again, timeout=60, allow_redirects=False).headers["location"])
        kept = [(key, value) for key, value in parse_qsl(asked.query) if key not in {"prompt", "max_age"}]
        return walk(one, urlunsplit(asked._replace(query=urlencode(kept))), "eva", base)

    assert silently().status_code == 401
    with pytest.raises(ReadingError):
        peer.installation.access.sign_in.take_proof(person)
    time.sleep(1)
    assert walk(one, again, "eva", base).status_code == 303
    peer.installation.access.sign_in.take_proof(person)
    assert silently().status_code == 401, "nor of the proof before"


def test_the_sign_out_leads_to_the_service(base: str) -> None:
    one, _ = signed_in(base, "eva")
    answer = one.post(f"{base}/sign-out", headers={"Accept": "application/json"}, timeout=60)
    target = answer.json()["next"]
    assert urlsplit(target).path == "/session/end"
    assert "id_token_hint=" in target
    assert one.get(target, timeout=60).status_code == 200
    assert one.get(f"{base}/session", timeout=60).status_code == 401


def test_a_service_that_is_away_is_said(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path / "home",
        worker="separate",
        oidc_issuer=f"http://127.0.0.1:{free_port()}",
        oidc_client_id="neurotriage",
        oidc_roles=ROLES,
    )
    with served(settings) as one:
        answer = requests.get(one.address.replace("/dicom-web", "/sign-in/oidc"), timeout=60)
        assert answer.status_code == 503
        assert "does not answer" in answer.text
