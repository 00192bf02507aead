"""Media types of requests and answers, and the DICOM JSON model (PS3.18 8.7 and Annex F)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.request import parse_http_list

from pydicom import Dataset
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from triage.web.site import ADDRESS

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
MULTIPART = "multipart/related"
#: Path below which DICOMweb is served.
ROOT = "/dicom-web"
LEVELS = ("studies", "series", "instances")
#: Media ranges of an Accept header that DICOM JSON satisfies; XML is not supported.
JSON_RANGES = {DICOM_JSON, "application/json", "application/*", "*/*"}
MULTIPART_RANGES = {MULTIPART, "multipart/*", "*/*"}


class DicomJson(JSONResponse):
    """An answer with one data set or several in the DICOM JSON model."""

    media_type = DICOM_JSON

    def __init__(
        self,
        content: Dataset | Sequence[Dataset | dict[str, Any]],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        body = _as_json(content) if isinstance(content, Dataset) else [_as_json(item) for item in content]
        super().__init__(body, status, headers)


def address(request: Request, *uids: str) -> str:
    """Return the URL of a study, series or instance, given the UIDs down to it.

    It begins with the address of the installation; where there is none, with the one that was asked, of this computer.
    """
    base = request.scope.get(ADDRESS) or str(request.base_url)
    steps = "".join(f"/{level}/{uid}" for level, uid in zip(LEVELS, uids, strict=False))
    return f"{base.rstrip('/')}{ROOT}{steps}"


def require_json(request: Request) -> None:
    """Refuse a request that does not accept DICOM JSON.

    Raises
    ------
    HTTPException
        406, if it does not.
    """
    if not any(kind in JSON_RANGES for kind, _ in _accepted(request)):
        raise HTTPException(406, f"Answers are {DICOM_JSON} only. Name it in the Accept header.")


def accepted_syntaxes(request: Request) -> set[str]:
    """Return the transfer syntaxes that a request accepts for DICOM files; "*" means any.

    Raises
    ------
    HTTPException
        406, if it does not accept a multipart answer of DICOM files.
    """
    found = {
        parameters.get("transfer-syntax", "*")
        for kind, parameters in _accepted(request)
        if kind in MULTIPART_RANGES and parameters.get("type", DICOM).lower() in {DICOM, "*/*"}
    }
    if not found:
        raise HTTPException(406, f'Files are sent as {MULTIPART}; type="{DICOM}" only. Name it in the Accept header.')
    return found


def boundary_of(request: Request) -> str:
    """Return the boundary between the parts of a STOW-RS request.

    Raises
    ------
    HTTPException
        415 for a body of another type, 400 if no boundary is named.
    """
    kind, parameters = parsed(request.headers.get("content-type", ""))
    if kind != MULTIPART or parameters.get("type", DICOM).lower() != DICOM:
        raise HTTPException(415, f'Send DICOM files as {MULTIPART}; type="{DICOM}".')
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "Send the body without a Content-Encoding.")
    if not parameters.get("boundary"):
        raise HTTPException(400, "The Content-Type names no boundary between the parts.")
    return parameters["boundary"]


def _accepted(request: Request) -> Iterator[tuple[str, dict[str, str]]]:
    for item in parse_http_list(",".join(request.headers.getlist("accept"))) or ["*/*"]:
        kind, parameters = parsed(item)
        if parameters.get("q", "1").strip("0.") != "":
            yield kind, parameters


def parsed(value: str) -> tuple[str, dict[str, str]]:
    """Return what a header names, and its parameters, in small letters."""
    kind, parameters = parse_options_header(value)
    return kind.decode("latin-1").lower(), {
        name.decode("latin-1").lower(): text.decode("latin-1") for name, text in parameters.items()
    }


def _as_json(content: Dataset | dict[str, Any]) -> dict[str, Any]:
    return content.to_json_dict() if isinstance(content, Dataset) else content
