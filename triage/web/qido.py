"""QIDO-RS (PS3.18 10.6): search for studies, series and instances."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from pydicom import Dataset
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from triage.pipeline.installation import Installation
from triage.records.audit import Event
from triage.records.search import FoundInstance, FoundSeries, FoundStudy, Search, StudyQuery
from triage.web import trail
from triage.web.media import DicomJson, address, require_json

#: Most rows of one answer; a peer gets the next ones with `offset`.
MAX_ROWS = 1000
#: Digits of a number in a query; a database takes no offset much longer.
MAX_DIGITS = 9
#: Parameters of one query; there are fewer attributes to ask for.
MAX_PARAMETERS = 100
UID_FORM = re.compile("[0-9.]{1,64}")
#: Attributes whose values are UIDs.
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
#: Attributes that are matched, by what is searched for; the answer warns about others in the query.
MATCHED = {
    "studies": {
        "StudyInstanceUID",
        "PatientName",
        "PatientID",
        "AccessionNumber",
        "StudyDescription",
        "StudyDate",
        "ModalitiesInStudy",
    },
    "series": {"Modality", "SeriesInstanceUID"},
    "instances": {"SeriesInstanceUID", "SOPInstanceUID"},
}
#: Longest value: characters. No attribute has more than 64 of them, a name three times as many; UIDs may be many.
MAX_VALUE, MAX_UIDS = 256, 10_000
#: Query parameters that are no attributes; `includefield` changes nothing, since every known attribute is sent.
PARAMETERS = {"limit", "offset", "includefield", "fuzzymatching"}


class Qido:
    """The search transaction.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation

    async def studies(self, request: Request) -> Response:
        """Find studies: ``GET /studies``."""
        require_json(request)
        match, offset, limit = _criteria(request)
        first, last = _dates(match.get("StudyDate", ""))
        query = StudyQuery(
            uids=_split(match.get("StudyInstanceUID", "")),
            patient_name=match.get("PatientName", ""),
            mrn=match.get("PatientID", ""),
            accession_number=match.get("AccessionNumber", ""),
            description=match.get("StudyDescription", ""),
            modalities=_split(match.get("ModalitiesInStudy", "")),
            first=first,
            last=last,
            offset=offset,
            limit=limit,
        )
        found = await run_in_threadpool(self._search.studies, query)
        return await self._answer(request, match, (_study(request, item) for item in found))

    async def series(self, request: Request) -> Response:
        """Find the series of a study: ``GET /studies/{study}/series``."""
        require_json(request)
        match, offset, limit = _criteria(request)
        found = await run_in_threadpool(
            self._search.series,
            request.path_params["study"],
            match.get("Modality", ""),
            match.get("SeriesInstanceUID", ""),
        )
        return await self._answer(request, match, (_series(request, item) for item in found[offset : offset + limit]))

    async def instances(self, request: Request) -> Response:
        """Find instances: ``GET /studies/{study}/instances``, ``GET /studies/{study}/series/{series}/instances``."""
        require_json(request)
        match, offset, limit = _criteria(request)
        series = request.path_params.get("series", match.get("SeriesInstanceUID", ""))
        found = await run_in_threadpool(
            self._search.instances, request.path_params["study"], series, match.get("SOPInstanceUID", "")
        )
        return await self._answer(request, match, (_instance(request, item) for item in found[offset : offset + limit]))

    async def _answer(self, request: Request, match: Iterable[str], found: Iterable[Dataset]) -> Response:
        level = request.url.path.rpartition("/")[2]
        matched = MATCHED[level] - ({"SeriesInstanceUID"} if "series" in request.path_params else set())
        warnings = [f"not matched on {keyword}" for keyword in sorted(set(match) - matched)]
        if request.query_params.get("fuzzymatching") == "true":
            warnings.append("fuzzymatching is not supported; literal matching was done")
        headers = {"Warning": ", ".join(f'299 NeuroTriage "{warning}"' for warning in warnings)} if warnings else {}
        rows = list(found)
        by = f" by {', '.join(sorted(match))}" if match else ""
        await trail.note(request, self._installation(), Event.SEARCHED, f"{level}{by}: {len(rows):,} found")
        return DicomJson(rows, headers=headers) if rows else Response(status_code=204, headers=headers)

    @property
    def _search(self) -> Search:
        return Search(self._installation().store.read)


