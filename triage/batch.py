"""Score files without a record, one object per study; the command `score` does it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.domain import AIResult, Finding, Kind, SeriesHeader, SliceScores, StudyHeader
from triage.errors import RefusedError
from triage.inference.runtime import Runtime
from triage.inference.slice_selection import scored_slices
from triage.inference.study import judge
from triage.records.identity import agree, completed
from triage.scans.formats.archives import is_system_file
from triage.scans.formats.identify import IDENTIFY_BYTES, identify
from triage.scans.formats.inspect import Inspected
from triage.scans.formats.ties import tied
from triage.scans.isolation.door import Door

#: Values of ``status`` in the answers.
SCORED = "scored"
NOT_ANALYSABLE = "not analysable"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Found:
    """A study found in files, or one file that was refused.

    Attributes
    ----------
    name
        The file, the archive, or the folder that holds the study's files.
    paths
        Its files; none if it was refused.
    refusal
        Why it was refused; empty if it was not.
    uid
        Study Instance UID; empty for files that state none.
    """

    name: str
    paths: tuple[Path, ...]
    refusal: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """An inspected file: what holds it, its name, and where it lies itself."""

    path: Path
    name: str
    place: Path
    inspected: Inspected


@dataclass(slots=True)
class _Gathered:
    """Files of one study so far, and what they state of it together."""

    header: StudyHeader
    paths: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def files_below(paths: Sequence[Path]) -> list[Path]:
    """Return the named files and the files below named folders, sorted.

    Hidden files and system files below folders are left out.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found |= {file for file in path.rglob("*") if file.is_file() and not _is_left_out(file.relative_to(path))}
        else:
            found.add(path)
    return sorted(found)


def _is_left_out(file: Path) -> bool:
    return file.name.startswith(".") or is_system_file(file.as_posix())


def find_studies(paths: Iterable[Path], door: Door, folder: Path) -> list[Found]:
    """Inspect files of any format and group those of one study.

    Parameters
    ----------
    paths
        Files; a missing or unreadable file is refused.
    door
        Inspects them.
    folder
        An empty folder for the members of archives; needed until the studies are scored.
    """
    refused: list[Found] = []
    files: list[_File] = []
    for number, path in enumerate(paths):
        for name, place in _unpacked(path, door, folder / str(number), refused):
            try:
                files.append(_File(path, name, place, door.inspect(place)))
            except RefusedError as error:
                refused.append(Found(name, (), str(error)))
    studies: list[_Gathered] = []
    of_uid: dict[str | int, list[_Gathered]] = defaultdict(list)
    groups = tied([file.inspected.ties for file in files])
    for file, group in zip(files, groups, strict=True):
        header = file.inspected.study
        # Files of two patients under one UID are two studies.
        known = of_uid[header.uid or group]
        study = next((one for one in known if agree(one.header, header)), None)
        if study is None:
            study = _Gathered(header)
            studies.append(study)
            known.append(study)
        study.header = completed(study.header, header)
        study.paths.append(file.place)
        is_of_archive = file.place != file.path and (header.uid or file.inspected.ties)
        study.names.append(str(file.path) if is_of_archive else file.name)
    found = [Found(_common_name(one.names), tuple(one.paths), uid=one.header.uid) for one in studies]
    return sorted(found + refused, key=lambda study: study.name)


def score_studies(studies: Iterable[Found], door: Door, runtime: Runtime) -> Iterator[dict[str, Any]]:
    """Score each study.

    Yields
    ------
    dict
        ``path, study_uid, files, slices, slices_not_analysable, slices_between, set_aside, status, predicted,
        prediction_set, probabilities, malignancy, band, reason, model``. If the AI could not judge a study, its answers
        are None, never "no tumour". ``slices_between`` counts thin slices that were skipped because slices next to them
        were scored. ``set_aside`` lists the series that were not scored: ``series`` (description, otherwise number),
        ``series_uid, reason``.
    """
    for study in studies:
        if study.refusal:
            yield _answer(study, REFUSED, study.refusal, runtime)
            continue
        try:
            series = door.decode(study.paths)
            result = judge(series, runtime)
        except RefusedError as error:
            yield _answer(study, REFUSED, str(error), runtime)
            continue
        if isinstance(result, str):
            answer = _answer(study, NOT_ANALYSABLE, result, runtime)
        else:
            answer = _answer(study, SCORED, result.ranking.reason, runtime, result)
        yield answer | {"set_aside": [_set_aside(one.header) for one in series if one.header.set_aside]}


def _unpacked(path: Path, door: Door, into: Path, refused: list[Found]) -> list[tuple[str, Path]]:
    """Return name and path of a file, or of the members of an archive; refused ones are added to `refused`."""
    try:
        with path.open("rb") as file:
            kind = identify(file.read(IDENTIFY_BYTES))
        if kind is not Kind.ZIP:
            return [(str(path), path)]
        into.mkdir()
        unpacked = door.unpack(path, into)
    except (RefusedError, OSError) as error:
        reason = str(error) if isinstance(error, RefusedError) else f"Cannot be read: {error.strerror}"
        refused.append(Found(str(path), (), reason))
        return []
    refused += [Found(f"{path}/{name}", (), message) for name, message in unpacked.refused]
    return [(f"{path}/{member.name}", member.path) for member in unpacked.members]


def _common_name(names: Sequence[str]) -> str:
    return names[0] if len(set(names)) == 1 else os.path.commonpath(names)


def _answer(study: Found, status: str, reason: str, runtime: Runtime, result: AIResult | None = None) -> dict[str, Any]:
    selected, skipped = _scored(result.slices) if result and result.slices else ([], 0)
    return {
        "path": study.name,
        "study_uid": study.uid,
        "files": max(len(study.paths), 1),
        "slices": len(selected) - selected.count(None),
        "slices_not_analysable": selected.count(None),
        "slices_between": skipped,
        "set_aside": [],
        "status": status,
        "predicted": result.predicted if result else None,
        "prediction_set": list(result.prediction_set) if result else None,
        "probabilities": {f: round(result.probabilities[f], 6) if result else None for f in Finding},
        "malignancy": round(result.malignancy, 6) if result else None,
        "band": result.ranking.band if result else None,
        "reason": reason,
        "model": {"name": runtime.card.name, "sha256": runtime.card.sha256},
    }


def _set_aside(header: SeriesHeader) -> dict[str, str]:
    name = header.description or f"series {header.number}"
    return {"series": name, "series_uid": header.uid, "reason": header.set_aside}


def _scored(slices: SliceScores) -> tuple[list[tuple[float, ...] | None], int]:
    """Return the probabilities of the selected slices, and the number of slices that were skipped."""
    selected = [rows[at] for series, rows in enumerate(slices.table) for at in scored_slices(slices, series)]
    return selected, sum(map(len, slices.table)) - len(selected)
