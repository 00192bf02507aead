"""The body of a STOW-RS request, streamed to disk within limits: one file for each part."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO

from anyio import fail_after, to_thread
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

#: Parts of one request; with more, senders give up before they get the answer.
MAX_PARTS = 10_000
#: Bytes gathered in memory before they are written.
WRITE_BYTES = 2**20
#: Seconds that a sender may be silent.
SILENCE_LIMIT = 60
MALFORMED = "The body is not a complete multipart message as its Content-Type states. Send the study again."


async def spool(request: Request, boundary: str, folder: Path, limit: int) -> list[Path]:
    """Write each part of the body to a file of its own.

    Parameters
    ----------
    request
        Its body is read to the end.
    boundary
        Between the parts.
    folder
        For the files.
    limit
        Largest body: bytes.

    Returns
    -------
    list of Path
        The files, in the order of the parts; their content is not checked.

    Raises
    ------
    HTTPException
        400 for a malformed body, 408 if the sender falls silent, 413 for too large a body, 503 if the disk is full.
    """
    too_large = HTTPException(413, f"The body is larger than {limit >> 20} MB. Send fewer files at a time.")
    if int(request.headers.get("content-length", 0)) > limit:
        raise too_large
    stream, size, gathered = aiter(request.stream()), 0, bytearray()
    with _Parts(boundary, folder) as parts:
        while True:
            try:
                with fail_after(SILENCE_LIMIT):
                    chunk = await anext(stream, None)
            except TimeoutError as error:
                raise HTTPException(408, f"Nothing arrived for {SILENCE_LIMIT} s. Send the study again.") from error
            except ClientDisconnect as error:
                raise HTTPException(400, MALFORMED) from error
            size += len(chunk or b"")
            if size > limit:
                raise too_large
            gathered += chunk or b""
            if chunk is None or len(gathered) >= WRITE_BYTES:
                await to_thread.run_sync(parts.write, bytes(gathered))
                gathered.clear()
            if chunk is None:
                return parts.complete()


class _Parts:
    """The files of the parts, written as the body arrives."""

    def __init__(self, boundary: str, folder: Path) -> None:
        self._folder, self._paths = folder, list[Path]()
        self._file: BinaryIO | None = None
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_part_data": self._data,
                    "on_part_end": self._close,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise HTTPException(400, MALFORMED) from error

    def write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise HTTPException(400, MALFORMED) from error
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise HTTPException(503, "Not stored: the disk is full. Free disk space, then send it again.") from error

    def complete(self) -> list[Path]:
        """Return the files if the body is complete.

        Raises
        ------
        HTTPException
            400, if it is not.
        """
        if not self._ended or not self._paths:
            raise HTTPException(400, MALFORMED)
        return self._paths

    def __enter__(self) -> _Parts:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _begin(self) -> None:
        if len(self._paths) == MAX_PARTS:
            raise HTTPException(413, f"The body has more than {MAX_PARTS:,} parts. Send fewer files at a time.")
        self._paths.append(self._folder / f"{len(self._paths):05}")
        self._file = self._paths[-1].open("wb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        assert self._file is not None
        self._file.write(memoryview(data)[start:end])

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _end(self) -> None:
        self._ended = True
