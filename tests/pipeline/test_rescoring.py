"""Open studies are scored anew in the background: after fresh ones, whoever is killed, and never twice."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from candidate_samples import SHIPPED, judge, make_candidate
from helpers import run_queue, sign_study, take_in
from sqlalchemy import select

from triage.access.person import alone
from triage.domain import Finding, StudyStatus
from triage.errors import StorageError
from triage.phantoms import Phantom
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.pipeline.promoting import Promoting
from triage.pipeline.rescoring import Rescoring
from triage.records.model_tables import RerankRow
from triage.records.results import Results
from triage.records.tables import AIResultRow
from triage.settings import Settings

ON_EACH = pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An empty installation; with `ON_EACH`, on each database that we support."""
    address = request.getfixturevalue("furnished_postgres") if getattr(request, "param", "") == "postgresql" else ""
    return Settings(home=tmp_path / "home", database_url=address)


def promote(installation: Installation, name: str = "ours", before: Path = SHIPPED) -> None:
    """Promote a candidate that calls everything a glioma."""
    judge(make_candidate(installation.settings.home, name, glioma=20.0), serving=before)
    seen = installation.serving.current().seen
    Promoting(Acting(installation, alone("Dr. Ada"))).promote(name, seen=seen)


def left(installation: Installation) -> int:
    in_use = installation.serving.current()
    assert in_use.turn is not None
    return installation.store.reranks.counts(in_use.turn, in_use.runtime.card.digest)[0]


def until_done(installation: Installation, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while left(installation):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def queueless(settings: Settings) -> Installation:
    """An installation in which nothing is scored by itself."""
    return Installation(settings.model_copy(update={"worker": "separate"}))


@ON_EACH
def test_open_studies_are_ranked_anew_and_signed_ones_are_not(
    installation: Installation, slices: list[Phantom]
) -> None:
    calm = [one for one in slices if one.finding is Finding.NOTUMOR]
    signed, waiting = take_in(installation, {one.name: one.png for one in calm[:2]})
    sign_study(installation, signed, Finding.NOTUMOR)
    promote(installation)
    until_done(installation)
    again, kept = installation.store.study(waiting), installation.store.study(signed)
    assert [one.model for one in again.results] == [SHIPPED.name, "ours"]
    assert again.result is not None
    assert again.result.predicted is Finding.GLIOMA
    assert again.reranked is not None
    assert again.reranked.said().startswith("Ranked anew as STAT by ours")
    assert [one.model for one in kept.results] == [SHIPPED.name]
    assert (kept.reranked, kept.status) == (None, StudyStatus.READ)


def test_after_a_restart_open_studies_are_ranked_anew_though_no_study_arrives(
    installation: Installation, settings: Settings, slices: list[Phantom]
) -> None:
    (study_id,) = take_in(installation, {"one.png": slices[0].png})
    installation.close()
    restarted = Installation(settings)
    try:
        restarted.recover()
        promote(restarted)
        until_done(restarted)
        assert restarted.store.study(study_id).reranked is not None
    finally:
        restarted.close()


def test_fresh_studies_come_first(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    (study_id,) = take_in(installation, {"old.png": slices[0].png})
    monkeypatch.setattr(Results, "count_pending", lambda _: 1)  # one that is being scored all the time
    promote(installation)
    time.sleep(2)
    assert left(installation) == 1
    monkeypatch.undo()
    until_done(installation)
    assert installation.store.study(study_id).reranked is not None


def test_a_promotion_while_a_study_is_scored_leaves_no_mixture(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The study began with the old model: it is filed as the old one's, then ranked anew."""
    file = Results.file

    def promote_first(*arguments: Any, **named: Any) -> None:
        monkeypatch.setattr(Results, "file", file)
        promote(installation)
        file(*arguments, **named)

    monkeypatch.setattr(Results, "file", promote_first)
    (study_id,) = take_in(installation, {"one.png": slices[0].png})
    until_done(installation)
    made = [(one.model, one.card) for one in installation.store.study(study_id).results]
    assert [name for name, _ in made] == [SHIPPED.name, "ours"]
    assert made[1][1] == installation.runtime.card.digest


@ON_EACH
def test_what_was_killed_between_promotion_and_scoring_goes_on(
    queueless: Installation, slices: list[Phantom], settings: Settings
) -> None:
    """kill -9 in the middle: every open study ends with one new rank, and nothing is filed twice."""
    working = Installation(settings)
    studies = take_in(working, {one.name: one.png for one in slices[:4]})
    working.close()
    promote(queueless)
    assert left(queueless) == len(studies)
    context = multiprocessing.get_context("spawn")
    for goal in (len(studies) // 2, 0):
        process = context.Process(target=run_queue, args=(settings.home, settings.database_url))
        process.start()
        deadline = time.monotonic() + 120
        while left(queueless) > goal:
            assert process.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.join()
    with queueless.store.read() as session:
        ranked = Counter(session.scalars(select(RerankRow.study_id)))
        results = Counter(session.scalars(select(AIResultRow.study_id)))
    assert ranked == dict.fromkeys(studies, 1)
    assert results == dict.fromkeys(studies, 2)
    queueless.close()


def test_while_the_record_does_not_answer_nothing_is_counted_as_a_death(
    queueless: Installation, slices: list[Phantom], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = Installation(settings)
    take_in(working, {"one.png": slices[0].png})
    working.close()
    promote(queueless)
    rescoring = Rescoring(queueless, queueless.serving)

    def refuse(*_: object) -> bool:
        raise StorageError("full")

    monkeypatch.setattr(type(queueless.store.reranks), "file", refuse)
    for _ in range(5):
        with pytest.raises(StorageError):
            rescoring.step()
    monkeypatch.undo()
    assert rescoring.step()
    assert not rescoring.step()
    assert left(queueless) == 0
    queueless.close()


def test_while_the_promoted_model_is_damaged_nothing_is_ranked_anew(
    queueless: Installation, slices: list[Phantom], settings: Settings
) -> None:
    working = Installation(settings)
    take_in(working, {"one.png": slices[0].png})
    working.close()
    promote(queueless)
    card = settings.home / "models" / "ours" / "card.json"
    whole = card.read_text()
    card.write_text(whole.replace("ours", "evil"))
    rescoring = Rescoring(queueless, queueless.serving)
    assert not rescoring.step()
    card.write_text(whole)
    assert rescoring.step()
    queueless.close()


def test_a_study_that_a_reader_has_open_waits(
    queueless: Installation, slices: list[Phantom], settings: Settings
) -> None:
    working = Installation(settings)
    (study_id,) = take_in(working, {"one.png": slices[0].png})
    working.close()
    promote(queueless)
    now = datetime.now(UTC)
    queueless.store.claims.take(study_id, "Dr. B", now)
    rescoring = Rescoring(queueless, queueless.serving)
    assert not rescoring.step()
    assert left(queueless) == 1
    queueless.store.claims.release(study_id, "Dr. B", now)
    assert rescoring.step()
    queueless.close()
