"""Another web site, in the browser of somebody who is signed in"""

from __future__ import annotations

import pytest
from attack.world import HTML, SECRETS, World
from websockets.exceptions import InvalidStatus

FOREIGN = ("https://evil.example", "null", "http://localhost:1", "http://127.0.0.1", "http://127.0.0.1.evil.example")
#: Every address that changes something, with its method.
CHANGES = [
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("POST", "/session"),
    ("POST", "/account/password"),
    ("POST", "/account/codes"),
    ("POST", "/account/sessions"),
    ("POST", "/reading/{study}"),
    ("PUT", "/reading/{study}/draft"),
    ("PUT", "/reading/{study}/seen"),
    ("PUT", "/reading/{study}/blind"),
    ("PUT", "/reading/{study}/claim"),
    ("PUT", "/reading/{study}/signature"),
    ("DELETE", "/reading/{study}/signature"),
    ("PUT", "/viewer/studies/{study}/marks"),
    ("PUT", "/worklist/columns"),
    ("PUT", "/_stcore/upload_file/1/2"),
    ("DELETE", "/_stcore/upload_file/1/2"),
]
HOSTS = ("evil.example", "evil.example:{port}", "10.0.0.1", "localhost.evil.example", "127.0.0.1@evil.example", "")


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_forged_request(world: World, method: str, path: str) -> None:
    """a form or script of another site that changes something, each route, with the cookie -> 403"""
    ada, path = world.person("ada"), path.format(study=world.studies[0])
    for origin in FOREIGN:
        assert ada.request(method, path, headers={"Origin": origin}).status_code == 403, origin
    for site in ("cross-site", "same-site"):
        assert ada.request(method, path, headers={"Sec-Fetch-Site": site}).status_code == 403, site
    assert ada.get("/session").status_code == 200


def test_forged_upload(world: World) -> None:
    """an upload to Streamlit's route without the token that only our pages can read -> 403"""
    answer = world.person("ada").put("/_stcore/upload_file/1/2", data=b"x", headers={"Origin": world.base})
    assert answer.status_code in (400, 403)


def test_sign_in_for_another(world: World) -> None:
    """to sign a reader in as somebody else from another site (login CSRF) -> 403, no cookie"""
    one = world.visitor()
    fields = {"login": "eva", "password": "several words in a row"}
    answer = one.post("/sign-in", data=fields, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert not one.secret


def test_reading_across(world: World) -> None:
    """another site's script, picture or style sheet asks for data -> 403"""
    ada = world.person("ada")
    for path in ("/worklist/rows", "/worklist/rows.csv", f"/reading/{world.studies[0]}", "/events", "/session"):
        for mode in ("no-cors", "cors"):
            sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "script"}
            answer = ada.get(path, headers=sent, stream=True)
            assert answer.status_code == 403, path


def test_permission_to_read_across(world: World) -> None:
    """answers that let another origin read them (CORS) -> none does, preflights neither"""
    ada = world.person("ada")
    ask = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    for path in (
        "/worklist/rows",
        "/session",
        "/_stcore/health",
        "/_stcore/host-config",
        "/health",
        "/dicom-web/studies",
    ):
        for method in ("GET", "OPTIONS"):
            answer = ada.request(method, path, headers=ask)
            assert "access-control-allow-origin" not in answer.headers, path


@pytest.mark.parametrize("dest", ["iframe", "frame", "embed", "object"])
def test_framing(world: World, dest: str) -> None:
    """the pages inside a frame of another site -> 403, and frame-ancestors 'none' for browsers that do not say"""
    ada = world.person("ada")
    sent = HTML | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": dest}
    assert ada.get("/", headers=sent).status_code == 403
    answer = ada.get("/", headers=HTML)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


def test_trusted_origins(world: World) -> None:
    """sites that Streamlit's front end would take messages from -> none"""
    assert world.person("ada").get("/_stcore/host-config").json()["allowedOrigins"] == []


