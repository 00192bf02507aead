from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from drift_samples import MODEL, Department, fill
from record_samples import NOW, add, instance, reading, result

from triage.domain import AIResult, Finding, Inputs, ReadingState, SeriesHeader, StudyHeader
from triage.records import drift
from triage.records.drift import NO_PLANE, NO_SEQUENCE, SEQUENCES, Tally
from triage.records.store import Store
from triage.records.views import Arrival

TODAY = datetime.now(UTC).date()


def measured(numbers: tuple[int, ...], unusual: int = 2, glioma: float = 0.7) -> AIResult:
    judged = result(glioma, numbers=numbers)
    assert judged.slices is not None
    return replace(judged, slices=replace(judged.slices, inputs=Inputs(3, unusual, 1.2, 91.5, 50.0)))


def by_place(tallies: Iterable[Tally]) -> set[tuple[object, ...]]:
    """Return what does not depend on the order in which a database adds up."""
    return {(one.day, one.scanner, one.model, one.counts["studies"], one.counts["unlike"]) for one in tallies}


def test_a_study_is_counted_by_what_it_is(store: Store) -> None:
    header = StudyHeader("1.1", "DOE^J")
    files = [
        Arrival(instance(1), header, SeriesHeader("1.2", description="t1_ce", scanner="Drawn 3T")),
        Arrival(instance(2), header, SeriesHeader("1.3", description="FLAIR sag", scanner="Drawn 3T")),
        Arrival(instance(3), header, SeriesHeader("1.4", description="t2 localizer", set_aside="Localiser")),
    ]
    study = store.arrivals.add("Head", files, actor="door").study_id
    store.results.file(study, measured((1, 2, 3)))
    (one,) = drift.received(store.read)
    assert (one.day, one.scanner, one.model) == (TODAY, "Drawn 3T", MODEL)
    has = {name for name, count in one.counts.items() if count == 1}
    assert has == {
        *("studies", "recorded", "unlike", "results", "answered", "T1 with contrast"),
        *("FLAIR", "glioma", "STAT", NO_PLANE),
    }
    assert (one.counts["brightness"], one.counts["contrast squared"]) == (91.5, 2500)


def test_older_results_lack_what_was_measured(store: Store) -> None:
    store.results.file(add(store, 1), result())
    (one,) = drift.received(store.read)
    assert (one.counts["studies"], one.counts["answered"], one.counts["recorded"]) == (1, 1, 0)
    assert one.counts["brightness"] == 0
    assert one.counts[NO_SEQUENCE] == 1


def test_what_is_refused_or_not_ranked_or_merged(store: Store) -> None:
    refused = add(store, 1)
    add(store, 2)
    store.results.file_not_analysable(refused, "black")
    (one,) = drift.received(store.read)
    assert (one.counts["studies"], one.counts["refused"], one.counts["answered"], one.model) == (1, 1, 0, "")


def test_before_a_blind_reading_nothing_tells_what_the_ai_said(store: Store) -> None:
    read, waiting = add(store, 1), add(store, 2)
    store.results.file(read, measured((1,)))
    store.results.file(waiting, measured((2,)))
    store.readings.sign(read, reading(), seen=0)
    (all_of_it,) = drift.received(store.read)
    (settled,) = drift.received(store.read, settled_only=True)
    assert (all_of_it.counts["glioma"], settled.counts["glioma"]) == (2, 1)
    assert settled.counts["studies"] == settled.counts["results"] == settled.counts["recorded"] == 2


def test_settled_readings_are_counted_beside_the_ai(store: Store) -> None:
    for number, finding in enumerate((Finding.GLIOMA, Finding.GLIOMA, Finding.PITUITARY), start=1):
        study = add(store, number)
        store.results.file(study, measured((number,)))
        store.readings.sign(study, reading(finding), seen=0)
    open_ = add(store, 4)
    store.results.file(open_, measured((4,)))
    store.readings.sign(open_, replace(reading(), state=ReadingState.PRELIMINARY), seen=0)
    (one,) = drift.read_by_day(store.read)
    assert (one.day, one.model, one.bin) == (NOW.date(), MODEL, 9)
    assert one.counts == {"read": 3, "agreed": 2, "gliomas": 2, "found": 2, "expected": pytest.approx(2.1)}
    (group,) = drift.alike(store.read, NOW.date(), NOW.date())
    assert (group.reader, group.studies, group.agreed, group.sequences) == ("Dr. A", 3, 2, (NO_SEQUENCE,))
    assert drift.alike(store.read, NOW.date() + timedelta(days=1), TODAY) == []
    assert drift.read_by_day(store.read, since=NOW.date() + timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("description", "sequence"),
    [
        ("t1_ce ax", "T1 with contrast"),
        ("AX T1 POST GD", "T1 with contrast"),
        ("t1w sag", "T1"),
        ("MPRAGE", "T1"),
        ("t2_tse_tra", "T2"),
        ("t2 flair", "FLAIR"),
        ("ep2d_diff ADC", "diffusion"),
        ("head", NO_SEQUENCE),
        ("", NO_SEQUENCE),
    ],
)
def test_descriptions_name_a_sequence(store: Store, description: str, sequence: str) -> None:
    file = Arrival(instance(1), StudyHeader("1.1"), SeriesHeader("1.2", description=description))
    study = store.arrivals.add("Head", [file], actor="door").study_id
    store.results.file(study, measured((1,)))
    (one,) = drift.received(store.read)
    assert [name for name in (*SEQUENCES, NO_SEQUENCE) if one.counts[name]] == [sequence]


def test_counts_add_up(store: Store) -> None:
    fill(store, 20, lambda _: Department(), last=date(2026, 3, 31))
    found = drift.received(store.read)
    assert {one.day for one in found} <= {date(2026, 3, 12) + timedelta(days=at) for at in range(20)}
    since = date(2026, 3, 22)
    later = drift.received(store.read, since=since)
    assert by_place(later) == by_place(one for one in found if one.day >= since)
    total = {name: sum(one.counts[name] for one in found) for name in found[0].counts}
    assert total["studies"] == total["refused"] + total["answered"] > 80
    assert total["answered"] == total["STAT"] + total["URGENT"] + total["ROUTINE"]
    read = drift.read_by_day(store.read)
    assert sum(one.counts["read"] for one in read) == total["answered"]
