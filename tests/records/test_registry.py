"""What is to serve follows from the acts of the registry, which cannot be changed or made twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from record_samples import add, result
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from triage.errors import ConflictError, PromotionError
from triage.records.acts import Act, By, Model, line_of, requests_of, shadows_of
from triage.records.store import Store
from triage.records.verify import Verification

ADA, BOB = By("Dr. Ada", "1"), By("Dr. Bob", "2")
FIRST, SECOND, THIRD = (Model(name, letter * 64, name) for name, letter in (("one", "1"), ("two", "2"), ("three", "3")))


def serving(store: Store) -> list[str]:
    return [one.model.name for one in line_of(store.registry.entries())]


def promote(store: Store, model: Model, by: By = ADA, **options: object) -> int:
    return store.registry.promote(model, by=by, seen=store.registry.turn(), against="0" * 64, **options).number  # type: ignore[arg-type]


def test_a_rollback_leads_to_what_served_before(store: Store) -> None:
    assert (serving(store), store.registry.turn()) == ([], 0)
    promote(store, FIRST)
    promote(store, SECOND)
    assert serving(store) == ["two", "one"]
    store.registry.roll_back(FIRST, by=BOB, seen=2, against=SECOND.card)
    assert serving(store) == ["one"]
    promote(store, THIRD)
    assert serving(store) == ["three", "one"]
    for expected in (["one"], []):
        store.registry.roll_back(FIRST, by=BOB, seen=store.registry.turn(), against=THIRD.card)
        assert serving(store) == expected
    with pytest.raises(PromotionError, match="nothing to roll back"):
        store.registry.roll_back(FIRST, by=BOB, seen=store.registry.turn(), against=FIRST.card)
    assert [one.number for one in store.registry.entries()] == [6, 5, 4, 3, 2, 1]


def test_who_saw_another_model_serve_is_refused(store: Store) -> None:
    promote(store, FIRST)
    for act in (
        lambda: store.registry.promote(SECOND, by=ADA, seen=0, against="0" * 64),
        lambda: store.registry.roll_back(FIRST, by=ADA, seen=0, against="0" * 64),
        lambda: store.registry.ask(SECOND, by=ADA, seen=0, against="0" * 64, reason="why"),
    ):
        with pytest.raises(ConflictError, match="while this page was open"):
            act()
    assert serving(store) == ["one"]


def test_of_many_at_one_moment_one_promotes(store: Store) -> None:
    def attempt(number: int) -> bool:
        model = Model(f"m{number}", f"{number:064x}", f"m{number}")
        try:
            store.registry.promote(model, by=ADA, seen=0, against="0" * 64)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1
    assert len(serving(store)) == 1
    assert [one for step in Verification(store).steps() for one in step] == []


def test_a_promoted_model_counts_as_accepted_and_no_other_gets_its_name(store: Store) -> None:
    promote(store, FIRST)
    assert store.models.accepted(FIRST.card, FIRST.name)
    with pytest.raises(PromotionError, match="a name of its own"):
        promote(store, replace(SECOND, name="one"))
    store.results.file(add(store, 1), replace(result(), model_sha256="a" * 64, card=FIRST.card))
    with pytest.raises(PromotionError, match="could not be told apart"):
        promote(store, SECOND, network="a" * 64)
    assert serving(store) == ["one"]
    promote(store, FIRST, network="a" * 64)


def test_a_request_is_open_until_it_is_answered_or_another_model_serves(store: Store) -> None:
    asked = store.registry.ask(FIRST, by=ADA, seen=0, against="0" * 64, reason="why")
    assert requests_of(store.registry.entries()) == (asked,)
    with pytest.raises(ConflictError, match="already"):
        store.registry.ask(FIRST, by=BOB, seen=0, against="0" * 64, reason="why")
    store.registry.withdraw(asked.number, by=BOB)
    with pytest.raises(ConflictError, match="not open"):
        store.registry.withdraw(asked.number, by=BOB)
    with pytest.raises(ConflictError, match="not open"):
        promote(store, FIRST, request=asked.number)
    again = store.registry.ask(FIRST, by=ADA, seen=0, against="0" * 64, reason="why")
    promote(store, SECOND)
    assert requests_of(store.registry.entries()) == ()
    with pytest.raises(ConflictError, match="not open"):
        promote(store, FIRST, request=again.number)
    last = store.registry.ask(FIRST, by=ADA, seen=store.registry.turn(), against=SECOND.card, reason="why")
    promote(store, FIRST, BOB, request=last.number, reason="why")
    assert serving(store) == ["one", "two"]


def test_a_shadow_goes_on_until_it_is_ended_or_its_model_serves(store: Store) -> None:
    for model in (FIRST, SECOND):
        store.registry.shadow(model, on=True, by=ADA, against="0" * 64)
    with pytest.raises(ConflictError):
        store.registry.shadow(FIRST, on=True, by=ADA, against="0" * 64)
    assert set(shadows_of(store.registry.entries())) == {FIRST.card, SECOND.card}
    store.registry.shadow(FIRST, on=False, by=ADA, against="0" * 64)
    promote(store, SECOND)
    assert shadows_of(store.registry.entries()) == {}
    assert store.registry.entries()[0].act is Act.PROMOTED


@pytest.mark.parametrize("statement", ["UPDATE registry SET folder = 'evil'", "DELETE FROM registry"])
def test_the_registry_is_append_only(store: Store, statement: str) -> None:
    promote(store, FIRST)
    with pytest.raises(DatabaseError, match="append-only"), store.write() as session:
        session.execute(text(statement))
    assert serving(store) == ["one"]
