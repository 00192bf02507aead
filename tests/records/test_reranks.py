"""Open studies are ranked anew by the model that serves; what is signed, open or asked for by the referrer is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from record_samples import add, reading, result

from triage.domain import AIResult, Band, Ranking, StudyStatus
from triage.records.acts import By, Entry, Model
from triage.records.model_tables import AttemptRow
from triage.records.queue import Queue
from triage.records.reranks import MAX_TRIES, task_of
from triage.records.store import Store
from triage.records.verify import Verification
from triage.records.worklist_views import WorklistFilter, WorklistRow
from triage.worklist import WaitLimits

ADA = By("Dr. Ada", "1")
NEW = Model("new", "b" * 64, "new")


def ranked(store: Store, number: int = 1, **options: object) -> str:
    """Return a study that the old model ranked as STAT."""
    study_id = add(store, number, **options)
    store.results.file(study_id, of_old(number))
    return study_id


def of_old(number: int = 1) -> AIResult:
    return replace(result(0.7, "a", (number,)), model="old", card="a" * 64)


def of_new(number: int = 1, band: Band = Band.ROUTINE, glioma: float = 0.1) -> AIResult:
    return replace(result(glioma, "b", (number,)), model="new", card=NEW.card, ranking=Ranking(band, "calm"))


def promote(store: Store, model: Model = NEW) -> Entry:
    return store.registry.promote(model, by=ADA, seen=store.registry.turn(), against="a" * 64)


def due(store: Store, turn: Entry, card: str = NEW.card) -> str | None:
    return store.reranks.next(turn, card, datetime.now(UTC))


def file(store: Store, study_id: str, turn: Entry, outcome: AIResult | str) -> bool:
    return store.reranks.file(study_id, turn, (NEW.name, NEW.card), outcome)


def row(store: Store) -> WorklistRow:
    (found,) = queue(store).page(WorklistFilter(everything=True), datetime.now(UTC)).rows
    return found


def queue(store: Store) -> Queue:
    return Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))


def test_a_new_model_ranks_an_open_study_anew_and_the_row_says_so(store: Store) -> None:
    study_id = ranked(store)
    turn = promote(store)
    assert due(store, turn) == study_id
    assert store.reranks.counts(turn, NEW.card) == (1, 0)
    assert file(store, study_id, turn, of_new())
    assert due(store, turn) is None
    assert not file(store, study_id, turn, of_new(glioma=0.2)), "once for each promotion"
    found = row(store)
    assert (found.band, found.malignancy) == (Band.ROUTINE, 0.1)
    assert found.reason == "Ranked anew as ROUTINE by new, as STAT by old before. calm"
    study = store.study(study_id)
    assert [one.model for one in study.results] == ["old", "new"]
    assert study.reranked is not None
    assert (study.reranked.before.model, study.reranked.after.model) == ("old", "new")
    assert [one for step in Verification(store).steps() for one in step] == []


def test_after_a_rollback_the_result_of_before_ranks_again(store: Store) -> None:
    study_id = ranked(store)
    file(store, study_id, promote(store), of_new())
    back = store.registry.roll_back(Model("old", "a" * 64), by=ADA, seen=1, against=NEW.card)
    assert due(store, back, "a" * 64) == study_id
    known = store.reranks.known(study_id, "a" * 64, "a" * 64)
    assert known is not None
    assert store.reranks.file(study_id, back, ("old", "a" * 64), known)
    study = store.study(study_id)
    assert study.result is not None
    assert (study.result.model, row(store).band) == ("old", Band.STAT)
    assert row(store).reason.startswith("Ranked anew as STAT by old, as ROUTINE by new before. ")
    assert len(study.results) == 2, "nothing is filed twice"


def test_the_priority_of_the_referrer_is_never_lowered(store: Store) -> None:
    study_id = ranked(store, site_band=Band.URGENT)
    file(store, study_id, promote(store), of_new())
    assert (row(store).band, row(store).reason.rpartition(". ")[2]) == (
        Band.URGENT,
        "URGENT asked for by the referrer",
    )


def test_what_is_signed_keeps_what_was_signed(store: Store) -> None:
    study_id = ranked(store)
    turn = promote(store)
    store.readings.sign(study_id, reading(), seen=0)
    assert due(store, turn) is None
    assert not file(store, study_id, turn, of_new())
    study = store.study(study_id)
    assert study.result is not None
    assert (study.result.model, study.status) == ("old", StudyStatus.READ)


def test_nothing_moves_under_a_reader_who_has_it_open(store: Store) -> None:
    study_id, now = ranked(store), datetime.now(UTC)
    turn = promote(store)
    store.claims.take(study_id, "Dr. B", now)
    assert due(store, turn) is None
    assert not file(store, study_id, turn, of_new()), "opened while it was scored"
    assert row(store).band is Band.STAT
    store.claims.release(study_id, "Dr. B", now)
    assert due(store, turn) == study_id


def test_a_study_that_the_new_model_refuses_keeps_its_rank(store: Store) -> None:
    study_id = ranked(store)
    turn = promote(store)
    assert file(store, study_id, turn, "No brain MRI")
    found = row(store)
    assert (found.band, found.reason, found.status) == (Band.STAT, "because", StudyStatus.RANKED)
    assert due(store, turn) is None
    (changed,) = store.reranks.changed(turn.number)
    assert (changed.refusal, changed.moved) == ("No brain MRI", False)


def test_a_study_that_was_not_analysable_may_be_ranked(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file_not_analysable(study_id, "No brain MRI")
    file(store, study_id, promote(store), of_new(band=Band.STAT, glioma=0.9))
    found = row(store)
    assert (found.status, found.band) == (StudyStatus.RANKED, Band.STAT)
    assert found.reason == "Ranked anew as STAT by new, not analysable before. calm"


def test_what_the_new_model_ranked_itself_is_not_due(store: Store) -> None:
    turn = promote(store)
    store.results.file(add(store, 1), of_new())
    ranked(store, 2)  # a process took the new model a moment later
    assert store.reranks.counts(turn, NEW.card) == (1, 0)


def test_slices_that_came_meanwhile_are_not_ranked_by_what_was_scored_before(store: Store) -> None:
    study_id = ranked(store)
    turn = promote(store)
    assert not file(store, study_id, turn, of_new(2))


def test_of_two_promotions_the_later_counts(store: Store) -> None:
    study_id = ranked(store)
    turn = promote(store)
    promote(store, Model("newer", "c" * 64, "newer"))
    assert not file(store, study_id, turn, of_new())


def test_a_change_within_the_band_is_said_if_it_shows(store: Store) -> None:
    study_id = ranked(store)
    file(store, study_id, promote(store), of_new(band=Band.STAT, glioma=0.9))
    assert row(store).reason == "P(glioma) anew 0.90 by new, 0.70 by old before. calm"
    other = promote(store, Model("newer", "c" * 64, "newer"))
    same = replace(of_new(band=Band.STAT, glioma=0.9001), model_sha256="c" * 64, model="newer", card="c" * 64)
    assert store.reranks.file(study_id, other, ("newer", "c" * 64), same)
    assert row(store).reason == "calm"


def test_what_ends_its_process_again_and_again_is_left(store: Store) -> None:
    study_id = ranked(store)
    turn = promote(store)
    with store.reranks.attempt(study_id, task_of(turn)):
        pass
    with store.write() as session:  # processes began, and died
        session.add(AttemptRow(study_id=study_id, task=task_of(turn), tries=MAX_TRIES))
    assert due(store, turn) is None
    assert store.reranks.counts(turn, NEW.card) == (0, 1)


def test_a_study_that_rose_is_offered_next(store: Store) -> None:
    early = ranked(store)
    calm = add(store, 2)
    store.results.file(calm, replace(of_old(2), ranking=Ranking(Band.ROUTINE, "calm")))
    turn, since = promote(store), datetime.now(UTC)
    urgent = add(store, 3)
    store.results.file(urgent, replace(of_old(3), ranking=Ranking(Band.URGENT, "calm")))
    assert file(store, calm, turn, of_new(2, Band.STAT, 0.9))
    free = queue(store).free("Dr. B", datetime.now(UTC), left=[early], since=since - timedelta(seconds=1))
    assert free[0] == calm
