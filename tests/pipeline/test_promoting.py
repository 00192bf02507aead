"""Promotion, rollback, override and shadow by people: who may, what stops a candidate, and what bad input leaves."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from candidate_samples import SHIPPED, judge, make_candidate
from helpers import take_in

from triage.access.person import Person, alone
from triage.access.roles import Role
from triage.domain import StudyStatus
from triage.errors import ConflictError, DeniedError, ModelError, PromotionError, TriageError
from triage.inference.card import CARD, ONNX
from triage.learning.judgement import JUDGEMENT, Verdict, read_judgement, write_judgement
from triage.phantoms import Phantom
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.pipeline.promoting import Promoting
from triage.records.accounts import Account
from triage.records.acts import Act, line_of, requests_of, shadows_of
from triage.records.audit import Event
from triage.records.keys import open_key
from triage.records.trail import TrailFilter
from triage.settings import Settings

ADA = Person("Dr. Ada", frozenset({Role.ADMINISTRATOR}), account="1")
BOB = Person("Dr. Bob", frozenset({Role.ADMINISTRATOR}), account="2")


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An empty installation on each database that we support."""
    if request.param == "sqlite":
        return Settings(home=tmp_path / "home")
    return Settings(home=tmp_path / "home", database_url=request.getfixturevalue("furnished_postgres"))


def of(installation: Installation, person: Person = ADA) -> Promoting:
    return Promoting(Acting(installation, person))


def put_on_record(installation: Installation, *people: Person) -> None:
    """Give people accounts, which hold their names and roles for as long as they are open."""
    for one in people:
        key = one.name.casefold()
        account = Account(one.account, key, key, one.name, key, one.roles, "", False, datetime.now(UTC))
        installation.store.accounts.add(account)


def seen(installation: Installation) -> int:
    return installation.serving.current().seen


def serving(installation: Installation) -> str:
    return installation.runtime.card.name


def audited(installation: Installation, event: Event) -> list[str]:
    return [one.detail for one in installation.store.trail.page(TrailFilter(events=(event,)), 10)]


def test_what_passes_serves_from_the_next_study_on_in_every_process(
    installation: Installation, settings: Settings, slices: list[Phantom]
) -> None:
    folder = make_candidate(settings.home)
    judge(folder)
    second = Installation(settings.model_copy(update={"worker": "separate"}))
    assert serving(second) == SHIPPED.name
    (before,) = take_in(installation, {"before.png": slices[0].png})
    of(installation).promote("ours", seen=0)
    assert (serving(installation), serving(second)) == ("ours", "ours")
    (after,) = take_in(installation, {"after.png": slices[1].png})
    made = [installation.store.study(one).results[0].model for one in (before, after)]
    assert made == [SHIPPED.name, "ours"]
    (said,) = audited(installation, Event.PROMOTED)
    assert "ours" in said
    of(installation).roll_back(seen=seen(installation))
    assert (serving(installation), serving(second)) == (SHIPPED.name, SHIPPED.name)
    assert audited(installation, Event.ROLLED_BACK)
    with pytest.raises(PromotionError, match="nothing to roll back"):
        of(installation).roll_back(seen=seen(installation))
    second.close()


@pytest.mark.parametrize("role", [Role.RADIOLOGIST, Role.TECHNICIAN])
def test_only_administrators_choose_the_model(installation: Installation, settings: Settings, role: Role) -> None:
    judge(make_candidate(settings.home))
    other = of(installation, Person("Dr. Eve", frozenset({role}), account="3"))
    for act in (
        lambda: other.promote("ours", seen=0),
        lambda: other.ask("ours", "why", seen=0),
        lambda: other.agree(1, seen=0),
        lambda: other.withdraw(1),
        lambda: other.roll_back(seen=0),
        lambda: other.shadow("ours"),
    ):
        with pytest.raises(DeniedError):
            act()
    assert installation.store.registry.entries() == ()
    assert len(audited(installation, Event.DENIED)) == 6


def test_without_a_name_nobody_chooses_the_model(installation: Installation, settings: Settings) -> None:
    judge(make_candidate(settings.home))
    with pytest.raises(PromotionError, match="name"):
        of(installation, alone("")).promote("ours", seen=0)
    of(installation, alone("Dr. Ada")).promote("ours", seen=0)


