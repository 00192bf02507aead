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
EMPTY = f"\r\n\r\n\r\n--{BOUNDARY}".encode()


def spooled(chunks: Sequence[bytes], folder: Path) -> list[bytes]:
    left = list(chunks)

    async def receive() -> dict[str, object]:
        chunk = left.pop(0) if left else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    return [path.read_bytes() for path in asyncio.run(spool(request, BOUNDARY, folder, 2**20, lambda _: None))]


@pytest.mark.parametrize("size", [1, 2, 7, 31, 10_000])
def test_parts_come_out_whole_however_they_are_cut(tmp_path: Path, size: int) -> None:
    data = body(PARTS)
    assert spooled([data[start : start + size] for start in range(0, len(data), size)], tmp_path) == PARTS


@pytest.mark.parametrize("size", [1, 3, 10_000])
@pytest.mark.parametrize(
    "made",
    [
        pytest.param(b"\r\n" + body(PARTS) + b"\r\nthe end", id="epilogue"),
        pytest.param(body(PARTS) + f"\r\n--{BOUNDARY}\r\n\r\nno part".encode(), id="boundary in the epilogue"),
        pytest.param(b"Sent by a scanner.\r\n" + body(PARTS), id="preamble"),
        pytest.param(b"Sent by\na scanner -" + f"--{BOUNDARY} \r\n--betwee\r\n".encode() + body(PARTS), id="lines"),
        pytest.param(body(PARTS).replace(b"\r\n\r\n", b"\r\nA: b\r\n\tc\r\n d\r\n\r\n", 2), id="folded header"),
        pytest.param(body(PARTS).replace(b"Content-Type: application/dicom\r\n", b""), id="no header"),
        pytest.param(body(PARTS).replace(BOUNDARY.encode() + b"\r", BOUNDARY.encode() + b" \t \r"), id="padding"),
        pytest.param(body(PARTS).replace(EMPTY, EMPTY.replace(b"\r\n", b"", 1)), id="empty part"),
    ],
)
def test_what_rfc_2046_allows(tmp_path: Path, made: bytes, size: int) -> None:
    assert made != body(PARTS)
    assert spooled([made[start : start + size] for start in range(0, len(made), size)], tmp_path) == PARTS


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_lines_that_end_with_a_line_feed_only(tmp_path: Path, size: int) -> None:
    """The first boundary says how lines end, so that a carriage return at the end of a file stays."""
    parts = [b"first\r", b"\r\n--betwee\r\n--", b"", b"\n"]
    head = f"--{BOUNDARY}\nContent-Type: application/dicom\n\n".encode()
    made = b"preamble\n" + b"".join(head + part + b"\n" for part in parts) + f"--{BOUNDARY}--".encode()
    assert spooled([made[start : start + size] for start in range(0, len(made), size)], tmp_path) == parts


def test_data_that_looks_like_a_boundary_is_data(tmp_path: Path) -> None:
    parts = [f"\r\n--{BOUNDARY}X\r\n".encode(), f"\n--{BOUNDARY}\n--{BOUNDARY}--".encode(), b"\r\n--between -\r\n"]
    assert spooled([body(parts)], tmp_path) == parts


@pytest.mark.parametrize("header", [b"no colon", b" folded at the start: 1", b"A: b\r\nno colon", b"A:" + b"b" * 2**14])
def test_what_is_no_header(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(HTTPException) as refused:
        spooled([body([b"x"]).replace(b"Content-Type: application/dicom", header)], tmp_path)
    assert refused.value.status_code == 400


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
