"""The token: who has it passes, nobody else does, and without one the door is shut."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from triage.web.guard import Guard

TOKEN = "geheim genügt hier bei weitem nicht"


def status(token: str, authorization: bytes | None) -> int:
    found: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    async def behind(*_: Any) -> None:
        found.append(200)

    headers = [] if authorization is None else [(b"authorization", authorization)]
    asyncio.run(Guard(behind, lambda: token)({"type": "http", "headers": headers}, None, send))  # type: ignore[arg-type]
    return found[0]


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (f"Bearer {TOKEN}".encode(), 200),
        (f"bearer  {TOKEN}".encode(), 200),
        (b"Basic " + b64encode(f"orthanc:{TOKEN}".encode()), 200),
        (b"Basic " + b64encode(f"{TOKEN}:orthanc".encode()), 401),
        (b"Basic no base64", 401),
        (f"Bearer {TOKEN[:-1]}".encode(), 401),
        (b"Bearer ", 401),
        (TOKEN.encode(), 401),
        (None, 401),
    ],
)
def test_who_passes(authorization: bytes | None, expected: int) -> None:
    assert status(TOKEN, authorization) == expected


@pytest.mark.parametrize("authorization", [None, b"Bearer ", b"Basic " + b64encode(b"orthanc:")])
def test_without_a_token_nobody_passes(authorization: bytes | None) -> None:
    assert status("", authorization) == 503
