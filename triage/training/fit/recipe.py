"""Recipes: everything that a training depends on besides the data. Each is a TOML file, validated before a run."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from triage.errors import TriageError
from triage.networks.backbones import BACKBONES
from triage.networks.encoders import ENCODERS

FOLDER = Path(__file__).parent / "recipes"
Share = Annotated[float, Field(ge=0, lt=1)]


class RecipeError(TriageError):
    """The recipe is unknown or invalid, or does not support the chosen options."""


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
    """`triage.networks.twolook.build_two_look`.

    Attributes
    ----------
    encoder
        One of `triage.networks.encoders.ENCODERS`.
    learns
        The layers that are trained: ``late``, those after `triage.networks.encoders.Encoder.frozen_up_to`; ``last``,
        those after its ``textures``; or ``all``.
    """

    kind: Literal["two-look"]
    encoder: str = "lite0"
    dropout: Share = 0.2
    learns: Literal["late", "last", "all"] = "late"

    @model_validator(mode="after")
    def _known(self) -> TwoLook:
        if self.encoder not in ENCODERS:
            raise ValueError(f"{self.encoder!r} is not an encoder; choose one of {', '.join(ENCODERS)}")
        return self


class Stage(_Checked):
    """How one network is trained.

    Attributes
    ----------
    size
        Side of the input in pixels.
    steps
        Batches per epoch; by default as many as it takes to show every picture once.
    views
        Augmentation: ``plain`` (none), ``turned`` (mirrored, slightly rotated and moved) or ``scanner`` (the strong
        augmentation of `triage.training.views.augment`).
    reordered
        Share of the views in which the tissues change their order of brightness
        (`triage.training.views.contrast.reorder_contrast`); for two-look networks.
    stripped
        Share of the views that imitate skull stripping; for two-look networks.
    shares
        How often each group (``class/scanner``, ``class/web`` or ``class/volume``) is drawn; by default every picture
        is drawn once per epoch.
    balanced
        Instead of `shares`: how often each class is drawn. Within a class, each sequence of each source is drawn in
        proportion to the square root of its number of pictures, so that neither a source nor a sequence means a class.
    teacher
        The recipe of a network that was trained on the same pictures at the same size, and that this one learns from
        too (`triage.training.fit.losses.taught_classes_loss`); for two-look networks.
    layer_decay
        How the learning rate falls from block to block towards the input (`triage.training.fit.layerwise`); by default
        it is the same everywhere. For two-look networks with AdamW.
    schedule
        Learning rate: constant, or a warm-up and a cosine decay to zero.
    ema
        Momentum of the moving average of the weights; by default weights are not averaged.
    patience
        Epochs without a lower validation loss after which training stops; by default all epochs run.
    keep
        The weights that are the result: those of the epoch with the lowest validation loss (``best``), of the last
        epoch (``last``), or the ``mean`` of the last and the starting weights, at the input size of the starting
        network (`triage.networks.twolook.mean_of`).
    """

    network: Cnn | Backbone | Unet | TwoLook = Field(discriminator="kind")
    size: PositiveInt
    epochs: PositiveInt
    batch: PositiveInt = 32
    steps: PositiveInt | None = None
    views: Literal["plain", "turned", "scanner"] = "plain"
    reordered: Share = 0.0
    stripped: Share = 0.1
    shares: dict[str, PositiveFloat] | None = None
    balanced: dict[str, PositiveFloat] | None = None
    teacher: str | None = None
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: PositiveFloat = 1e-3
    layer_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    schedule: Literal["constant", "cosine"] = "constant"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: PositiveFloat | None = None
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    patience: PositiveInt | None = None
    keep: Literal["best", "last", "mean"] = "best"

    @model_validator(mode="after")
    def _starts_somewhere(self) -> Stage:
        if self.keep == "mean" and self.network.kind != "two-look":
            raise ValueError('keep = "mean" is for two-look networks only')
        if self.teacher and self.network.kind != "two-look":
            raise ValueError("a teacher is for two-look networks only")
        if self.layer_decay and (self.network.kind != "two-look" or self.optimizer != "adamw"):
            raise ValueError('layer_decay is for two-look networks with optimizer = "adamw"')
        if self.shares and self.balanced:
            raise ValueError("shares and balanced exclude each other")
        return self


class Retraining(_Checked):
    """What a model that serves is retrained by, besides a stage; see `triage.training.retrain`.

    Attributes
    ----------
    furthest
        How far from its start a weight of average importance can get: there the pull back to the start is as strong as
        a whole step of the optimizer.
    one_reader
        Weight of a label that one reader signed; it is 1 for two who agree.
    surprising
        Factor of that weight where the model that serves is sure of another class.
    doubted
        Factor of that weight where the network is still sure of another class after half of the epochs.
    unlabelled
        Share of the views that show slices of the site without a label, where there are any.
    drawn
        Share of the views that show drawn heads of all classes, without a label.
    replayed
        Share of the views that show pictures of the training set, where these are at hand.
    """

    furthest: PositiveFloat
    one_reader: Annotated[float, Field(gt=0, le=1)]
    surprising: Annotated[float, Field(gt=0, le=1)]
    doubted: Annotated[float, Field(gt=0, le=1)]
    unlabelled: Share
    drawn: Share
    replayed: Share


class Tuner(_Checked):
    """The hyper-parameter search by Keras Tuner that precedes the training."""

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
        The write-up that it follows, and the result reported there.
    task
        ``finding``: the four classes; ``tumour``: tumour or no tumour.
    expand
        Number of pictures after augmentation before the first epoch, the same number for each class.
    train
        The classifier.
    segment
        The second stage: segmentation of the pictures that the classifier calls a tumour.
    retrain
        For a recipe of `python -m triage retrain`.
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
    retrain: Retraining | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        if self.train.network.kind == "unet":
            raise ValueError("train needs a classifier; a U-Net belongs under segment")
        if self.segment and self.segment.network.kind != "unet":
            raise ValueError("segment needs a U-Net")
        if looks_twice(self) and (self.task != "finding" or not (self.train.shares or self.train.balanced)):
            raise ValueError('a two-look network needs task = "finding", and [train.shares] or [train.balanced]')
        if self.tuner and self.train.network.kind != "cnn":
            raise ValueError("the tuner needs a cnn")
        if self.retrain and (self.train.balanced is None or self.train.steps is None):
            raise ValueError("retrain needs [train.balanced] and steps")
        if self.retrain and getattr(self.train.network, "learns", "") != "last":
            raise ValueError('retrain needs a two-look network that learns = "last": its gate stays that of the parent')
        if self.retrain and self.train.keep == "best":
            raise ValueError(
                'retrain keeps the "last" weights or the "mean": nothing is chosen on the pictures of a site'
            )
        return self


def looks_twice(recipe: Recipe) -> bool:
    """Whether the recipe trains a two-look network."""
    return recipe.train.network.kind == "two-look"


def names() -> list[str]:
    """Return the names of the recipes in the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str) -> Recipe:
    """Return a recipe by its name, or by the path of a TOML file.

    Raises
    ------
    RecipeError
        If there is no such recipe, or the file is invalid; the message names the field.
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
    """Return the recipe with some values replaced; size, epochs, steps and batch apply to both stages.

    Raises
    ------
    RecipeError
        If a backbone is given for a recipe without one, or the resulting recipe is invalid.
    """
    values: dict[str, Any] = recipe.model_dump()
    wanted = {"epochs": epochs, "steps": steps, "size": size, "batch": batch}
    for stage in filter(None, (values["train"], values["segment"])):
        stage |= {key: value for key, value in wanted.items() if value is not None}
    network = {"name": backbone, "frozen": frozen}
    if any(value is not None for value in network.values()):
        if values["train"]["network"]["kind"] != "backbone":
            raise RecipeError(f"{recipe.name} has no choice of backbone. Use --recipe transfer.")
        values["train"]["network"] |= {key: value for key, value in network.items() if value is not None}
    if seed is not None:
        values["seed"] = seed
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{recipe.name} does not allow these options: {_first(error)}.") from error


def _first(error: ValidationError) -> str:
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc'])) or 'recipe'}: {detail['msg'].removeprefix('Value error, ')}"
