"""Which slices of a signed study are exported, and what the reading says of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from triage.domain import AIResult, Finding, Reading, ReadingState, Series, StudyStatus
from triage.inference.slice_selection import scored_slices, selected, step
from triage.reading import standing
from triage.records.views import Study
from triage.scans.quality.gate import not_analysable

CHANGED = "Files arrived after the latest reading. Amend the reading, then export again"
NOT_MARKED = "The reader saw no AI result that marks the slice with the lesion"
NOT_THE_LESION = "Not the marked slice: it may or may not show the lesion"
TAKEN_OFF = "The study was merged with another one or discarded"
IN_DOUBT = "Nobody knows whose study it is until a person decides on the page Conflicts. Then export again"
WAITS = "The study waits for a second reading or an arbitration. Export again when it is signed"
NONE_OF_THE_CLASSES = "Signed as {}, which is none of the classes"
NOTHING_SCORED = "No series of the study is scored"


class LabelledStudy:
    """The slices of a study that are exported, each with its label and its scores.

    The finding of the latest reading holds if that reading covers the files that the study has now. Without a tumour
    it holds for every slice. With a tumour it holds for the slices that a reader outlined, for the slice that the AI
    result marked and the reader saw, and for the only slice. A slice that the gate refuses never reaches the network
    and has no label.

    Parameters
    ----------
    study
        With at least one reading.
    series
        Its decoded series, in the order in which they are judged.
    outlined
        Slices that a reader outlined, see `triage.learning.outlines`: whether the outline holds a lesion, by series and
        slice.

    Attributes
    ----------
    result
        The AI result that the reader saw, else the newest one of the same files, or None.
    places
        Positions of series and slice, from 0, of every slice that is scored or outlined.
    note
        Why no slice of the study has a label; empty if some can have one.
    """

    def __init__(
        self, study: Study, series: Sequence[Series], outlined: Mapping[tuple[int, int], bool] | None = None
    ) -> None:
        seen = answered(study, study.readings[-1])
        self.result = next((result for result in (seen, study.result) if _fits(result, series)), None)
        outlined = outlined or {}
        self.places = sorted({*_places(series, self.result), *outlined})
        self.note = ""
        self._series = series
        self._finding, unsettled = signed_label(study)
        self._lesions = {place for place, has_lesion in outlined.items() if has_lesion}
        if not self.places:
            self.note = NOTHING_SCORED
        elif unsettled:
            self.note = unsettled
        elif self._finding is not Finding.NOTUMOR:
            if len(self.places) == 1:
                self._lesions.add(self.places[0])
            elif seen is not None and seen is self.result and seen.slices is not None:
                marked = (seen.slices.series, seen.slices.slice)
                if outlined.get(marked, True):  # the reader may have taken the outline away
                    self._lesions.add(marked)
            elif not self._lesions:
                self.note = NOT_MARKED

    def label(self, series: int, at: int) -> tuple[Finding | None, str]:
        """Return the label of a slice, or None and why it has none."""
        if self.note:
            return None, self.note
        if reason := not_analysable(self._series[series].slices[at]):
            return None, f"Not analysable: {reason}"
        if self._finding is Finding.NOTUMOR or (series, at) in self._lesions:
            return self._finding, ""
        return None, NOT_THE_LESION

    def scores(self, series: int, at: int) -> dict[Finding, float] | None:
        """Return the probabilities that `result` has for a slice, or None."""
        if self.result is None or self.result.slices is None:
            return None
        row = self.result.slices.table[series][at]
        return dict(zip(Finding, row, strict=True)) if row else None


def signed_label(study: Study) -> tuple[Finding | None, str]:
    """Return the label that the latest reading gives a study, or None and why it gives none."""
    reading = study.readings[-1]
    if study.status in (StudyStatus.MERGED, StudyStatus.DISCARDED):
        return None, TAKEN_OFF
    if study.conflict:
        return None, IN_DOUBT
    # A reading without a digest is of a study of one file, and such a study never changes.
    if reading.contents not in (None, study.contents):
        return None, CHANGED
    if standing(reading, study.readings, study.status) is ReadingState.PRELIMINARY:
        return None, WAITS
    if not isinstance(reading.finding, Finding):
        return None, NONE_OF_THE_CLASSES.format(reading.finding)
    return reading.finding, ""


def answered(study: Study, reading: Reading) -> AIResult | None:
    """Return the AI result that the reader saw when signing a reading, or None."""
    seen = (
        result
        for result in reversed(study.results)
        if result.model_sha256 == reading.model_sha256 and result.contents == (reading.contents or study.contents)
    )
    return next(seen, None)


def _fits(result: AIResult | None, series: Sequence[Series]) -> bool:
    """Tell whether the result scores the slices that were decoded now."""
    if result is None or result.slices is None:
        return False
    return [len(table) for table in result.slices.table] == [len(one.slices) for one in series]


def _places(series: Sequence[Series], result: AIResult | None) -> list[tuple[int, int]]:
    if result is not None and result.slices is not None:
        chosen = [scored_slices(result.slices, number) for number in range(len(series))]
    else:
        chosen = [selected(len(one.slices), step([slice_.height for slice_ in one.slices])) for one in series]
    return [(number, at) for number, places in enumerate(chosen) for at in places]
