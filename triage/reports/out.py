"""Make the DICOM reports of a study as files to download, or send them to the PACS of the installation."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmwrite

from triage.domain import AIResult, Finding, Kind, Score, Series, Slice, likeliest
from triage.errors import ConflictError, TransferError
from triage.inference.runtime import Runtime
from triage.inference.slice_selection import fits
from triage.records.files import FileStore
from triage.records.marked import Mask, Measurement, marker
from triage.records.marks import SignedMarks, latest
from triage.records.store import Store
from triage.records.views import UNBOUND, Study
from triage.reports.reader_seg import reader_segmentation
from triage.reports.reader_sr import reader_report
from triage.reports.seg import segmentation
from triage.reports.sources import Source, read_source
from triage.reports.sr import structured_report
from triage.scans.quality.gate import not_analysable
from triage.settings import Settings

#: Seconds that the PACS may be silent.
SILENCE_LIMIT = 30.0
NOTHING = "There is nothing to send: no AI result, no signed outline or measurement, or no DICOM files to refer to."

T = TypeVar("T")


class Services(Protocol):
    """What reports need of an installation."""

    settings: Settings
    files: FileStore
    store: Store

    def runtime_of(self, model_sha256: str) -> Runtime:
        """Return the model that made a result if it is still here, else the one that serves."""

    def series(self, study_id: str) -> tuple[Series, ...]:
        """Decode the files of a study."""


def report_files(services: Services, study_id: str) -> list[tuple[str, bytes]]:
    """Return the reports of a study as named DICOM files.

    One SR for the AI result, one for the measurements of each reader, and a SEG for every series with an outline of the
    AI, or with one that a reader signed. The list is empty if there is none, or no DICOM file to refer to (PNG, JPEG,
    NIfTI).

    Raises
    ------
    NotFoundError
        If the study or one of its files is missing.
    RefusedError
        If a file cannot be decoded any more.
    """
    return [(name, _file(report)) for name, report in _reports(services, study_id)]


def send_reports(services: Services, study_id: str) -> int:
    """Send the reports of a study to the PACS of the installation by STOW-RS and return their number.

    Sending again sends the same instances, so the PACS stores no duplicates.

    Raises
    ------
    NotFoundError, RefusedError
        As `report_files`.
    ConflictError
        If there is nothing to send, or no target is set.
    TransferError
        If the PACS did not accept all of them.
    """
    if not services.settings.stow_target:
        raise ConflictError("No PACS is set. Set TRIAGE_STOW_TARGET to its DICOMweb address.")
    reports = [report for _, report in _reports(services, study_id)]
    if not reports:
        raise ConflictError(NOTHING)
    try:
        answer = _client(services.settings).store_instances(reports)
    except (requests.RequestException, OSError) as error:
        refusal = error.response if isinstance(error, requests.HTTPError) else None
        cause = "It did not answer" if refusal is None else f"It answered {refusal.status_code}"
        message = f"The PACS did not accept the reports. {cause}; check TRIAGE_STOW_TARGET and TRIAGE_STOW_TOKEN."
        raise TransferError(message) from error
    if answer.get("FailedSOPSequence"):
        raise TransferError("The PACS refused some of the reports. Find the reason in its log, then send them again.")
    return len(reports)


def _reports(services: Services, study_id: str) -> Iterator[tuple[str, Dataset]]:
    study = services.store.study(study_id)
    if study.unbound:
        raise ConflictError(UNBOUND)
    sources = _sources(services.files, study)
    marked = latest(services.store.marks.signed(study_id), study.readings)
    if not sources or not (study.result or marked):
        return
    series = services.series(study_id)
    if study.result is not None:
        yield from _of_the_ai(services.runtime_of(study.result.model_sha256), study.result, sources, series)
    number = 0
    for at, signed in enumerate(marked, start=1):
        measurements = reader_report(signed, sources, _measured(signed, study, series), at)
        if measurements is not None:
            yield f"SR-reader-{at}.dcm", measurements
        drawn = [part for one in series for part in _by_source(_drawn(signed, study, one), sources)]
        for part in drawn:
            number += 1
            outline = reader_segmentation(signed, sources, part, number)
            if outline is not None:
                yield f"SEG-reader-{number}.dcm", outline


def _of_the_ai(
    runtime: Runtime, result: AIResult, sources: list[Source], series: tuple[Series, ...]
) -> Iterator[tuple[str, Dataset]]:
    slices = result.slices
    shown = series[slices.series].slices[slices.slice] if slices and fits(slices, series) else None
    yield "SR-1.dcm", structured_report(result, sources, shown)
    if result.model_sha256 != runtime.card.sha256:
        return  # the model that made the result is not here any more, and no other one may outline for it
    parts = [part for one in series for part in _by_source(_masked(runtime, one), sources)]
    for number, part in enumerate(parts, start=1):
        outline = segmentation(result, sources, part, number)
        if outline is not None:
            yield f"SEG-{number}.dcm", outline


def _sources(files: FileStore, study: Study) -> list[Source]:
    return [
        read_source(place, files.found(item.sha256))
        for place, item in enumerate(study.instances)
        if item.kind == Kind.DICOM
    ]


def _masked(runtime: Runtime, series: Series) -> list[tuple[Slice, Score]]:
    """Score the slices again, and return those with a tumour to outline."""
    slices = [one for one in series.slices if not_analysable(one) is None]
    with ThreadPoolExecutor(runtime.threads) as pool:
        scored = zip(slices, pool.map(lambda one: runtime.score(one.pixels), slices), strict=True)
        return [
            (one, score)
            for one, score in scored
            if score.familiar and likeliest(score.probabilities) is not Finding.NOTUMOR
        ]


def _drawn(signed: SignedMarks, study: Study, series: Series) -> list[tuple[Slice, Mask]]:
    """Return the slices with an outline that a reader signed."""
    masks = signed.marks.masks
    named = [(one, marker(study.instances[one.instance].sha256, one.frame)) for one in series.slices]
    found = [(one, masks[name]) for one, name in named if name in masks]
    return [(one, mask) for one, mask in found if (mask.rows, mask.columns) == one.pixels.shape]


def _measured(signed: SignedMarks, study: Study, series: tuple[Series, ...]) -> list[tuple[Slice, Measurement]]:
    """Return what a reader measured and signed, with the slices."""
    slices = (slice_ for part in series for slice_ in part.slices)
    named = {marker(study.instances[one.instance].sha256, one.frame): one for one in slices}
    return [(named[one.marker], one) for one in signed.marks.measurements if one.marker in named]


def _by_source(outlined: list[tuple[Slice, T]], sources: list[Source]) -> list[list[tuple[Slice, T]]]:
    """Divide the slices of a stack by their series: a SEG refers to one series, while a stack may lie in several."""
    uids = {source.instance: str(source.header.SeriesInstanceUID) for source in sources}
    found: dict[str, list[tuple[Slice, T]]] = {}
    for one, outline in outlined:
        found.setdefault(uids[one.instance], []).append((one, outline))
    return list(found.values())


def _file(report: Dataset) -> bytes:
    buffer = io.BytesIO()
    dcmwrite(buffer, report, enforce_file_format=True)
    return buffer.getvalue()


class _Session(requests.Session):
    """A session whose requests time out."""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        return super().request(*args, **{"timeout": SILENCE_LIMIT} | options)


def _client(settings: Settings) -> DICOMwebClient:
    token = settings.stow_token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"} if token else None
    client = DICOMwebClient(settings.stow_target, session=_Session(), headers=headers)
    client.set_http_retry_params(retry=False)
    return client
