"""Of a card is shown what is there and whole; otherwise the place that is wrong is named."""

from __future__ import annotations

import pytest

from triage.errors import ModelError
from triage.inference.card import Card, read_card
from triage.inference.card_facts import Figure, facts_of
from triage.settings import Settings

FIGURE = {"value": 0.9, "low": 0.8, "high": 1.0}
LINEAGE = {"parent": {"name": "a"}, "data_set": {"digest": "d", "studies": 2, "by_class": {"glioma": 2}}}


@pytest.fixture(scope="module")
def shipped() -> Card:
    return read_card(Settings().model)


def with_test(card: Card, **test: object) -> Card:
    return card.model_copy(update={"metrics": {"test": {"figures": {"accuracy": FIGURE}} | test}})


def test_the_shipped_model_says_all(shipped: Card) -> None:
    facts = facts_of(shipped)
    test = facts.metrics.test
    assert facts.training.summary
    assert facts.training.limits
    assert (facts.training.parent, facts.training.data_set) == (None, None)
    assert test.confusion is not None
    assert test.masks is not None
    assert test.glioma_operating_point.sensitivity is not None
    assert set(facts.metrics.operating_points) == {"glioma", "tumour", "window_glioma", "window_tumour"}


def test_the_lineage_of_a_retrained_model_is_read(shipped: Card) -> None:
    training = facts_of(shipped.model_copy(update={"training": LINEAGE | {"recipe": {}}})).training
    assert training.parent is not None
    assert training.data_set is not None
    assert (training.parent.name, training.data_set.studies) == ("a", 2)


def test_most_can_be_missing(shipped: Card) -> None:
    facts = facts_of(with_test(shipped, masks=None).model_copy(update={"training": {}}))
    assert facts.metrics.test.figures == {"accuracy": Figure(value=0.9, low=0.8, high=1.0)}
    assert (facts.training.limits, facts.metrics.test.confusion) == ([], None)


@pytest.mark.parametrize(
    ("test", "where"),
    [
        ({"figures": {"accuracy": {"value": "0.9"}}}, "metrics.test.figures.accuracy.value"),
        ({"figures": {"accuracy": FIGURE | {"low": float("nan")}}}, "metrics.test.figures.accuracy.low"),
        ({"confusion": [[1, 2], [3, 4]]}, "metrics.test.confusion"),
        ({"on": None}, "metrics.test.on"),
    ],
)
def test_the_place_that_is_wrong_is_named(shipped: Card, test: dict[str, object], where: str) -> None:
    with pytest.raises(ModelError, match=rf"altered at {where}.*; retrain or release"):
        facts_of(with_test(shipped, **test))
