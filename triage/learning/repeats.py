"""Slices of an export whose picture is there twice, or that the model has seen before."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from triage.copies.search import find_in
from triage.copies.seen import Pictures, Seen, Use
from triage.learning.cells import Cells

#: Share of the slices of a study that must be copies before the study counts as one: of a hundred slices, one or two
#: resemble those of somebody else.
ENOUGH = 0.1


def mark_repeats(slices: Sequence[Cells], pictures: Pictures, order: Mapping[str, int], seen: Seen | None) -> None:
    """Fill the cells of slices that say what they are copies of: ``copy_of``, ``same_as`` and ``contradicted``.

    Parameters
    ----------
    slices
        The cells of all slices of the export.
    pictures
        The same slices, in this order.
    order
        By study, its place in the order of the first signatures. That order never changes, so neither does which one of
        several copies counts.
    seen
        What the model has seen; None if nobody knows.
    """
    for cells, use in zip(slices, seen.uses_of(pictures) if seen else [None] * len(slices), strict=True):
        cells |= {"copy_of": use or "", "same_as": "", "contradicted": 0}
    labelled = [cells for cells in slices if cells["label"]]
    heads = pictures.heads.take(np.flatnonzero([bool(cells["label"]) for cells in slices]))
    studies = np.array([str(cells["study"]) for cells in labelled])
    pairs = find_in(heads, heads, groups=(studies, studies))
    places = [(order[str(cells["study"])], str(cells["file"])) for cells in labelled]
    first = list(places)
    for one, other in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        for this, that in ((one, other), (other, one)):
            first[this] = min(first[this], places[that])
            if labelled[this]["label"] != labelled[that]["label"]:
                labelled[this]["contradicted"] = 1
    for cells, place, earliest in zip(labelled, places, first, strict=True):
        cells["same_as"] = "" if earliest == place else earliest[1]


def mark_studies(studies: Sequence[Cells], slices: Sequence[Cells], compared_with: str) -> None:
    """Fill the cells of studies that follow from their slices: ``copy_of``, ``contradicted`` and ``compared_with``."""
    of_study: dict[object, list[Cells]] = defaultdict(list)
    for cells in slices:
        of_study[cells["study"]].append(cells)
    for cells in studies:
        own = of_study[cells["study"]]
        uses = Counter(str(one["copy_of"]) for one in own)
        enough = max(1, ENOUGH * len(own))
        use = Use.TRAINED if uses[Use.TRAINED] >= enough else Use.TESTED if uses.total() - uses[""] >= enough else ""
        contradicted = any(one["contradicted"] for one in own)
        cells |= {"copy_of": use, "contradicted": int(contradicted), "compared_with": compared_with}
