from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from triage.web.site import Site, local_path

SITE = Site("https://triage.hospital.example")
LOCAL = Site("")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8501", "127.0.0.1:1", "[::1]:8501", "LOCALHOST:80", "triage.hospital.example"]
)
def test_our_hosts_are_known(host: str) -> None:
    assert SITE.knows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "triage.hospital.example.evil.example",
        "triage.hospital.example:8443",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "127.evil.example",
        "evil@localhost",
        "localhost/x",
        "localhost?x",
        "localhost:x",
        "localhost:99999999",
        "[::1",
        "10.0.0.1",
        "2130706433",
    ],
)
def test_no_other_host_is_known(host: str) -> None:
    assert not SITE.knows_host(host)


def test_without_an_address_only_this_computer_is_known() -> None:
    assert LOCAL.knows_host("localhost:8501")
    assert not LOCAL.knows_host("triage.hospital.example")


@pytest.mark.parametrize(
    ("kind", "method", "sent", "foreign"),
    [
        ("http", "GET", {}, False),
        ("http", "POST", {}, False),  # a program
        ("http", "POST", {"origin": "https://triage.hospital.example"}, False),
        ("http", "POST", {"origin": "https://evil.example"}, True),
        ("http", "POST", {"origin": "http://triage.hospital.example"}, True),
        ("http", "POST", {"origin": "null"}, True),
        ("http", "PUT", {"sec-fetch-site": "same-site"}, True),
        ("http", "DELETE", {"sec-fetch-site": "cross-site"}, True),
        ("websocket", "", {"origin": "https://triage.hospital.example"}, False),
        ("websocket", "", {"origin": "https://evil.example"}, True),
        ("websocket", "", {"sec-fetch-site": "cross-site"}, True),
        ("websocket", "", {}, False),
        ("http", "GET", {"sec-fetch-site": "same-origin"}, False),
        ("http", "GET", {"sec-fetch-site": "none"}, False),
        ("http", "GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, True),
        (
            "http",
            "GET",
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
            False,
        ),
        (
            "http",
            "GET",
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
            True,
        ),
        (
            "http",
            "POST",
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
            True,
        ),
    ],
)
def test_who_sends_it(kind: str, method: str, sent: dict[str, str], foreign: bool) -> None:
    headers = Headers({"host": "triage.hospital.example"} | sent)
    assert SITE.is_foreign(kind, method, headers) == foreign


def test_another_port_of_this_computer_is_another_site() -> None:
    headers = Headers({"host": "localhost:8501", "origin": "http://localhost:3000"})
    assert LOCAL.is_foreign("websocket", "", headers)
    assert not LOCAL.is_foreign("websocket", "", Headers({"host": "localhost:8501", "origin": "http://localhost:8501"}))


@pytest.mark.parametrize("asked", ["/", "/review?study=abc", "/insights", "/review?study=a%2Fb&x=1"])
def test_the_way_back_is_kept(asked: str) -> None:
    assert local_path(asked) == asked


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/x\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "review",
        "/sign-out",
        "/sign-in?next=/",
        "/media/x",
        "/\t/evil.example",
        "http:/evil.example",
        "//[",
    ],
)
def test_no_way_leads_elsewhere(asked: str) -> None:
    assert local_path(asked) == "/"
