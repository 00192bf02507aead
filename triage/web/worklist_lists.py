"""The lists of the worklist, its bands and classes, with how many studies each would show; and what hides a study.

Tested in tests/web/test_worklist.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from triage.domain import Band, Finding, StudyStatus
from triage.languages.speech import t
from triage.records.worklist_views import Counted, WorklistFilter

ALL, WAITING, FOR_ANOTHER = "all", "waiting", "for another reader"
#: Statuses with a list of their own; what is being scored or ranked is found among what waits.
LISTED = tuple(
    status for status in StudyStatus if status not in (StudyStatus.RECEIVED, StudyStatus.RANKED, StudyStatus.MERGED)
)
#: Statuses in which a study does not wait.
SETTLED = {StudyStatus.READ, StudyStatus.DISCARDED}


def lists(wanted: WorklistFilter, counts: list[Counted]) -> list[dict[str, Any]]:
    """Return all lists; that of what the reader signed and another one is to sign too is there while it has studies."""
    waiting = (one for one in counts if one.waiting and not one.for_another)
    found = [
        {"name": ALL, "label": t("All"), "count": _sum(counts)},
        {"name": WAITING, "label": t("Waiting"), "count": _sum(waiting)},
        *(_of_status(status, counts) for status in LISTED),
    ]
    count = _sum(one for one in counts if one.for_another)
    if count or wanted.for_another:
        told = t("You signed these. They wait for another reader, and stand in the lists of all others.")
        found.append({"name": FOR_ANOTHER, "label": t("For another reader"), "count": count, "told": told})
    return found


def of_bands(wanted: WorklistFilter, counts: list[Counted]) -> dict[Band, int]:
    """Return how many studies a click on each band shows."""
    found = [one for one in counts if _is_in(replace(wanted, bands=()), one)]
    return {band: _sum(one for one in found if one.band is band) for band in Band}


def of_findings(wanted: WorklistFilter, counts: list[Counted]) -> list[dict[str, Any]]:
    """Return how many studies a click on each class shows."""
    found = [one for one in counts if _is_in(replace(wanted, findings=()), one)]
    return [
        {"name": finding, "label": t(finding.label), "count": _sum(one for one in found if one.predicted is finding)}
        for finding in Finding
    ]


def hiding(wanted: WorklistFilter, counts: list[Counted]) -> dict[str, Any] | None:
    """Return the least that hides all studies that the text finds, and how many show without it; None if none would.

    The list is named only where no study of it would show without the other filters.
    """
    anywhere = replace(wanted, statuses=(), for_another=False, everything=True)
    for base, names in ((wanted, ()), (anywhere, ("list",))):
        for others in ((), ("bands",), ("findings",), ("bands", "findings")):
            bands = () if "bands" in others else base.bands
            less = replace(base, bands=bands, findings=() if "findings" in others else base.findings)
            if count := _sum(one for one in counts if _is_in(less, one)):
                return {"count": count, "by": [*names, *others]}
    return None


def _is_in(wanted: WorklistFilter, one: Counted) -> bool:
    """Return whether what was counted is in a list."""
    in_status = one.status in wanted.statuses if wanted.statuses else one.waiting
    in_list = wanted.everything or (in_status and one.for_another is wanted.for_another)
    in_bands = not wanted.bands or one.band in wanted.bands
    return in_list and in_bands and (not wanted.findings or one.predicted in wanted.findings)


def _of_status(status: StudyStatus, counts: list[Counted]) -> dict[str, Any]:
    """Return the list of a status; `within` says that it is a part of what waits."""
    count = _sum(one for one in counts if one.status is status and not one.for_another)
    label = t(status)
    return {"name": status, "label": label[:1].upper() + label[1:], "count": count, "within": status not in SETTLED}


def _sum(counts: Iterable[Counted]) -> int:
    return sum(one.count for one in counts)
