"""Slices that are set aside by a slip of their header, within a stack that is scored.

Tested in tests/scans/formats/test_acquisitions.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from pydicom import Dataset

from triage.domain import Origin
from triage.scans.formats.acquisitions import acquisitions
from triage.scans.formats.derivation import DERIVED
from triage.scans.formats.elements import integer
from triage.scans.formats.geometry import PARALLEL, orientation_of
from triage.scans.formats.origin import KIND_ENTRIES, origin
from triage.scans.formats.places import ONE_PLACE, OVERLAP

LOCALISER = "Localiser"
NOT_HEAD = "Not the head"
#: Reasons, or their first words, that one slice can state by mistake.
REASONS = (LOCALISER, NOT_HEAD, DERIVED)


def slips(scored: Sequence[Origin], headers: Mapping[int, Dataset], reasons: Mapping[int, str]) -> list[int]:
    """Return the index of the images that are set aside although they are slices of a scored stack.

    They state the same acquisition and plane as the stack, are fewer than its slices, and fill places that it lacks.

    Parameters
    ----------
    scored
        Pictures that are scored.
    headers, reasons
        All images by index, and why each is set aside; "" for one that is not.
    """
    indices = [
        at
        for at, reason in reasons.items()
        if reason.startswith(REASONS) and scored and integer(headers[at], "NumberOfFrames", 1) == 1
    ]
    if not indices:
        return []
    aside = [origin(headers[at]) for at in indices]
    known = acquisitions([*scored, *aside])
    stacks: dict[object, list[Origin]] = defaultdict(list)
    for one, acquisition in zip(scored, known, strict=False):
        stacks[acquisition].append(one)
    found: dict[object, list[int]] = defaultdict(list)
    for at, one, acquisition in zip(indices, aside, known[len(scored) :], strict=True):
        if _fills_a_gap(one, [other for other in stacks[acquisition] if _are_parallel(one, other)]):
            found[acquisition].append(at)
    return [at for acquisition, members in found.items() if len(members) < len(stacks[acquisition]) for at in members]


def _are_parallel(one: Origin, other: Origin) -> bool:
    mine, its = (orientation_of(origin.orientation) if origin.orientation else None for origin in (one, other))
    return mine is None or its is None or abs(float(mine.normal @ its.normal)) > PARALLEL


def _fills_a_gap(one: Origin, stack: Sequence[Origin]) -> bool:
    """Tell whether the passes of a stack lack a slice at this place."""
    orientation = orientation_of(one.orientation) if one.orientation else None
    positions = [other.position for other in stack if other.position is not None]
    if one.position is not None and orientation is not None and len(positions) > 1:
        heights = np.sort(np.array(positions) @ orientation.normal)
        if np.ptp(heights) > ONE_PLACE:
            gaps = np.diff(heights)
            usual = float(np.median(gaps[gaps > ONE_PLACE]))
            near = OVERLAP * min(usual, one.thickness or usual)
            passes = np.median((np.abs(np.subtract.outer(heights, heights)) <= near).sum(axis=0))
            return bool((np.abs(heights - np.array(one.position) @ orientation.normal) <= near).sum() < passes)
    return bool(stack) and _numbers(one) not in map(_numbers, stack)


def _numbers(one: Origin) -> tuple[object, ...]:
    return one.series_number, one.instance_number, one.location, *one.passes[KIND_ENTRIES:]
