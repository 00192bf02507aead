"""Recipes: what a training depends on besides the data, each a small TOML file that is checked before anything runs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from triage.errors import TriageError
from triage.networks.backbones import BACKBONES

FOLDER = Path(__file__).parent / "recipes"
Share = Annotated[float, Field(ge=0, lt=1)]


class RecipeError(TriageError):
    """The recipe is unknown, is not one, or does not allow what was asked for."""


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cnn(_Checked):
    """`triage.networks.cnn.build_cnn`."""

    kind: Literal["cnn"]
    filters: tuple[PositiveInt, ...]
    dense: tuple[PositiveInt, ...]
    dropout: Share = 0.0
    batch_norm: bool = False


class Backbone(_Checked):
    """`triage.networks.backbones.build_backbone`."""

    kind: Literal["backbone"]
    name: str
    frozen: int = Field(default=0, ge=-1)
    dropout: Share = 0.2

    @model_validator(mode="after")
    def _known(self) -> Backbone:
        if self.name not in BACKBONES:
            raise ValueError(f"{self.name!r} is not a backbone; choose one of {', '.join(BACKBONES)}")
        return self


class Unet(_Checked):
    """`triage.networks.unet.build_unet`."""

    kind: Literal["unet"]
    width: PositiveInt = 16
    depth: Annotated[int, Field(ge=1, le=5)] = 4


class TwoLook(_Checked):
    """`triage.networks.twolook.build_two_look`."""

    kind: Literal["two-look"]
    dropout: Share = 0.2


class Stage(_Checked):
    """How one network is trained.

    Attributes
    ----------
    size
        Side of the input in pixels.
    steps
        Batches of an epoch; without it, as many as the pictures fill.
    views
        What the network sees of a picture: the picture, its mirror images slightly turned and moved, or the
        strong changes of `triage.training.views.augment`.
    reordered
        Of two looks, in which share of the views the tissues change their order of brightness
        (`triage.training.views.contrast.reordered`).
    shares
        How often each group (``class/scanner`` or ``class/web``) is drawn; without it, every picture comes once an
        epoch.
    schedule
        Of the learning rate: constant, or a warm-up and a cosine down to zero.
    ema
        Weight of the past in the averaged weights; without it, weights are not averaged.
    patience
        Epochs without a better validation loss after which training stops; without it, all epochs run.
    keep
        The weights of which epoch are the result; ``mean``: those of the last, averaged with those that the training
        started from, at the input size of the network that it started from (`triage.networks.twolook.mean_of`).
    """

    network: Cnn | Backbone | Unet | TwoLook = Field(discriminator="kind")
    size: PositiveInt
    epochs: PositiveInt
    batch: PositiveInt = 32
    steps: PositiveInt | None = None
    views: Literal["plain", "turned", "scanner"] = "plain"
    reordered: Share = 0.0
    shares: dict[str, PositiveFloat] | None = None
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: PositiveFloat = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: PositiveFloat | None = None
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    patience: PositiveInt | None = None
    keep: Literal["best", "last", "mean"] = "best"

    @model_validator(mode="after")
    def _starts_somewhere(self) -> Stage:
        if self.keep == "mean" and self.network.kind != "two-look":
            raise ValueError('keep = "mean" is for two looks alone')
        return self


class Tuner(_Checked):
    """The search by Keras Tuner before the training proper."""

    trials: PositiveInt
    epochs: PositiveInt
    learning_rate: tuple[PositiveFloat, PositiveFloat]
    dropout: tuple[Share, Share]
    dense: tuple[tuple[PositiveInt, ...], ...]


class Recipe(_Checked):
    """A recipe.

    Attributes
    ----------
    reproduces, published
        Which write-up it follows, and what that reports.
    task
        ``finding``: the four classes; ``tumour``: tumour or none.
    expand
        Number of pictures that the data are augmented to, the same for each class, before the first epoch.
    train
        The classifier.
    segment
        The second stage: the mask, on what the classifier calls a tumour.
    """

    name: str
    reproduces: str
    published: str
    task: Literal["finding", "tumour"]
    seed: int = 20
    expand: PositiveInt | None = None
    train: Stage
    segment: Stage | None = None
    tuner: Tuner | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        if self.train.network.kind == "unet":
            raise ValueError("train needs a classifier; a U-Net belongs under segment")
        if self.segment and self.segment.network.kind != "unet":
            raise ValueError("segment needs a U-Net")
        if looks_twice(self) and (self.task != "finding" or not self.train.shares):
            raise ValueError("two looks need the four classes and shares")
        if self.tuner and self.train.network.kind != "cnn":
            raise ValueError("the tuner searches over a cnn")
        return self


def looks_twice(recipe: Recipe) -> bool:
    """Whether the recipe's network looks at the whole slice, then at the lesion."""
    return recipe.train.network.kind == "two-look"


def names() -> list[str]:
    """Return the names of the recipes that come with the product."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str) -> Recipe:
    """Return a recipe by its name, or by the path of a TOML file.

    Raises
    ------
    RecipeError
        If there is no such recipe or the file is not one; the message names the field.
    """
    path = FOLDER / f"{name}.toml" if name in names() else Path(name)
    if path.suffix != ".toml" or not path.is_file():
        raise RecipeError(f"{name!r} is not a recipe. Choose one of {', '.join(names())}, or name a .toml file.")
    try:
        return Recipe.model_validate({"name": path.stem} | tomllib.loads(path.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path.name} is not TOML: {error}.") from error
    except ValidationError as error:
        raise RecipeError(f"{path.name} is not a recipe: {_first(error)}.") from error


def adapted(
    recipe: Recipe,
    *,
    backbone: str | None = None,
    frozen: int | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    size: int | None = None,
    batch: int | None = None,
    seed: int | None = None,
) -> Recipe:
    """Return the recipe with what the command line says instead; both stages get the size, epochs and batch.

    Raises
    ------
    RecipeError
        If the recipe has no backbone, or the outcome is not a recipe.
    """
    values: dict[str, Any] = recipe.model_dump()
    wanted = {"epochs": epochs, "steps": steps, "size": size, "batch": batch}
    for stage in filter(None, (values["train"], values["segment"])):
        stage |= {key: value for key, value in wanted.items() if value is not None}
    network = {"name": backbone, "frozen": frozen}
    if any(value is not None for value in network.values()):
        if values["train"]["network"]["kind"] != "backbone":
            raise RecipeError(f"{recipe.name} has no backbone to choose. Use --recipe transfer.")
        values["train"]["network"] |= {key: value for key, value in network.items() if value is not None}
    if seed is not None:
        values["seed"] = seed
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{recipe.name} cannot run like that: {_first(error)}.") from error


def _first(error: ValidationError) -> str:
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc'])) or 'the whole'}: {detail['msg'].removeprefix('Value error, ')}"