def _criteria(request: Request) -> tuple[dict[str, str], int, int]:
    """Return the attributes to match, by keyword, and the offset and the limit.

    Raises
    ------
    HTTPException
        400 for a number that is none, a parameter that is no DICOM attribute, or a value that no attribute has.
    """
    items = request.query_params.multi_items()
    if len(items) > MAX_PARAMETERS:
        raise HTTPException(400, f"The query has more than {MAX_PARAMETERS} parameters. Leave some out.")
    numbers: dict[str, int] = {"offset": 0, "limit": MAX_ROWS}
    match: dict[str, str] = {}
    for name, value in items:
        if name in numbers:
            if not value.isdecimal() or len(value) > MAX_DIGITS:
                raise HTTPException(400, f"{name} is not a whole number below a billion. Send one, or leave it out.")
            numbers[name] = int(value)
        elif name not in PARAMETERS:
            keyword = keyword_for_tag(name) if len(name) == 8 and tag_for_keyword(name) is None else name
            if not keyword or tag_for_keyword(keyword) is None:
                raise HTTPException(
                    400, "A query parameter is no DICOM attribute. Name attributes by keyword or by tag."
                )
            if keyword in match:
                raise HTTPException(400, f"{keyword} is there twice. Name it once.")
            # Stars alone are universal matching (PS3.4 C.2.2.2.3), as no value is; UIDs have no wild cards.
            if value if keyword in UIDS else value.strip("*"):
                match[keyword] = _checked(keyword, value)
    return match, numbers["offset"], min(numbers["limit"], MAX_ROWS)


def _checked(keyword: str, value: str) -> str:
    """Return a value to match that some study could have.

    Raises
    ------
    HTTPException
        400 for any other: it would match nothing, or everything that it does not name.
    """
    if len(value) > (MAX_UIDS if keyword in UIDS else MAX_VALUE):
        raise HTTPException(400, f"{keyword} is longer than any value of it. Shorten it.")
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise HTTPException(400, f"{keyword} holds a control character, which no attribute does. Leave it out.")
    if not any(character.isalnum() for character in value):
        raise HTTPException(400, f"{keyword} holds no letter and no digit. Leave it out to find all.")
    if keyword in UIDS and not all(map(UID_FORM.fullmatch, _split(value))):
        raise HTTPException(400, f"{keyword} is no UID. Write digits and dots; commas between several.")
    return value


def _split(value: str) -> tuple[str, ...]:
    return tuple(item for item in value.replace("\\", ",").split(",") if item)


def _dates(value: str) -> tuple[date | None, date | None]:
    """Return the first and the last day of ``20260302``, ``20260301-20260310``, ``20260301-`` or ``-20260310``."""
    first, dash, last = value.partition("-")
    try:
        begin, end = (datetime.strptime(day, "%Y%m%d").date() if day else None for day in (first, last))
    except ValueError as error:
        raise HTTPException(
            400, "StudyDate is no date or range. Write it like 20260302 or 20260301-20260310."
        ) from error
    return begin, end if dash else begin


def _study(request: Request, found: FoundStudy) -> Dataset:
    header = found.header
    return _dataset(
        StudyDate=header.study_date.strftime("%Y%m%d") if header.study_date else None,
        StudyTime=None,
        AccessionNumber=header.accession_number,
        InstanceAvailability="ONLINE",
        ModalitiesInStudy=list(found.modalities),
        ReferringPhysicianName=None,
        StudyDescription=header.description,
        RetrieveURL=address(request, header.uid),
        PatientName=header.patient_name,
        PatientID=header.mrn,
        PatientBirthDate=None,
        PatientSex=header.sex,
        PatientAge=header.age,
        StudyInstanceUID=header.uid,
        StudyID=None,
        NumberOfStudyRelatedSeries=found.series,
        NumberOfStudyRelatedInstances=found.instances,
    )


def _series(request: Request, found: FoundSeries) -> Dataset:
    header = found.header
    return _dataset(
        Modality=header.modality,
        SeriesDescription=header.description,
        RetrieveURL=address(request, found.study_uid, header.uid),
        StudyInstanceUID=found.study_uid,
        SeriesInstanceUID=header.uid,
        SeriesNumber=header.number,
        NumberOfSeriesRelatedInstances=found.instances,
    )


def _instance(request: Request, found: FoundInstance) -> Dataset:
    instance = found.instance
    return _dataset(
        SOPClassUID=instance.sop_class_uid,
        SOPInstanceUID=instance.sop_instance_uid,
        InstanceAvailability="ONLINE",
        RetrieveURL=address(request, found.study_uid, found.series_uid, instance.sop_instance_uid),
        StudyInstanceUID=found.study_uid,
        SeriesInstanceUID=found.series_uid,
        NumberOfFrames=instance.frames,
        AvailableTransferSyntaxUID=instance.transfer_syntax,
    )


def _dataset(**values: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset
