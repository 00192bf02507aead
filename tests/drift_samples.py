"""A department on paper: studies of many weeks with their results and readings, with or without a change on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert, inspect

from triage.domain import Band, Decision, Finding, ReadingState, StudyStatus
from triage.records.store import Store
from triage.records.tables import AIResultRow, ReadingRow, SeriesRow, StudyRow

MODEL = "a" * 64
SCANNERS = ("Siemens Skyra", "GE Signa", "Philips Ingenia")
READERS = ("Dr. Ada", "Dr. Eva", "Dr. Tim")


@dataclass(frozen=True, slots=True)
class Department:
    """How a department's studies are on one day.

    Attributes
    ----------
    unlike, refused, agrees, gliomas
        Shares of studies; of a scanner that is none of `SCANNERS`, four of five are unlike the training data.
    agrees_on
        A scanner, and the share on it.
    brightness
        Mean gray value.
    scanners, sequences
        Their names and their weights.
    """

    per_day: float = 6.0
    unlike: float = 0.04
    refused: float = 0.03
    agrees: float = 0.9
    agrees_on: tuple[str, float] = ("", 0.0)
    gliomas: float = 0.25
    brightness: float = 90.0
    scanners: tuple[tuple[str, float], ...] = tuple(zip(SCANNERS, (0.5, 0.3, 0.2), strict=True))
    sequences: tuple[tuple[str, float], ...] = (("t1_ce ax", 0.5), ("t2_tse ax", 0.3), ("flair ax", 0.2))
    model: str = MODEL


def drifted(since: date, usual: Department = Department()) -> Callable[[date], Department]:
    """Return a department into which a scanner unlike the others comes on a day."""
    new = ("Canon Vantage", 0.25)
    after = replace(usual, agrees=0.78, brightness=99.0, scanners=(*usual.scanners, new))
    return lambda day: after if day >= since else usual


def fill(
    store: Store,
    days: int,
    of: Callable[[date], Department] = lambda _: Department(),
    *,
    last: date | None = None,
    seed: int = 0,
) -> None:
    """Add the studies of so many days up to the last one, which is today if left out; no row of them is sealed."""
    kinds: dict[type[Any], list[dict[str, Any]]] = {kind: [] for kind in (StudyRow, SeriesRow, AIResultRow, ReadingRow)}
    for row in rows(days, of, last=last, seed=seed):
        kinds[type(row)].append({name: getattr(row, name) for name in inspect(type(row)).columns.keys()})  # noqa: SIM118 - a column mapping
    with store.engine.begin() as connection:
        for kind, some in kinds.items():
            for one in some:
                if kind is not StudyRow:
                    del one["id"]  # the database gives it
            connection.execute(insert(kind), some)


def rows(
    days: int, of: Callable[[date], Department], *, last: date | None = None, seed: int = 0, slices: int = 3
) -> Iterator[Any]:
    """Give the rows of all studies, each study before what belongs to it."""
    rng = np.random.default_rng(seed)
    end = last or datetime.now(UTC).date()
    number = 0
    for day in (end - timedelta(days=days - 1 - at) for at in range(days)):
        department = of(day)
        for _ in range(rng.poisson(department.per_day)):
            number += 1
            yield from _study(rng, number, day, department, slices)


def _study(rng: np.random.Generator, number: int, day: date, here: Department, slices: int) -> Iterator[Any]:
    arrived = datetime(day.year, day.month, day.day, 7, tzinfo=UTC) + timedelta(seconds=int(rng.integers(3600)))
    study = f"{number:032x}"
    names, weights = zip(*here.scanners, strict=True)
    scanner = names[rng.choice(len(names), p=np.array(weights) / sum(weights))]
    sequence = here.sequences[rng.choice(len(here.sequences), p=[weight for _, weight in here.sequences])][0]
    refused = rng.random() < here.refused
    truth = Finding.GLIOMA if rng.random() < here.gliomas else list(Finding)[1 + rng.integers(3)]
    agrees = here.agrees_on[1] if scanner == here.agrees_on[0] else here.agrees
    said = truth if rng.random() < agrees else list(Finding)[rng.integers(4)]
    glioma = float(rng.beta(8, 2) if said is Finding.GLIOMA else rng.beta(1, 9))
    band = Band.STAT if glioma > 0.4 else Band.ROUTINE if said is Finding.NOTUMOR else Band.URGENT
    read = not refused and day < datetime.now(UTC).date()
    status = StudyStatus.NOT_ANALYSABLE if refused else StudyStatus.READ if read else StudyStatus.RANKED
    yield StudyRow(
        id=study,
        name=f"study {number}",
        site_band=Band.ROUTINE.order,
        arrived_at=arrived,
        ranked_at=arrived,
        status=status,
        waiting=not read,
        band=band.order,
        malignancy=None if refused else glioma,
        predicted=None if refused else said,
        reason="drawn",
        sex="FM"[rng.integers(2)],
        age=f"{rng.integers(20, 90):03d}Y",
    )
    yield SeriesRow(study_id=study, number=1, description=sequence, scanner=scanner, plane="axial")
    if refused:
        return
    rest = {one: (1 - glioma) * (0.9 if one is said else 0.05) for one in Finding if one is not Finding.GLIOMA}
    if said is Finding.GLIOMA:
        rest = dict.fromkeys(rest, (1 - glioma) / 3)
        glioma = max(glioma, 0.4)
    unlike = rng.random() < (here.unlike if scanner in SCANNERS else 0.8)
    yield AIResultRow(
        study_id=study,
        model="net",
        model_sha256=here.model,
        probabilities={Finding.GLIOMA.value: glioma, **{one.value: value for one, value in rest.items()}},
        band=band.order,
        reason="drawn",
        filed_at=arrived,
        contents=study * 2,
        slices={
            "shown": [0, 0, 0],
            "table": [[[0.123456, 0.234567, 0.345678, 0.296299]] * slices],
            "steps": [1],
            "inputs": {
                "scored": slices,
                "unusual": slices if unlike else 0,
                "distance": float(rng.normal(1.4 if unlike else 0.7, 0.1)),
                "brightness": float(rng.normal(here.brightness, 12)),
                "contrast": float(rng.normal(55, 6)),
            },
        },
        prediction_set=[said.value],
    )
    if read:
        yield ReadingRow(
            study_id=study,
            version=1,
            reader=READERS[rng.integers(len(READERS))],
            decision=Decision.CONFIRM if truth is said else Decision.OVERRIDE,
            finding=truth,
            reason=None if truth is said else "wrong class",
            comment="",
            state=ReadingState.FINAL,
            signed_at=arrived + timedelta(hours=int(rng.integers(1, 8))),
            model_sha256=here.model,
            contents=study * 2,
        )
