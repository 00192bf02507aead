"""What a person is shown of a card: where its model comes from, and what was measured of it.

The card itself takes anything under `Card.training` and `Card.metrics`, so that it can say more than one version shows.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from triage.domain import Finding
from triage.errors import ModelError
from triage.inference.card import Card

_OfEachClass = Field(min_length=len(Finding), max_length=len(Finding))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class Figure(_Part):
    """A figure with its 95 % interval; None for what could not be measured."""

    value: FiniteFloat | None
    low: FiniteFloat | None
    high: FiniteFloat | None


Figures = dict[str, Figure]


class Parent(_Part):
    """The model that a retrained one started from."""

    name: str


class DataSet(_Part):
    """The readings that a model was retrained on; `by_class` counts studies."""

    digest: str
    studies: int
    by_class: dict[str, int]


class Training(_Part):
    """Under `Card.training`; only a retrained model has `parent` and `data_set`."""

    summary: str = ""
    limits: list[str] = []
    parent: Parent | None = None
    data_set: DataSet | None = None


class AtPoint(_Part):
    """Figures at an operating point."""

    sensitivity: Figure | None = None
    specificity: Figure | None = None


class PredictionSets(_Part):
    """How often a single class is left."""

    one_class_only: FiniteFloat | None = None


class Masks(_Part):
    """Figures of the outlines and heat maps."""

    figures: Figures


class Tested(_Part):
    """Under ``test`` of `Card.metrics`; `on` says what was measured on, `confusion` has a row for each true class."""

    on: str = ""
    figures: Figures
    glioma_operating_point: AtPoint = AtPoint()
    prediction_sets: PredictionSets = PredictionSets()
    confusion: Annotated[list[Annotated[list[int], _OfEachClass]], _OfEachClass] | None = None
    masks: Masks | None = None


class Metrics(_Part):
    """Under `Card.metrics`; `operating_points` says by name how each was chosen."""

    test: Tested
    operating_points: dict[str, str] = {}


class Facts(_Part):
    """What is shown of a card."""

    training: Training
    metrics: Metrics


def facts_of(card: Card) -> Facts:
    """Return what is shown of a card.

    Raises
    ------
    ModelError
        If something of it is missing or of another kind.
    """
    try:
        return Facts.model_validate({"training": card.training, "metrics": card.metrics})
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise ModelError(
            f"The card of {card.name} is incomplete or altered at {where}; retrain or release the model again."
        ) from error
