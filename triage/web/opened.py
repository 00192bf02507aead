"""Decoded studies in the memory of the server: decoded once, however many readers ask, and the oldest forgotten."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

from triage.domain import AIResult, Finding, Series, SliceScores
from triage.errors import NotFoundError
from triage.inference.slice_selection import fits, scored_slices
from triage.pipeline.installation import Installation
from triage.records.views import Study
from triage.text import one_line

#: Changes whenever other bytes are sent for the same files: browsers keep what they have.
FORM = 1
#: Pixels of all studies that are kept: bytes.
MAX_KEPT = 768 * 2**20
CHANGED = "This study has changed since it was opened. Reload the page."


@dataclass(frozen=True, slots=True)
class Opened:
    """A study with its decoded slices.

    Attributes
    ----------
    version
        Digest of what the slices depend on; part of their addresses.
    series
        All series, including those that are set aside.
    """

    study: Study
    version: str
    series: tuple[Series, ...]

    @property
    def size(self) -> int:
        """Bytes of the slices."""
        return sum(one.pixels.nbytes for series in self.series for one in series.slices)

    @property
    def shown(self) -> list[int]:
        """Indices of the series that have slices."""
        return [number for number, series in enumerate(self.series) if series.slices]

    @property
    def first(self) -> tuple[int, int] | None:
        """Series and slice to open at: the most suspicious one, or the middle one; None if there is no slice."""
        scores = self._scores
        if scores is not None:
            return scores.series, scores.slice
        return next(((number, len(self.series[number].slices) // 2) for number in self.shown), None)

    @property
    def suspicious(self) -> tuple[int, int] | None:
        """Series and slice that the AI finds most suspicious."""
        return (self._scores.series, self._scores.slice) if self._scores is not None else None

    def step(self, series: int) -> int:
        """Return n where every n-th slice of a series was scored."""
        scores = self._scored(series)
        return scored_slices(scores, series).step if scores else 1

    def tumour(self, series: int) -> dict[int, tuple[float, Finding]]:
        """Return P(tumour) and the likeliest class of each slice of a series that has a result."""
        scores = self._scored(series)
        if scores is None:
            return {}
        none = list(Finding).index(Finding.NOTUMOR)
        rows = ((at, scores.table[series][at]) for at in scored_slices(scores, series))
        return {at: (1 - row[none], list(Finding)[row.index(max(row))]) for at, row in rows if row is not None}

    def label(self, series: int) -> str:
        """Return what a series is called, with its number among those of the same name, as passes have."""
        named = [number for number in self.shown if self._name(number) == self._name(series)]
        return self._name(series) + (f" ({named.index(series) + 1} of {len(named)})" if len(named) > 1 else "")

    def _name(self, series: int) -> str:
        header = self.series[series].header
        planes = {self.series[at].header.plane for at in self.shown if self.series[at].header.uid == header.uid}
        plane = f", {header.plane}" if header.plane and len(planes) > 1 else ""
        return (one_line(header.description) or f"Series {header.number}") + plane

    @property
    def _scores(self) -> SliceScores | None:
        """Return the scores if they are of the slices as they are decoded now."""
        result: AIResult | None = self.study.result
        scores = result.slices if result else None
        return scores if scores is not None and fits(scores, self.series) else None

    def _scored(self, series: int) -> SliceScores | None:
        """Return the scores if the series has any; an earlier release scored only the first volume of a 4D file."""
        scores = self._scores
        return scores if scores and series < len(scores.table) and scores.table[series] else None


class OpenStudies:
    """The studies that readers look at. Safe to call from many threads.

    Parameters
    ----------
    installation
        Returns the installation; called for every study.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation
        self._lock = Lock()
        self._decoded: OrderedDict[str, Future[Opened]] = OrderedDict()

    def open(self, study_id: str) -> Opened:
        """Return a study as it is on the record now.

        Raises
        ------
        NotFoundError, RefusedError, StorageError
            If study or file is missing, a file can no longer be decoded, or the record does not answer.
        """
        study = self._installation().store.study(study_id)
        version = version_of(study)
        with self._lock:
            decoded = self._decoded.get(version)
            ours = decoded is None
            if decoded is None:
                decoded = self._decoded[version] = Future()
            self._decoded.move_to_end(version)
        if ours:
            self._decode(decoded, study, version)
        # The record may know more than when the slices were decoded: a result, a reading.
        return Opened(study, version, decoded.result().series)

    def known(self, study_id: str, version: str) -> tuple[Series, ...] | None:
        """Return the series of a version if they are in memory; never waits."""
        with self._lock:
            decoded = self._decoded.get(version)
        if decoded is None or not decoded.done() or decoded.exception():
            return None
        found = decoded.result()
        return found.series if found.study.study_id == study_id else None

    def slices(self, study_id: str, version: str) -> tuple[Series, ...]:
        """Return the series of a version, without asking the record while they are in memory.

        Raises
        ------
        NotFoundError
            If the study is of another version now.
        """
        known = self.known(study_id, version)
        if known is not None:
            return known
        found = self.open(study_id)
        if found.version != version:
            raise NotFoundError(CHANGED)
        return found.series

    def _decode(self, into: Future[Opened], study: Study, version: str) -> None:
        try:
            into.set_result(Opened(study, version, self._installation().series(study.study_id)))
        except BaseException as error:
            with self._lock:
                self._decoded.pop(version, None)  # the next one to ask tries again
            into.set_exception(error)
            return
        with self._lock:
            ready = [(key, one.result().size) for key, one in self._decoded.items() if one.done()]
            total = sum(size for _, size in ready)
            for key, size in ready:
                if total > MAX_KEPT and key != version:
                    del self._decoded[key]
                    total -= size


def version_of(study: Study) -> str:
    """Return the digest of what the slices of a study depend on."""
    return hashlib.sha256(f"{FORM} {study.study_id} {study.contents}".encode()).hexdigest()[:32]
