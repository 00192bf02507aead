"""The streaming parser: the same parts, however the network cuts the body."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from dicomweb import BOUNDARY, body
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from starlette.exceptions import HTTPException
from starlette.requests import Request

from triage.web.multipart import spool

PARTS = [b"first", b"\r\n--betwee\r\n--", b"", b"\x00\r\n" * 50]


def spooled(chunks: Sequence[bytes], folder: Path) -> list[bytes]:
    left = list(chunks)

    async def receive() -> dict[str, object]:
        chunk = left.pop(0) if left else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    return [path.read_bytes() for path in asyncio.run(spool(request, BOUNDARY, folder, 2**20))]


@pytest.mark.parametrize("size", [1, 2, 7, 31, 10_000])
def test_parts_come_out_whole_however_they_are_cut(tmp_path: Path, size: int) -> None:
    data = body(PARTS)
    assert spooled([data[start : start + size] for start in range(0, len(data), size)], tmp_path) == PARTS


def test_an_epilogue_is_not_a_part(tmp_path: Path) -> None:
    assert spooled([b"\r\n" + body(PARTS) + b"\r\nthe end"], tmp_path) == PARTS


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.binary(max_size=200), some.integers(0, 400))
def test_whatever_comes_is_parts_or_a_bad_request(tmp_path: Path, noise: bytes, place: int) -> None:
    data = bytearray(body(PARTS))
    data[place : place + len(noise) // 2] = noise
    try:
        answer = spooled([bytes(data)], tmp_path)
    except HTTPException as error:
        answer = error
    assert answer if isinstance(answer, list) else answer.status_code == 400
