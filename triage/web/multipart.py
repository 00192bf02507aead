"""The body of a STOW-RS request, streamed to disk within limits: one file for each part."""

from __future__ import annotations

import errno
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from anyio import fail_after, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

#: Parts of one request; with more, senders give up before they get the answer.
MAX_PARTS = 10_000
#: Bytes gathered in memory before they are written.
WRITE_BYTES = 2**20
#: What a file takes on disk beside its bytes.
FILE_BYTES = 2**12
#: Seconds that a sender may be silent.
SILENCE_LIMIT = 60
#: Longest boundary: characters. RFC 2046 has 70.
MAX_BOUNDARY = 256
#: Longest header of a part: bytes.
MAX_HEADER = 2**14
#: What follows a boundary: the line break before the next part, or the mark of the last boundary.
AFTER_BOUNDARY = re.compile(rb"[ \t]{0,80}\r?\n|--")
#: What may become that when more bytes arrive.
BEGUN = re.compile(rb"[ \t]{0,80}\r?|-")
NO_HEADER = re.compile(rb"\r?\n")
END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
#: Lines with a colon; a line that begins with a space continues the one before.
HEADER = re.compile(rb"[^:\s][^:\r\n]*:[^\r\n]*(?:\r?\n(?:[ \t]|[^:\s][^:\r\n]*:)[^\r\n]*)*")
SILENT = "Nothing arrived for {seconds} s. Send it again."
#: A body that is not read to its end spoils the connection for the next request.
CLOSE = {"Connection": "close"}
MALFORMED = "The body is not a complete multipart message as its Content-Type states. Send the study again."


async def arriving(request: Request) -> AsyncIterator[bytes]:
    """Give the body of files as it arrives.

    Raises
    ------
    HTTPException
        408 if the sender falls silent, 400 if it goes away.
    """
    stream = aiter(request.stream())
    while True:
        try:
            with fail_after(SILENCE_LIMIT):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise HTTPException(408, SILENT.format(seconds=SILENCE_LIMIT), CLOSE) from error
        except ClientDisconnect as error:
            raise HTTPException(400, MALFORMED) from error
        if chunk is None:
            return
        yield chunk


async def spool(request: Request, boundary: str, folder: Path, limit: int, count: Callable[[int], None]) -> list[Path]:
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
    count
        Counts bytes before they go to disk, and refuses what is too much.

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
    size, gathered, files = 0, bytearray(), 0
    with Parts(boundary, folder) as parts:
        async for chunk in arriving(request):
            size += len(chunk)
            if size > limit:
                raise too_large
            count(len(chunk) + FILE_BYTES * (len(parts.headers) - files))
            files = len(parts.headers)
            gathered += chunk
            if len(gathered) >= WRITE_BYTES:
                await to_thread.run_sync(parts.write, bytes(gathered))
                gathered.clear()
        await to_thread.run_sync(parts.write, bytes(gathered))
        return parts.complete()


class Parts:
    """The files of the parts, written as the body arrives (RFC 2046 5.1.1).

    Text before the first boundary and after the last one is left out. The line break after the first boundary says
    whether lines of this body end with CR LF or, as some senders have it, with LF only.

    Attributes
    ----------
    headers
        Of each part.
    """

    def __init__(self, boundary: str, folder: Path) -> None:
        if len(boundary) > MAX_BOUNDARY:
            raise HTTPException(400, MALFORMED)
        self._folder, self._paths = folder, list[Path]()
        self.headers: list[bytes] = []
        self._file: BinaryIO | None = None
        self._boundary = b"--" + boundary.encode("latin-1")
        self._line_break = b"\n"  # in the preamble: both kinds end with it
        #: Bytes that are not taken yet; a boundary at the very start has no line break before it.
        self._left = bytearray(self._line_break)
        #: How many of them are the line break of a header, which is no data.
        self._no_data = 0
        self._step: Callable[[], bool] = self._pass_boundary

    def write(self, data: bytes) -> None:
        """Write what has arrived."""
        self._left += data
        try:
            while self._step():
                pass
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
        if self._step != self._skip_epilogue or not self._paths:
            raise HTTPException(400, MALFORMED)
        return self._paths

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    # Each step returns whether the bytes that are left are enough for the next one.

    def _pass_boundary(self) -> bool:
        """Take the data or the preamble before the next boundary, and the boundary with its line."""
        delimiter = self._line_break + self._boundary
        at = self._left.find(delimiter)
        while at >= 0:
            end = at + len(delimiter)
            if found := AFTER_BOUNDARY.match(self._left, end):
                line, end = found[0], found.end()
                self._take(at)
                self._close()
                del self._left[: end - at]
                self._step = self._skip_epilogue if line == b"--" else self._pass_header
                self._line_break = b"\r\n" if not self._paths and line.endswith(b"\r\n") else self._line_break
                return True
            if BEGUN.fullmatch(self._left, end):
                self._take(at)
                return False
            at = self._left.find(delimiter, at + 1)  # data that only looks like a boundary
        self._take(len(self._left) - len(delimiter))
        return False

    def _pass_header(self) -> bool:
        """Take the header of a part, and open its file; the type of a file is seen from its content."""
        found = NO_HEADER.match(self._left) or END_OF_HEADER.search(self._left, 0, MAX_HEADER)
        if found is None and len(self._left) < MAX_HEADER:
            return False
        if found is None or (found.start() and not HEADER.fullmatch(self._left, 0, found.start())):
            raise HTTPException(400, MALFORMED)
        if len(self._paths) == MAX_PARTS:
            raise HTTPException(413, f"The body has more than {MAX_PARTS:,} parts. Send fewer files at a time.")
        self.headers.append(bytes(self._left[: found.start()]))
        # In an empty part, the line break of the header can be that of the boundary.
        self._left[: found.end()] = self._line_break
        self._no_data = len(self._line_break)
        self._paths.append(self._folder / f"{len(self._paths):05}")
        self._file = self._paths[-1].open("wb")
        self._step = self._pass_boundary
        return True

    def _skip_epilogue(self) -> bool:
        self._left.clear()
        return False

    def _take(self, count: int) -> None:
        """Write so many of the bytes that are left to the file of the part, or drop them."""
        count = max(count, 0)
        if self._file is not None:
            self._file.write(self._left[self._no_data : count])
        self._no_data = max(self._no_data - count, 0)
        del self._left[:count]

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
