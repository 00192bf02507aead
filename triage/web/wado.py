"""WADO-RS (PS3.18 10.4): retrieve the files of a study, series or instance as stored, or their headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from anyio import CapacityLimiter, to_thread
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from triage.errors import NotFoundError, TriageError
from triage.pipeline.installation import Installation
from triage.records.audit import Event
from triage.records.search import FoundInstance, Search
from triage.records.views import Instance
from triage.web import trail
from triage.web.media import DICOM, MULTIPART, DicomJson, accepted_syntaxes, require_json

#: Metadata requests at one time; receiving needs the same two decoding processes.
MAX_METADATA_REQUESTS = 1
#: Bytes sent at one time.
SEND_BYTES = 2**20
#: Preamble and prefix at the start of a DICOM file (PS3.10 7.1).
PREAMBLE = bytes(128) + b"DICM"
#: Group 0002 of the file meta information, little endian.
META_GROUP = b"\2\0"


class Wado:
    """The retrieve transaction.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation
        self._turns = CapacityLimiter(MAX_METADATA_REQUESTS)

    async def files(self, request: Request) -> Response:
        """Send the files: ``GET /studies/{study}[/series/{series}[/instances/{instance}]]``."""
        syntaxes, installation = accepted_syntaxes(request), self._installation()
        found = await to_thread.run_sync(_look_up, installation, request)
        if "*" not in syntaxes and not {item.instance.transfer_syntax for item in found} <= syntaxes:
            raise HTTPException(406, "Files are sent as they were stored. Accept transfer-syntax=*.")
        paths = await to_thread.run_sync(_paths, installation, found)
        await trail.note(request, installation, Event.RETRIEVED, f"{len(found):,} files")
        boundary = uuid4().hex
        return StreamingResponse(
            _body(found, paths, boundary), media_type=f'{MULTIPART}; type="{DICOM}"; boundary={boundary}'
        )

    async def metadata(self, request: Request) -> Response:
        """Send the headers in DICOM JSON: the same addresses with ``/metadata``."""
        require_json(request)
        installation = self._installation()
        found = await to_thread.run_sync(_look_up, installation, request)
        headers = await to_thread.run_sync(_headers, installation, found, limiter=self._turns)
        await trail.note(request, installation, Event.RETRIEVED, f"{len(found):,} headers")
        return DicomJson(headers)


def _look_up(installation: Installation, request: Request) -> list[FoundInstance]:
    uids = request.path_params
    search = Search(installation.store.read)
    found = search.instances(uids["study"], uids.get("series", ""), uids.get("instance", ""))
    if not found:
        raise HTTPException(404, "There is no such study, series or instance here. Search for it with QIDO-RS.")
    return found


def _paths(installation: Installation, found: Sequence[FoundInstance]) -> list[Path]:
    """Return the paths of the files; all are checked before the first one is sent."""
    try:
        return [installation.files.found(item.instance.sha256) for item in found]
    except NotFoundError as error:
        raise HTTPException(404, str(error)) from error


def _headers(installation: Installation, found: Sequence[FoundInstance]) -> list[dict[str, Any]]:
    try:
        return [installation.door.metadata(path) for path in _paths(installation, found)]
    except TriageError as error:
        raise HTTPException(503, str(error)) from error


def _body(found: Sequence[FoundInstance], paths: Sequence[Path], boundary: str) -> Iterator[bytes]:
    for item, path in zip(found, paths, strict=True):
        syntax = item.instance.transfer_syntax
        yield f"\r\n--{boundary}\r\nContent-Type: {DICOM}; transfer-syntax={syntax}\r\n\r\n".encode()
        with path.open("rb") as file:
            yield _missing_start(file.read(len(PREAMBLE)), item.instance)
            file.seek(0)
            while chunk := file.read(SEND_BYTES):
                yield chunk
    yield f"\r\n--{boundary}--\r\n".encode()


def _missing_start(start: bytes, instance: Instance) -> bytes:
    """Return the start that every DICOM file must have (PS3.10 7.1) and that some exports leave out."""
    if start[128:] == PREAMBLE[128:]:
        return b""
    if start[:2] == META_GROUP:
        return PREAMBLE
    meta, buffer = FileMetaDataset(), DicomBytesIO()
    meta.MediaStorageSOPClassUID = UID(instance.sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(instance.sop_instance_uid)
    meta.TransferSyntaxUID = UID(instance.transfer_syntax)
    write_file_meta_info(buffer, meta)
    return PREAMBLE + buffer.getvalue()