def test_what_is_not_judged_or_does_not_pass_is_not_promoted(installation: Installation, settings: Settings) -> None:
    folder = make_candidate(settings.home)
    with pytest.raises(PromotionError, match="not judged"):
        of(installation).promote("ours", seen=0)
    for verdict in (Verdict.FAILED, Verdict.NOT_ENOUGH):
        judge(folder, verdict=verdict)
        with pytest.raises(PromotionError, match="does not pass"):
            of(installation).promote("ours", seen=0)
    judge(folder, serving=folder)
    with pytest.raises(PromotionError, match="another model than serves now"):
        of(installation).promote("ours", seen=0)
    (folder / "judgement.json").write_text("{}")
    with pytest.raises(PromotionError, match="not a judgement"):
        of(installation).promote("ours", seen=0)
    assert installation.store.registry.entries() == ()


def test_a_judgement_counts_where_it_was_made_and_as_it_was_made(
    installation: Installation, settings: Settings, tmp_path: Path
) -> None:
    folder = make_candidate(settings.home)
    judge(folder, verdict=Verdict.FAILED)
    file = folder / JUDGEMENT
    failed = file.read_text()
    file.write_text(failed.replace('"failed"', '"passed"'))
    with pytest.raises(PromotionError, match="seal of this record: it was made elsewhere, or changed"):
        of(installation).promote("ours", seen=0)
    judge(folder)
    judgement = read_judgement(folder)
    assert judgement is not None
    other = open_key(tmp_path / "other.key", make=True)
    for changed in (judgement.model_copy(update={"seal": ""}), judgement.sealed(other.mac)):
        write_judgement(changed, folder)
        with pytest.raises(PromotionError, match="seal of this record"):
            of(installation).promote("ours", seen=0)
    assert installation.store.registry.entries() == ()
    write_judgement(judgement, folder)
    of(installation).promote("ours", seen=0)


def test_an_override_needs_a_reason_and_a_second_administrator(installation: Installation, settings: Settings) -> None:
    judge(make_candidate(settings.home), verdict=Verdict.FAILED)
    put_on_record(installation, ADA, BOB)
    with pytest.raises(PromotionError, match="two administrators"):
        of(installation, alone("Dr. Ada")).ask("ours", "why", seen=0)
    with pytest.raises(PromotionError, match="reason"):
        of(installation).ask("ours", " \u200b ", seen=0)
    asked = of(installation).ask("ours", "the old one is worse on our scanner", seen=0)
    with pytest.raises(ConflictError, match="already"):
        of(installation, BOB).ask("ours", "me too", seen=0)
    with pytest.raises(PromotionError, match="yourself"):
        of(installation).agree(asked.number, seen=0)
    with pytest.raises(PromotionError, match="two administrators"):
        of(installation, alone("Dr. Bob")).agree(asked.number, seen=0)
    assert serving(installation) == SHIPPED.name
    of(installation, BOB).agree(asked.number, seen=0)
    assert serving(installation) == "ours"
    asking, *_ = reversed(audited(installation, Event.OVERRIDE))
    assert "worse on our scanner" in asking
    assert "worse on our scanner" in audited(installation, Event.PROMOTED)[0]
    assert requests_of(installation.store.registry.entries()) == ()


def test_an_override_that_is_declined_or_changed_promotes_nothing(
    installation: Installation, settings: Settings
) -> None:
    folder = make_candidate(settings.home)
    put_on_record(installation, ADA, BOB)
    first = of(installation).ask("ours", "why", seen=0)
    of(installation, BOB).withdraw(first.number)
    with pytest.raises(PromotionError, match="not open"):
        of(installation, BOB).agree(first.number, seen=0)
    second = of(installation).ask("ours", "why", seen=0)
    shutil.rmtree(folder)
    make_candidate(settings.home, glioma=1.0)
    with pytest.raises(PromotionError, match="changed since"):
        of(installation, BOB).agree(second.number, seen=0)
    assert serving(installation) == SHIPPED.name


@pytest.mark.parametrize("values", [{"closed_at": datetime.now(UTC)}, {"roles": {Role.RADIOLOGIST}}])
def test_an_override_counts_while_the_one_who_asked_is_administrator(
    installation: Installation, settings: Settings, values: dict[str, object]
) -> None:
    make_candidate(settings.home)
    put_on_record(installation, ADA, BOB)
    asked = of(installation).ask("ours", "why", seen=0)
    installation.store.accounts.change(ADA.account, **values)
    with pytest.raises(PromotionError, match=r"Dr\. Ada, .* no administrator any more\. Decline it"):
        of(installation, BOB).agree(asked.number, seen=0)
    of(installation, BOB).withdraw(asked.number)
    assert serving(installation) == SHIPPED.name


