"""Process a received study: decode, gate, score, file. Processing it twice files one result."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, islice
from typing import Protocol

from triage.domain import AIResult, Plane, Series, SeriesHeader, StudyStatus
from triage.errors import ModelError, NotFoundError, RefusedError, StorageError
from triage.inference.runtime import Runtime
from triage.inference.study import judge
from triage.records.files import FileStore
from triage.records.glances import Glances
from triage.records.store import Store
from triage.records.views import SeriesFiles, Study
from triage.scans.formats.derivation import without_stand_ins
from triage.scans.formats.origin import without_numbering
from triage.scans.formats.stacks import arrange
from triage.scans.isolation.door import Door
from triage.settings import Settings

logger = logging.getLogger(__name__)

INTERNAL_ERROR = "Internal error while scoring; the log has the details"
#: Bytes of files up to which a study is split between two decoders; for larger ones the output limit of one decoder
#: has to hold for the whole study.
MAX_SPLIT_BYTES = 128 * 2**20


class Services(Protocol):
    """What processing needs of an installation."""

    settings: Settings
    files: FileStore
    glances: Glances
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
    ModelError
        If no model may serve; the study waits for one.
    """
    study = services.store.study(study_id)
    if study.status is not StudyStatus.RECEIVED:
        return
    result, series = judged(services, study)
    if isinstance(result, str):
        services.store.results.file_not_analysable(study_id, result, judged=study.contents)
    else:
        services.store.results.file(study_id, result, second_read=services.settings.second_read)
    filed = services.store.study(study_id)
    if filed.contents == study.contents:  # no more files came meanwhile
        services.glances.keep(filed, series)


def judged(
    services: Services, study: Study, runtime: Runtime | None = None
) -> tuple[AIResult | str, tuple[Series, ...]]:
    """Return what a model says of a study, or why it cannot judge it, and the decoded series.

    Parameters
    ----------
    services
        Of the installation.
    study
        The study.
    runtime
        The model; None: the one that serves once the study is decoded.

    Raises
    ------
    ModelError
        If no model may serve.
    StorageError
        If the record does not answer.
    """
    series: tuple[Series, ...] = ()
    try:
        series = decode(services, study)
        services.store.results.note_series(study.study_id, described(series))
    except StorageError:
        raise
    except (NotFoundError, RefusedError) as error:
        return str(error), series
    except Exception:
        return _failed(study), series
    model = runtime or services.runtime  # whatever fails here says nothing of the study, which waits
    try:
        result = judge(series, model, study.contents)
    except (StorageError, ModelError):
        raise
    except Exception:
        return _failed(study), series
    return replace(result, card=model.card.digest) if isinstance(result, AIResult) else result, series


def _failed(study: Study) -> str:
    logger.exception("scoring study %s failed", study.study_id)
    return INTERNAL_ERROR


def described(stacks: Sequence[Series]) -> dict[str, SeriesHeader]:
    """Return what most slices of each series are, by Series Instance UID; a series can be in several stacks.

    Series without scored slices are left out, and so are those that are scored although they are derived.
    """
    headers: dict[str, Counter[SeriesHeader]] = defaultdict(Counter)
    for stack in stacks:
        if not stack.header.note:
            for origin in (one.origin for one in stack.slices):
                if origin is not None:
                    headers[origin.series][stack.header] += 1
    found = {}
    for uid, counted in headers.items():
        planes: Counter[Plane | None] = Counter()
        for header, count in counted.items():
            planes[header.plane] += count
        plane = planes.most_common(1)[0][0]
        found[uid] = max((one for one in counted if one.plane is plane), key=counted.__getitem__)
    return found


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
        # The decoders do not know of each other's slices: copies and partial passes can lie on both sides.
        return arrange(without_stand_ins(chain.from_iterable(part.result() for part in decoding)))


def decode_aside(services: Services, study: Study, series: Sequence[Series]) -> tuple[Series, ...]:
    """Decode the pictures of a study that are not scored, to be looked at.

    Parameters
    ----------
    services
        Files and decoders.
    study
        The study.
    series
        What `decode` returned of it.

    Raises
    ------
    NotFoundError
        If a file is missing or was altered.
    RefusedError
        If the files together exceed a limit of decoding.
    """
    shown = {(one.instance, one.frame) for stack in series for one in stack.slices}
    counts = Counter(at for at, _ in shown)
    files = [at for at, item in enumerate(study.instances) if item.frames > counts[at]]
    digests = [study.instances[at].sha256 for at in files]
    if not files:
        return ()
    services.files.check(digests)
    known = [(files.index(at), number) for at, number in shown if at in files]
    decoded = services.door.decode_aside([services.files.path(digest) for digest in digests], known)
    return tuple(
        replace(one, slices=tuple(replace(slice_, instance=files[slice_.instance]) for slice_ in one.slices), base=None)
        for one in decoded
    )


def _halves(series: Sequence[SeriesFiles]) -> list[list[int]]:
    """Deal the files of a study to two decoders, as indices.

    Series of one description stay together, whatever the numbers of the slices in it: they may be parts of one stack,
    which has one gray scale.
    """
    files = iter(range(sum(len(one.instances) for one in series)))
    alike: dict[str, list[int]] = defaultdict(list)
    for one in series:
        alike[without_numbering(one.header.description)] += islice(files, len(one.instances))
    if sum(item.size for one in series for item in one.instances) > MAX_SPLIT_BYTES:
        return [list(range(sum(map(len, alike.values()))))]
    halves: tuple[list[int], list[int]] = ([], [])
    for group in sorted(alike.values(), key=len, reverse=True):
        min(halves, key=len).extend(group)
    return [sorted(half) for half in halves if half]


def _decode_part(services: Services, digests: Sequence[str], part: Sequence[int]) -> list[Series]:
    decoded = services.door.decode([services.files.path(digests[at]) for at in part])
    return [
        # Indices of stacks hold within the part only; arranging all of them finds them anew.
        replace(
            series,
            slices=tuple(replace(one, instance=part[one.instance]) for one in series.slices),
            base=None,
        )
        for series in decoded
    ]
