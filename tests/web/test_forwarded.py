"""An address that a request claims counts if a proxy is set up, and only if it is one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from triage.web.forwarded import Forwarded, proxies


def seen(trusted: str, *claimed: str, connection: str = "127.0.0.1") -> str:
    """The address that is served, of a request with these X-Forwarded-For headers."""
    found: list[str] = []

    async def app(scope: Any, *_: object) -> None:
        found.append(scope["client"][0])

    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in claimed]
    scope = {"type": "http", "client": (connection, 1), "headers": headers}
    asyncio.run(Forwarded(app, trusted)(scope, None, None))
    return found[0]


@pytest.mark.parametrize(
    ("trusted", "claimed", "expected"),
    [
        ("", ("198.51.100.7",), "127.0.0.1"),
        ("192.0.2.1", ("198.51.100.7",), "127.0.0.1"),
        ("127.0.0.1", ("198.51.100.7",), "198.51.100.7"),
        ("127.0.0.1", ("203.0.113.9, 198.51.100.7",), "198.51.100.7"),
        ("127.0.0.1", ("203.0.113.9", "198.51.100.7"), "198.51.100.7"),
        ("127.0.0.0/8", ("198.51.100.7:4711",), "198.51.100.7"),
        ("127.0.0.1", ("[2001:DB8::0:7]:4711",), "2001:db8::7"),
        ("127.0.0.1", (), "127.0.0.1"),
        ("127.0.0.1", ("=cmd|'/c'!A29",), "127.0.0.1"),
        ("127.0.0.1", ("fe80::1%=cmd",), "127.0.0.1"),
        ("127.0.0.1", ("localhost",), "127.0.0.1"),
        ("127.0.0.1", ("9" * 5_000,), "127.0.0.1"),
        ("*", ("unknown, 198.51.100.7",), "127.0.0.1"),
    ],
)
def test_which_address_counts(trusted: str, claimed: tuple[str, ...], expected: str) -> None:
    assert seen(trusted, *claimed) == expected


def test_which_proxies_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    assert proxies("") == proxies("http://triage.hospital.example") == ""
    assert "127.0.0.1" in proxies("https://triage.hospital.example")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    assert proxies("https://triage.hospital.example") == proxies("") == "192.0.2.1"