def test_what_passes_needs_no_override(installation: Installation, settings: Settings) -> None:
    judge(make_candidate(settings.home))
    with pytest.raises(PromotionError, match="without an override"):
        of(installation).ask("ours", "why", seen=0)


def test_of_two_administrators_at_once_one_is_told(installation: Installation, settings: Settings) -> None:
    for name in ("first", "second"):
        judge(make_candidate(settings.home, name))
    assert serving(installation) == SHIPPED.name

    def promote(person_and_name: tuple[Person, str]) -> str:
        try:
            of(installation, person_and_name[0]).promote(person_and_name[1], seen=0)
        except TriageError as error:  # the second, or judged against the model that is gone by now
            return type(error).__name__
        return "promoted"

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(promote, [(ADA, "first"), (BOB, "second")]))
    assert said[1] == "promoted"
    assert said[0] in ("ConflictError", "PromotionError")
    assert len(installation.store.registry.entries()) == 1
    with pytest.raises(ConflictError, match="while this page was open"):
        of(installation).roll_back(seen=0)


def test_a_tampered_candidate_is_refused(installation: Installation, settings: Settings) -> None:
    folder = make_candidate(settings.home)
    judge(folder)
    (folder / ONNX).write_bytes((folder / ONNX).read_bytes() + b"\0")
    for act in (
        lambda: of(installation).promote("ours", seen=0),
        lambda: of(installation).ask("ours", "why", seen=0),
        lambda: of(installation).shadow("ours"),
    ):
        with pytest.raises(ModelError, match="missing or altered"):
            act()
    with pytest.raises(ModelError, match="no candidate"):
        of(installation).promote("../models/ours", seen=0)
    assert installation.store.registry.entries() == ()


def test_a_network_of_another_form_is_refused(installation: Installation, settings: Settings) -> None:
    import onnx

    from triage.inference.card import sha256_of

    folder = make_candidate(settings.home)
    network = onnx.load(folder / ONNX)
    del network.graph.output[1:]
    onnx.save(network, folder / ONNX)
    card = json.loads((folder / CARD).read_text())
    card["files"][ONNX] = sha256_of(folder / ONNX)
    (folder / CARD).write_text(json.dumps(card))
    judge(folder)
    with pytest.raises(ModelError, match="another form"):
        of(installation).promote("ours", seen=0)


def test_a_candidate_may_not_bear_the_name_of_a_released_model(installation: Installation, settings: Settings) -> None:
    folder = make_candidate(settings.home)
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"name": SHIPPED.name}))
    with pytest.raises(ModelError, match="a name of its own"):
        of(installation).promote("ours", seen=0)


def test_a_candidate_may_not_be_taken_for_another(
    installation: Installation, settings: Settings, slices: list[Phantom]
) -> None:
    judge(make_candidate(settings.home))
    of(installation).promote("ours", seen=0)
    take_in(installation, {"one.png": slices[0].png})
    namesake = make_candidate(settings.home, "other", glioma=1.0, name="ours")
    judge(namesake, serving=settings.home / "models" / "ours")
    with pytest.raises(PromotionError, match="Another model of the name ours"):
        of(installation).promote("other", seen=1)
    shutil.rmtree(namesake)
    namesake = make_candidate(settings.home, "other", glioma=1.0, name="OURS")
    judge(namesake, serving=settings.home / "models" / "ours")
    with pytest.raises(PromotionError, match="Another model of the name OURS"):
        of(installation).promote("other", seen=1)
    shutil.rmtree(namesake)
    twin = Path(shutil.copytree(settings.home / "models" / "ours", settings.home / "models" / "twin"))
    card = json.loads((twin / CARD).read_text())
    (twin / CARD).write_text(json.dumps(card | {"name": "twin"}))
    judge(twin, serving=settings.home / "models" / "ours")
    with pytest.raises(PromotionError, match="could not be told apart"):
        of(installation).promote("twin", seen=1)


