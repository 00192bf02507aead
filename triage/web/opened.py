"""Open studies in the memory of the server: decoded once, however many readers ask, and the oldest forgotten.

A study that is known at a glance (`triage.records.glances`) is open at once; it is decoded when a slice is asked for
that the glance does not hold.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock

from triage.domain import AIResult, Finding, Series, Slice, SliceScores
from triage.errors import NotFoundError
from triage.inference.slice_selection import fits, scored_slices
from triage.languages.speech import later, t
from triage.pipeline.installation import Installation
from triage.records.glances import Glance, Windows, middle, version_of, windows_of
from triage.records.views import Study
from triage.text import one_line

#: Pixels of all studies that are kept: bytes.
MAX_KEPT = 768 * 2**20
#: Glances of studies that are not decoded, with about one megabyte each.
MAX_GLANCES = 32
#: Studies decoded at one time; the cores are shared with the queue.
MAX_DECODING = 2
#: Added to the version of a study for those of its pictures that are not scored.
ASIDE = " aside"
CHANGED = later("This study has changed since it was opened. Reload the page.")


@dataclass(frozen=True, slots=True)
class Opened:
    """A study with its slices, as far as they are described without their pixels.

    Attributes
    ----------
    version
        Digest of what the slices depend on; part of their addresses.
    series
        All series, including those that are set aside.
    windows
        Window presets of each series.
    """

    study: Study
    version: str
    series: tuple[Series, ...]
    windows: tuple[Windows, ...]

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
        return middle(self.series)

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
        return self._name(series) + (
            t(" ({at} of {count})", at=named.index(series) + 1, count=len(named)) if len(named) > 1 else ""
        )

    def _name(self, series: int) -> str:
        header = self.series[series].header
        planes = {self.series[at].header.plane for at in self.shown if self.series[at].header.uid == header.uid}
        plane = f", {t(header.plane)}" if header.plane and len(planes) > 1 else ""
        return (one_line(header.description) or t("Series {number}", number=str(header.number))) + plane

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


@dataclass(frozen=True, slots=True)
class Decoded:
    """The slices of a study."""

    series: tuple[Series, ...]
    windows: tuple[Windows, ...]

    @property
    def size(self) -> int:
        """Bytes of the slices."""
        return sum(one.pixels.nbytes for series in self.series for one in series.slices)


#: A study and its version.
Key = tuple[str, str]


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
        self._decoded: OrderedDict[Key, Future[Decoded]] = OrderedDict()
        self._glances: OrderedDict[Key, Glance] = OrderedDict()
        self._decoders = ThreadPoolExecutor(MAX_DECODING, thread_name_prefix="open")

    def open(self, study_id: str) -> Opened:
        """Return a study as it is on the record now; decoded first unless it is known at a glance.

        Raises
        ------
        NotFoundError, RefusedError, StorageError
            If study or file is missing, a file can no longer be decoded, or the record does not answer.
        """
        study = self._installation().store.study(study_id)
        key = study_id, version_of(study)
        found = self._done(key) or self._glance(key, study) or self._decoding(key, study).result()
        # The record may know more than when the slices were decoded: a result, a reading.
        return Opened(study, key[1], found.series, found.windows)

    def at_once(self, study_id: str, version: str, series: int, at: int) -> Slice | None:
        """Return a slice if it is in memory; never waits.

        Raises
        ------
        IndexError
            If the study has no such series or slice.
        """
        key = study_id, version
        decoded = self._done(key)
        if decoded is not None:
            return decoded.series[series].slices[at]
        with self._lock:
            glance = self._glances.get(key)
        return glance.pictures.get((series, at)) if glance is not None else None

    def decoding(self, study_id: str, version: str) -> Future[Decoded]:
        """Begin to decode the slices of a version, unless it has begun.

        Raises
        ------
        NotFoundError
            If the study is of another version now.
        """
        key = study_id, version
        with self._lock:
            begun = self._decoded.get(key)
        if begun is not None:
            return begun
        study = self._installation().store.study(study_id)
        if version_of(study) != version:
            raise NotFoundError(CHANGED)
        return self._decoding(key, study)

    def aside(self, study_id: str, version: str, series: Sequence[Series]) -> Future[Decoded]:
        """Begin to decode what is not scored of a version, unless it has begun.

        Parameters
        ----------
        study_id, version
            Of the study.
        series
            Its series as they were decoded.

        Raises
        ------
        NotFoundError
            If the study is of another version now.
        """
        if version_of(self._installation().store.study(study_id)) != version:
            raise NotFoundError(CHANGED)
        return self._begun((study_id, version + ASIDE), partial(self._decode_aside, study_id, series))

    def _done(self, key: Key) -> Decoded | None:
        with self._lock:
            decoded = self._decoded.get(key)
            if decoded is None or not decoded.done() or decoded.exception():
                return None
            self._decoded.move_to_end(key)
        return decoded.result()

    def _glance(self, key: Key, study: Study) -> Glance | None:
        with self._lock:
            glance = self._glances.get(key)
        glance = glance or self._installation().glances.find(study)
        path = self._installation().files.path
        if glance is None or not all(path(one.sha256).exists() for one in study.instances):
            return None  # decoding says what is missing, and what to do
        with self._lock:
            self._glances[key] = glance
            self._glances.move_to_end(key)
            while len(self._glances) > MAX_GLANCES:
                self._glances.popitem(last=False)
        return glance

    def _decoding(self, key: Key, study: Study) -> Future[Decoded]:
        return self._begun(key, partial(self._decode, study))

    def _begun(self, key: Key, decode: Callable[[], Decoded]) -> Future[Decoded]:
        with self._lock:
            decoding = self._decoded.get(key)
            ours = decoding is None
            if decoding is None:
                decoding = self._decoded[key] = self._decoders.submit(decode)
            self._decoded.move_to_end(key)
        if ours:
            decoding.add_done_callback(lambda _: self._forget(key))
        return decoding

    def _decode(self, study: Study) -> Decoded:
        installation = self._installation()
        series = installation.series(study.study_id)
        if installation.store.study(study.study_id).contents != study.contents:  # more files came meanwhile
            raise NotFoundError(CHANGED)
        decoded = Decoded(series, windows_of(series))
        # Also where there is one already: the result may be another one now.
        installation.glances.keep(study, series, decoded.windows)
        return decoded

    def _decode_aside(self, study_id: str, series: Sequence[Series]) -> Decoded:
        aside = self._installation().aside(study_id, series)
        return Decoded(aside, windows_of(aside))

    def _forget(self, key: Key) -> None:
        """Forget what failed, so that the next one to ask tries again, and the oldest studies beyond `MAX_KEPT`."""
        with self._lock:
            done = {one: decoded for one, decoded in self._decoded.items() if decoded.done()}
            for one in [one for one, decoded in done.items() if decoded.exception()]:
                del self._decoded[one], done[one]
            if key in done:
                self._glances.pop(key, None)
            ready = [(one, decoded.result().size) for one, decoded in done.items()]
            total = sum(size for _, size in ready)
            for one, size in ready:
                if total > MAX_KEPT and one != key:
                    del self._decoded[one]
                    total -= size
