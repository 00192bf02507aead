"""Judge a candidate: it and the serving model answer the same studies, as they are served; then it is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import thread_time

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from triage.copies.seen import Pictures, Use, read_seen
from triage.domain import Series, Slice
from triage.errors import ModelError
from triage.inference.card import ONNX
from triage.inference.runtime import Runtime
from triage.inference.study import judge
from triage.learning.checks import about, check_size, check_time, checks_of
from triage.learning.judged import FINDINGS, Answers, Pair, together
from triage.learning.judgement import Check, Judgement, Mac, Place, Verdict, write_judgement
from triage.learning.parts import Part
from triage.learning.suspicions import Parts, check_coverage, check_labels, check_labels_by_sequence, check_leak
from triage.text import terminal
from triage.training.layouts.loading import in_threads
from triage.training.retrain.ancestry import DATA_SET
from triage.training.retrain.studies import Site, Studies, reference_of, site_of

#: Slices that are timed, and how often.
TIMED = 20
ROUNDS = 3
#: Called after each study that a model has answered.
Tick = Callable[[], object]


@dataclass(frozen=True)
class Basis:
    """What a serving model is judged on, with its answers: they are the same for every candidate.

    Attributes
    ----------
    site, reference
        The studies.
    seen
        Number of pictures of the reference that the serving model was trained on.
    on_site, on_reference
        Its answers.
    """

    serving: Runtime
    site: Site
    reference: Studies
    seen: int
    on_site: dict[Part, Answers]
    on_reference: Answers


def judge_candidate(
    candidate: Path,
    serving: Path,
    export: Path,
    references: Sequence[Path],
    progress: Callable[[float], object] = lambda _: None,
    mac: Mac | None = None,
) -> Judgement:
    """Judge a candidate, and write the judgement beside its card.

    Parameters
    ----------
    candidate, serving
        Model folders.
    export
        Signed readings: a ZIP that `python -m triage export` wrote, or the folder that it was unpacked into.
    references
        Data sets that stand for everything but this site.
    progress
        Called with the share that is done.
    mac
        Seals the judgement with the key of the record that the candidate is for; without it nobody promotes it alone.

    Raises
    ------
    TriageError
        If a folder is no model, both are the same model, or a data set cannot be read.
    """
    before, after = Runtime(serving, threads=1), Runtime(candidate, threads=1)
    if before.card.digest == after.card.digest:
        raise ModelError(f"{candidate} is the model that serves. Name the folder that `retrain` wrote.")
    site = site_of(export)
    reference, seen = reference_of(references, before.card)
    # Both models answer every study once.
    total = 2 * sum(len(some.cases) for some in (*site.parts.values(), reference))
    numbers = count(1)
    answered = lambda: progress(next(numbers) / max(total, 1))  # noqa: E731 - as short as what it says
    return judged_on(basis_of(before, site, reference, seen, answered), after, answered, mac)


def basis_of(serving: Runtime, site: Site, reference: Studies, seen: int, answered: Tick = lambda: None) -> Basis:
    """Let the serving model answer all studies."""
    on_site = {part: answers_of(serving, studies, answered) for part, studies in site.parts.items()}
    return Basis(serving, site, reference, seen, on_site, answers_of(serving, reference, answered))


def judged_on(basis: Basis, after: Runtime, answered: Tick = lambda: None, mac: Mac | None = None) -> Judgement:
    """Let a candidate answer them too, judge it, and write the judgement beside its card."""
    parts = {
        part: Pair(studies.cases, basis.on_site[part], answers_of(after, studies, answered))
        for part, studies in basis.site.parts.items()
    }
    reference = Pair(basis.reference.cases, basis.on_reference, answers_of(after, basis.reference, answered))
    judgement = Judgement(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        candidate=after.card.digest,
        serving=basis.serving.card.digest,
        data_set=basis.site.digest,
        checks=tuple(_checks(basis, after, parts, reference)),
    )
    if mac is not None:
        judgement = judgement.sealed(mac)
    write_judgement(judgement, after.folder)
    return judgement


def answers_of(runtime: Runtime, studies: Studies, answered: Tick = lambda: None) -> Answers:
    """Return what a model says of studies, each judged as one that was received."""
    classes, rows = len(FINDINGS), []
    for row in in_threads(lambda load: _answer(runtime, load()), studies.load, f"Asking {runtime.card.name}"):
        rows.append(row)
        answered()
    return Answers(
        np.array([row[0] for row in rows], np.float64).reshape(-1, classes),
        np.array([row[1] for row in rows], np.str_),
        np.array([row[2] for row in rows], np.bool_).reshape(-1, classes),
    )


def as_table(judgement: Judgement) -> Table:
    """Return the checks as a table for a terminal."""
    table = Table("check", "verdict", "what was found", show_lines=True)
    colours = {Verdict.PASSED: "green", Verdict.FAILED: "red", Verdict.NOT_ENOUGH: "yellow"}
    for check in judgement.checks:
        verdict = f"[{colours[check.verdict]}]{check.verdict}[/]"
        table.add_row(terminal(check.name), verdict, terminal(check.said))
    return table


def _checks(basis: Basis, after: Runtime, by_part: dict[Part, Pair], reference: Pair) -> Iterator[Check]:
    parts = Parts(by_part[Part.TRAIN], by_part[Part.VALIDATION], by_part[Part.TEST])
    tests, pictures = len(basis.site.parts[Part.TEST].cases), len(basis.reference.cases)
    yield about(tests, basis.site.copies, pictures, basis.seen, basis.site.faulty)
    retrained_on = after.card.training.get(DATA_SET, {}).get("digest", basis.site.digest)
    yield check_leak(parts, _recorded(basis, after), same_data=retrained_on == basis.site.digest)
    yield check_labels(parts)
    yield check_labels_by_sequence(together(list(by_part.values())))
    yield from checks_of(parts.test, Place.SITE)
    yield check_coverage(parts, after.card.conformal.coverage)
    yield from checks_of(reference, Place.REFERENCE)
    yield from _costs(basis, after)


def _costs(basis: Basis, after: Runtime) -> Iterator[Check]:
    before, now = ((runtime.folder / ONNX).stat().st_size / 2**20 for runtime in (basis.serving, after))
    yield check_size(before, now)
    load = [*basis.site.parts[Part.TEST].load, *basis.reference.load][:TIMED]
    slices = [one for each in load for series in each() for one in series.slices][:TIMED]
    if slices:
        yield check_time(*_times(basis.serving, after, slices))


def _times(before: Runtime, after: Runtime, slices: Sequence[Slice]) -> tuple[float, float]:
    """Return the processor time of a slice in milliseconds with either model; the best round counts."""
    rounds: dict[Runtime, list[float]] = {before: [], after: []}
    for _ in range(ROUNDS):
        for runtime, times in rounds.items():
            start = thread_time()
            for one in slices:
                runtime.answer(one)
            times.append(1000 * (thread_time() - start) / len(slices))
    return min(rounds[before]), min(rounds[after])


def _answer(runtime: Runtime, series: tuple[Series, ...]) -> tuple[list[float], str, list[bool]]:
    result = judge(series, runtime)
    if isinstance(result, str):
        return [np.nan] * len(FINDINGS), "", [False] * len(FINDINGS)
    possible = [finding in result.prediction_set for finding in FINDINGS]
    return [result.probabilities[finding] for finding in FINDINGS], result.ranking.band.value, possible


def _recorded(basis: Basis, after: Runtime) -> NDArray[np.bool_]:
    """Return of which test studies the candidate records that it was trained on a picture, or a copy of one.

    What the serving model was trained on is the candidate's by descent: it is known, and no leak.
    """
    studies = basis.site.parts[Part.TEST]
    recorded, before = (read_seen(one.folder, one.card.files) for one in (after, basis.serving))
    known = np.zeros(len(studies.cases), np.bool_)
    if recorded is None:
        return known
    slices = [(at, one) for at, load in enumerate(studies.load) for series in load() for one in series.slices]
    pictures = Pictures.of([one.pixels for _, one in slices])
    earlier = before.uses_of(pictures) if before else [None] * len(slices)
    for (at, _), use, once in zip(slices, recorded.uses_of(pictures), earlier, strict=True):
        known[at] |= use is Use.TRAINED and once is not Use.TRAINED
    return known