def test_a_twin_of_a_model_is_refused_before_either_has_results(installation: Installation, settings: Settings) -> None:
    first = make_candidate(settings.home, "first")
    twins = settings.home / "models"
    for source, name in ((SHIPPED, "of-shipped"), (first, "of-first")):
        twin = Path(shutil.copytree(source, twins / name, ignore=shutil.ignore_patterns("trials")))
        card = json.loads((twin / CARD).read_text())
        (twin / CARD).write_text(json.dumps(card | {"name": name}))
    judge(twins / "of-shipped")
    with pytest.raises(PromotionError, match="could not be told apart"):
        of(installation).promote("of-shipped", seen=0)
    judge(first)
    of(installation).promote("first", seen=0)
    for name in ("of-shipped", "of-first"):
        judge(twins / name, serving=first)
        with pytest.raises(PromotionError, match="could not be told apart"):
            of(installation).promote(name, seen=1)
    of(installation).roll_back(seen=1)
    judge(first)
    of(installation).promote("first", seen=2)


def test_a_promoted_folder_that_is_damaged_does_not_serve_and_says_so(
    installation: Installation, settings: Settings, slices: list[Phantom]
) -> None:
    folder = make_candidate(settings.home)
    judge(folder)
    of(installation).promote("ours", seen=0)
    assert serving(installation) == "ours"
    whole = (folder / ONNX).read_bytes()
    (folder / ONNX).write_bytes(whole[:-1] + b"x")
    in_use = installation.serving.current()
    assert in_use.runtime.card.name == SHIPPED.name
    assert "ours was promoted and does not serve" in in_use.trouble
    assert f"{SHIPPED.name} serves meanwhile" in in_use.trouble
    (study_id,) = take_in(installation, {"one.png": slices[0].png})
    assert installation.store.study(study_id).results[0].model == SHIPPED.name
    (folder / ONNX).write_bytes(whole)
    assert (serving(installation), installation.serving.current().trouble) == ("ours", "")
    shutil.rmtree(folder)
    shutil.copytree(SHIPPED, folder)  # another model that was accepted here
    assert "another model" in installation.serving.current().trouble


def test_nothing_serves_if_no_model_is_whole(settings: Settings, tmp_path: Path, slices: list[Phantom]) -> None:
    base = Path(shutil.copytree(make_candidate(tmp_path, "base"), tmp_path / "base"))
    installation = Installation(settings.model_copy(update={"model": base}))
    folder = make_candidate(settings.home)
    judge(folder, serving=base)
    of(installation).promote("ours", seen=0)
    shutil.rmtree(folder)
    shutil.rmtree(base)
    with pytest.raises(ModelError, match="Nothing serves"):
        installation.serving.current()
    installation.close()


def test_a_rollback_to_a_folder_that_is_gone_changes_nothing(installation: Installation, settings: Settings) -> None:
    first, second = make_candidate(settings.home, "first"), make_candidate(settings.home, "second")
    judge(first)
    of(installation).promote("first", seen=0)
    judge(second, serving=first)
    of(installation).promote("second", seen=1)
    shutil.rmtree(first)
    with pytest.raises(PromotionError, match=r"second goes on serving: The folder .* is gone"):
        of(installation).roll_back(seen=2)
    assert serving(installation) == "second"
    assert len(line_of(installation.store.registry.entries())) == 2


def test_a_shadow_scores_new_studies_and_nobody_sees_it(
    installation: Installation, settings: Settings, slices: list[Phantom]
) -> None:
    take_in(installation, {"before.png": slices[0].png})
    make_candidate(settings.home, glioma=9.0)
    shadow = of(installation).shadow("ours")
    with pytest.raises(ConflictError):
        of(installation).shadow("ours")
    (study_id,) = take_in(installation, {"after.png": slices[1].png})
    while installation.store.shadows.counts(shadow).waiting:
        pass
    assert installation.store.shadows.counts(shadow).scored == 1
    study = installation.store.study(study_id)
    assert [one.model for one in study.results] == [SHIPPED.name]
    assert (study.reranked, study.status) == (None, StudyStatus.RANKED)
    shutil.rmtree(settings.home / "models" / "ours")
    of(installation).end_shadow(shadow)
    entries = installation.store.registry.entries()
    assert [one.act for one in entries] == [Act.SHADOW_OFF, Act.SHADOW_ON]
    assert shadows_of(entries) == {}
