"""Process a received study: decode, gate, score, file. Processing it twice files one result."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import accumulate, chain
from typing import Protocol

from triage.domain import Series, StudyStatus
from triage.errors import NotFoundError, RefusedError
from triage.inference.runtime import Runtime
from triage.inference.study import judge
from triage.records.files import FileStore
from triage.records.store import Store
from triage.records.views import SeriesFiles, Study
from triage.scans.formats.derivation import without_stand_ins
from triage.scans.isolation.door import Door

logger = logging.getLogger(__name__)

INTERNAL_ERROR = "Internal error while scoring; the log has the details"
#: Bytes of files up to which a study is split between two decoders; for larger ones the output limit of one decoder
#: has to hold for the whole study.
MAX_SPLIT_BYTES = 128 * 2**20


class Services(Protocol):
    """What processing needs of an installation."""

    files: FileStore
    store: Store
    door: Door

    @property
    def runtime(self) -> Runtime:
        """The model in use."""


def process(services: Services, study_id: str) -> None:
    """Judge a study and file the result; after a failure the study stays on the worklist with the reason.

    Raises
    ------
    NotFoundError
        If there is no such study.
    StorageError
        If the record did not take the result; call it again.
    """
    study = services.store.study(study_id)
    if study.status is not StudyStatus.RECEIVED:
        return
    try:
        result = judge(decode(services, study), services.runtime, study.contents)
    except (NotFoundError, RefusedError) as error:
        result = str(error)
    except Exception:
        logger.exception("scoring study %s failed", study_id)
        result = INTERNAL_ERROR
    if isinstance(result, str):
        services.store.results.file_not_analysable(study_id, result, judged=study.contents)
    else:
        services.store.results.file(study_id, result)


def decode(services: Services, study: Study) -> tuple[Series, ...]:
    """Decode the files of a study, and check in parallel that they are the ones that were received.

    Raises
    ------
    NotFoundError
        If a file is missing or was altered.
    RefusedError
        If a file cannot be decoded any more.
    """
    digests = [item.sha256 for item in study.instances]
    with ThreadPoolExecutor(2) as pool:
        decoding = [pool.submit(_decode_part, services, digests, part) for part in _halves(study.series)]
        services.files.check(digests)
        decoded = chain.from_iterable(part.result() for part in decoding)
        return without_stand_ins(sorted(decoded, key=lambda series: (series.header.number, series.header.uid)))


def _halves(series: Sequence[SeriesFiles]) -> list[slice]:
    """Split the files of a study between two decoders by whole series, since a series has one gray scale."""
    ends = list(accumulate(len(one.instances) for one in series))
    if sum(item.size for one in series for item in one.instances) > MAX_SPLIT_BYTES:
        return [slice(0, ends[-1])]
    middle = min(ends, key=lambda end: abs(end - ends[-1] / 2))
    return [part for part in (slice(0, middle), slice(middle, ends[-1])) if part.start < part.stop]


def _decode_part(services: Services, digests: Sequence[str], part: slice) -> list[Series]:
    decoded = services.door.decode([services.files.path(sha256) for sha256 in digests[part]])
    return [
        replace(series, slices=tuple(replace(one, instance=part.start + one.instance) for one in series.slices))
        for series in decoded
    ]
