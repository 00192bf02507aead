"""The page Models by AppTest: what each person sees and may do, empty and filled, and what its buttons carry out."""

from __future__ import annotations

import time

import pytest
from candidate_samples import SHIPPED, judge, make_candidate
from helpers import sign_study, take_in
from streamlit.testing.v1 import AppTest

from triage.access.person import Person
from triage.access.roles import Role
from triage.domain import Finding
from triage.inference.card import ONNX
from triage.learning.judgement import Verdict
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.records.acts import Act, shadows_of
from triage.records.answers import Answer
from triage.records.audit import Event
from triage.records.trail import TrailFilter
from triage.settings import ROOT
from triage.ui import model_cards, models, state, tables
from triage.ui.model_curves import in_common

VIEWS = list(models.VIEWS)
REGISTRY, CARD, BESIDE, CURVES, ERRORS, CHANGED = VIEWS


@pytest.fixture(autouse=True)
def one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one reading settle a study."""
    monkeypatch.setenv("TRIAGE_SECOND_READ", "false")


def page(view: str = "", reader: str = "Dr. Ada") -> AppTest:
    app = AppTest.from_file(str(ROOT / "triage" / "ui" / "main.py"), default_timeout=60)
    app.session_state["reader"] = reader
    if view:
        app.session_state["f_models"] = view
    app.run()
    app.switch_page(str(state.MODELS)).run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success, app.toast, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception, app.exception
    return app


def keys(app: AppTest) -> set[str]:
    return {str(button.key) for button in app.button}


def as_role(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    person = Person("Dr. Ada", frozenset({role}), account="1")
    monkeypatch.setattr(state, "_person", lambda: person)


@pytest.mark.parametrize(
    ("view", "remedy"),
    [
        (REGISTRY, "There is no candidate"),
        (CARD, "Known limits"),
        (BESIDE, "retraining writes one there"),
        (CURVES, "Sign readings"),
        (ERRORS, "Sign readings"),
        (CHANGED, "score in shadow"),
    ],
)
def test_an_empty_view_says_what_to_do(installation: Installation, view: str, remedy: str) -> None:
    assert remedy in words(page(view))


def test_a_candidate_is_promoted_and_rolled_back_by_one_click(installation: Installation) -> None:
    judge(make_candidate(installation.settings.home))
    app = page()
    assert "5 of 5 checks passed" in " ".join(one.label for one in app.expander)
    press(app, "promote_ours")
    assert "It serves from the next study on." in words(app)
    assert installation.runtime.card.name == "ours"
    assert "Promoted by Dr\\. Ada" in words(app)
    press(app, "roll_back")
    assert installation.runtime.card.name == SHIPPED.name
    assert [one.act for one in installation.store.registry.entries()] == [Act.ROLLED_BACK, Act.PROMOTED]


def test_what_was_refused_is_said_and_changes_nothing(installation: Installation) -> None:
    folder = make_candidate(installation.settings.home)
    judge(folder)
    app = page()
    (folder / ONNX).write_bytes(b"x")
    press(app, "promote_ours")
    assert "missing or altered" in words(app)
    assert installation.store.registry.entries() == ()


def test_a_page_that_is_out_of_date_promotes_nothing(installation: Installation) -> None:
    for name in ("first", "second"):
        judge(make_candidate(installation.settings.home, name))
    old, new = page(), page()
    press(new, "promote_first")
    press(old, "promote_second")
    assert "promote it" in words(old)
    assert installation.runtime.card.name == "first"


def test_an_override_is_asked_for_and_answered_on_the_page(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(make_candidate(installation.settings.home), verdict=Verdict.NOT_ENOUGH)
    as_role(monkeypatch, Role.ADMINISTRATOR)
    app = page()
    assert "does not pass its judgement" in words(app)
    assert "promote_ours" not in keys(app)
    app.text_area(key="why_ours").input("our scanner needs it")
    press(app, "ask_ours")
    assert "our scanner needs it" in words(app)
    assert "agree_1" not in keys(app), "who asked cannot agree"
    assert "Another administrator has to agree" in words(app)
    press(app, "withdraw_1")
    assert installation.runtime.card.name == SHIPPED.name


def test_the_review_says_that_another_model_ranked_the_study(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = take_in(installation, {"one.png": slices[0].png})
    judge(make_candidate(installation.settings.home, glioma=-9.0))
    press(page(), "promote_ours")
    while installation.store.study(study_id).reranked is None:
        time.sleep(0.05)
    assert "fell in band so far" in words(page())
    app = page()
    app.query_params["study"] = study_id
    app.switch_page(str(state.REVIEW)).run()
    assert f"by {SHIPPED.name} before" in words(app).replace("\\", "")


def test_readers_see_the_models_and_choose_none(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(make_candidate(installation.settings.home))
    as_role(monkeypatch, Role.RADIOLOGIST)
    app = page()
    assert "ours" in words(app)
    assert not keys(app) & {"promote_ours", "shadow_ours", "roll_back"}


def test_a_damaged_model_is_said_and_nothing_serves(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_candidate(installation.settings.home)
    judge(folder)
    press(page(), "promote_ours")
    (folder / ONNX).write_bytes(b"x")
    app = page()
    assert "serves meanwhile" in " ".join(str(one.value) for one in app.error)
    monkeypatch.setattr(type(installation.serving), "current", _nothing)
    app = page()
    assert "Nothing serves" in " ".join(str(one.value) for one in app.error)
    assert "roll_back" in keys(app)
    assert "no card" in words(page(CARD))


def _nothing(_: object) -> None:
    from triage.errors import ModelError

    raise ModelError("Nothing serves, so new studies are not scored: gone")


@pytest.fixture
def read(installation: Installation, slices: list[Phantom]) -> list[str]:
    """Four signed studies that the serving model and a candidate in shadow judged, and one that waits."""
    make_candidate(installation.settings.home, glioma=20.0)
    press(page(), "shadow_ours")
    found = take_in(installation, {one.name: one.png for one in slices[:5]})
    (shadow,) = shadows_of(installation.store.registry.entries()).values()
    while installation.store.shadows.counts(shadow).waiting:
        time.sleep(0.05)
    signed = (Finding.GLIOMA, Finding.GLIOMA, Finding.MENINGIOMA, Finding.NOTUMOR)
    for study_id, finding in zip(found[:4], signed, strict=True):
        sign_study(installation, study_id, finding)
    return found


def test_curves_errors_and_changes_are_of_the_sites_own_studies(
    installation: Installation, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    curves = page(CURVES)
    assert "Counted are the 4 settled studies" in words(curves)
    assert "too few for a curve (gliomas: 2, other studies: 2); it takes 10 of each." in words(curves)
    assert "AUROC" not in words(curves), "an AUROC of two studies would be chance"
    assert len(curves.get("plotly_chart")) == 1
    errors = page(ERRORS)
    errors.selectbox(key="f_errors").select_index(1).run()
    assert "Of 4 settled studies of this site, 2 were signed as another class" in words(errors)
    assert len([key for key in keys(errors) if key.startswith("case_")]) == 2
    viewed = installation.store.trail.page(TrailFilter(events=(Event.VIEWED,)), 20)
    assert {one.study_id for one in viewed} <= set(read[:4])
    assert len(viewed) == len({one.study_id for one in viewed})
    changed = page(CHANGED)
    assert {metric.label: metric.value for metric in changed.metric}["Studies judged by both"] == "4"

    as_role(monkeypatch, Role.ADMINISTRATOR)
    unread = page(ERRORS)
    unread.selectbox(key="f_errors").select_index(1).run()
    assert "Signed as" in words(unread)
    assert not unread.get("imgs"), "who may not read sees no pictures"
    assert not [key for key in keys(unread) if key.startswith("case_")]

    as_role(monkeypatch, Role.RADIOLOGIST)
    assert page(ERRORS).selectbox(key="f_errors").options == [SHIPPED.name], "of a shadow readers see nothing"
    assert "score in shadow" in words(page(CHANGED))
    assert "In shadow since" not in words(page(REGISTRY))


def test_a_retrained_candidate_says_what_it_comes_from(installation: Installation) -> None:
    card = installation.runtime.card
    learnt_from = {"digest": "d" * 64, "studies": 1234, "by_class": {"glioma": 1000, "other": 234}}
    lineage = {"parent": {"name": SHIPPED.name}, "data_set": learnt_from}
    make_candidate(installation.settings.home, training=card.training | lineage)
    said = words(page()).replace("\\", "")
    assert f"Retrained from {SHIPPED.name} on 1,234 studies of this site (Glioma 1000, other 234)" in said


def test_a_card_that_cannot_be_shown_is_said_in_every_view(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt_from = {"digest": "d" * 64, "studies": ["many"], "by_class": {}}
    make_candidate(installation.settings.home, "first", training={"parent": {"name": "a"}, "data_set": learnt_from})
    make_candidate(installation.settings.home, "second", metrics={})
    said = words(page(REGISTRY)).replace("\\", "")
    assert "altered at training.data_set.studies; retrain or release the model again" in said
    assert "altered at metrics.test; retrain or release the model again" in said
    assert "There is one model only" in words(page(BESIDE))
    card = installation.runtime.card
    monkeypatch.setattr(installation.runtime, "card", card.model_copy(update={"metrics": {}}))
    for view in VIEWS:
        assert "altered at metrics.test;" in words(page(view)).replace("\\", "")


def test_a_figure_that_could_not_be_measured_is_a_dash(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, unknown = installation.runtime.card, dict.fromkeys(("value", "low", "high"))
    changed = card.model_copy(update={"metrics": {"test": {"figures": {"accuracy": unknown}}}})
    monkeypatch.setattr(installation.runtime, "card", changed)
    assert page(CARD).dataframe[0].value.iloc[0].tolist() == ["Accuracy", tables.NONE, tables.NONE]
    assert list(model_cards.side_by_side([changed]).loc["Accuracy"]) == [tables.NONE]


def test_no_figure_of_a_card_is_cut_where_two_tables_stand_side_by_side() -> None:
    columns = model_cards.metric_columns()
    name = columns["Metric"]["width"] - tables.MARGIN
    assert len(tables.metric_name("sensitivity_at_95_specificity_pituitary")) * tables.CHARACTER <= name
    room = (
        1366 - 232 - 2 * 32 - 15 - 64
    )  # the window without sidebar, margins, scrollbar and what is between the tables
    assert sum(column["width"] for column in columns.values()) <= room / 2 + 8


def test_the_headline_of_a_card_holds_no_digest(installation: Installation) -> None:
    card, app = installation.runtime.card, page(CARD)
    headline = next(one.value for one in app.markdown if one.value.startswith("**two\\-look"))
    assert "sha256" not in headline
    assert card.sha256[:8] not in headline
    assert any(card.sha256 in one.value for one in app.caption)


def test_cards_stand_side_by_side(installation: Installation) -> None:
    make_candidate(installation.settings.home)
    (table,) = page(BESIDE).dataframe
    assert [name.partition(" ")[0] for name in table.value.columns] == [SHIPPED.name, "ours"]
    card = installation.runtime.card
    alone = card.model_copy(update={"metrics": {"test": {"figures": {}}}})
    beside = model_cards.side_by_side([card, alone])
    assert list(beside.iloc[-1])[1] == tables.NONE


def test_only_studies_that_all_models_judged_are_compared() -> None:
    def answer(study: str, card: str) -> Answer:
        return Answer(study, study, card, card, dict.fromkeys(Finding, 0.25), Finding.GLIOMA)

    said = [answer("1", "a"), answer("2", "a"), answer("2", "b"), answer("3", "b")]
    assert [[one.study_id for one in of_one] for of_one in in_common(said, ["a", "b"]).values()] == [["2"], ["2"]]
    assert in_common(said, []) == {}