@pytest.mark.parametrize("host", HOSTS)
def test_rebinding(world: World, host: str) -> None:
    """a name of a stranger that points here (DNS rebinding), with the cookie -> 421, no name"""
    ada, host = world.person("ada"), host.format(port=world.port)
    for path in ("/", "/worklist/rows", "/sign-in", "/health", "/media/x.png", "/dicom-web/studies"):
        answer = ada.get(path, headers={"Host": host})
        assert answer.status_code in (400, 421), path
        assert not any(secret in answer.text for secret in SECRETS)


def test_two_hosts(world: World) -> None:
    """two Host headers, ours and a stranger's -> refused, or answered as ours without a session"""
    secret = world.person("ada").secret
    for first, second in ((f"127.0.0.1:{world.port}", "evil.example"), ("evil.example", f"127.0.0.1:{world.port}")):
        lines = [f"GET /worklist/rows HTTP/1.1\r\nHost: {first}\r\nHost: {second}\r\nConnection: close"]
        answer = world.raw("\r\n".join([*lines, f"Cookie: triage_session={secret}", "", ""]).encode())
        assert answer.split(b" ", 2)[1] in (b"400", b"421") or b"evil.example" not in answer


def test_no_host(world: World) -> None:
    """a request of HTTP/1.0 without a Host -> refused"""
    answer = world.raw(b"GET /worklist/rows HTTP/1.0\r\n\r\n")
    assert answer.split(b" ", 2)[1] in (b"400", b"421")


def test_websocket_from_elsewhere(world: World) -> None:
    """the websocket with the cookie, from a page of another origin -> refused at once, no address is asked for"""
    secret = world.person("ada").secret
    for origin in FOREIGN:
        with pytest.raises(InvalidStatus) as error, world.websocket(secret, origin=origin, open_timeout=5):
            pass
        assert error.value.response.status_code == 403


def test_websocket_of_a_rebound_name(world: World) -> None:
    """the websocket with the cookie under a stranger's name, origin and host alike -> refused"""
    secret = world.person("ada").secret
    for host in ("evil.example", f"evil.example:{world.port}"):
        with pytest.raises(InvalidStatus), world.websocket(secret, host=host, origin=f"http://{host}"):
            pass


def test_websocket_of_a_site_that_says_so(world: World) -> None:
    """the websocket with the cookie, marked by the browser as asked for by another site -> refused"""
    secret = world.person("ada").secret
    with pytest.raises(InvalidStatus), world.websocket(secret, origin=None, headers={"Sec-Fetch-Site": "cross-site"}):
        pass


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\t/evil.example",
        "/%0d%0aLocation: https://evil.example",
        "/\r\nSet-Cookie: a=b",
        " https://evil.example",
        "/sign-out",
        "/@evil.example/..//evil.example",
    ],
)
def test_open_redirect(world: World, asked: str) -> None:
    """a way out after the sign-in: addresses, slashes, backslashes, schemes, line breaks -> stays here"""
    entered = world.enter("eva", next=asked).entered  # type: ignore[attr-defined]
    assert entered.status_code == 303
    location = entered.headers["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert "a=b" not in str(entered.headers.get("set-cookie"))
    known = world.person("eva").get("/sign-in", params={"next": asked}).headers["location"]
    assert known.startswith("/")
    assert not known.startswith(("//", "/\\"))


def test_view_by_link(world: World) -> None:
    """a link or window of another site to the data of a study, so that the reader is said to have viewed it -> 403"""
    ada = world.person("ada")
    opened = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    found = ada.get(f"/viewer/studies/{world.studies[2]}/study.json").json()
    for address in (f"/viewer/studies/{world.studies[2]}/study.json", f"{found['address']}/slices/0/0"):
        assert ada.get(address).status_code == 200
        assert ada.get(address, headers=opened).status_code == 403
