from __future__ import annotations

import json
from pathlib import Path

import pytest

from triage.inference.card import CARD
from triage.settings import Settings
from triage.training.fit.recipe import FOLDER, Backbone, Recipe, RecipeError, adapted, load_recipe, names


def test_every_packaged_recipe_is_valid() -> None:
    recipes = ["binary-cnn", "detect-then-segment", "lite0", "retrain", "transfer", "tuned-cnn", "two-look"]
    recipes += [
        "two-look-192",
        "two-look-224",
        "two-look-all",
        "two-look-lite2",
        "two-look-taught",
        "two-look-vit",
        "two-look-wide",
        "two-look-wide-160",
    ]
    assert names() == recipes
    for name in names():
        assert load_recipe(name).name == name


def test_the_shipped_model_was_trained_by_two_look_taught() -> None:
    card = json.loads((Settings().model / CARD).read_text())
    # Settings of a recipe that are younger than the model had their defaults.
    shipped, recipe = Recipe.model_validate(card["training"]["config"]["recipe"]), load_recipe("two-look-taught")
    assert (shipped.train, shipped.seed, shipped.task) == (recipe.train, recipe.seed, recipe.task)


def test_shares_and_balanced_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = (FOLDER / "two-look.toml").read_text()
    path.write_text(text + "[train.balanced]\nglioma = 1.0\n")
    with pytest.raises(RecipeError, match="shares and balanced exclude each other"):
        load_recipe(str(path))
    path.write_text(text.partition("[train.shares]")[0])
    with pytest.raises(RecipeError, match="needs task"):
        load_recipe(str(path))


def test_keep_mean_is_for_two_look_networks_only(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((FOLDER / "lite0.toml").read_text().replace('keep = "last"', 'keep = "mean"'))
    with pytest.raises(RecipeError, match="for two-look networks only"):
        load_recipe(str(path))


def test_layer_decay_is_for_two_look_networks_with_adamw(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = (FOLDER / "two-look-vit.toml").read_text()
    path.write_text(text.replace('optimizer = "adamw"', 'optimizer = "adam"'))
    with pytest.raises(RecipeError, match="layer_decay is for two-look networks"):
        load_recipe(str(path))


def test_only_two_look_networks_have_a_teacher(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((FOLDER / "lite0.toml").read_text().replace('views = "scanner"', 'teacher = "lite0"'))
    with pytest.raises(RecipeError, match="a teacher is for two-look networks only"):
        load_recipe(str(path))


def test_an_unknown_encoder_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((FOLDER / "two-look-vit.toml").read_text().replace("vit-s14", "vit-s16"))
    with pytest.raises(RecipeError, match="choose one of lite0, lite2, vit-s14"):
        load_recipe(str(path))


def test_options_of_the_command_line_replace_values_of_the_recipe() -> None:
    recipe = adapted(load_recipe("detect-then-segment"), backbone="resnet50", epochs=3, size=64, seed=1)
    assert isinstance(recipe.train.network, Backbone)
    assert recipe.train.network.name == "resnet50"
    assert recipe.segment is not None
    assert (recipe.train.epochs, recipe.segment.epochs, recipe.segment.size, recipe.seed) == (3, 3, 64, 1)


def test_a_backbone_is_only_for_recipes_that_have_one() -> None:
    with pytest.raises(RecipeError, match="Use --recipe transfer"):
        adapted(load_recipe("binary-cnn"), backbone="vgg16")
    with pytest.raises(RecipeError, match="choose one of resnet50"):
        adapted(load_recipe("transfer"), backbone="alexnet")


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"Choose one of binary-cnn, .* or name a \.toml file"):
        load_recipe("best")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("size = 150", "size = -1"), r"train\.size: Input should be greater than 0"),
        (("size = 150", "sise = 150"), r"train\.(size: Field required|sise: Extra inputs)"),
        (('kind = "cnn"', 'kind = "mlp"'), r"train\.network"),
        (("seed = 20", "seed = "), "is not TOML"),
        (("filters = [16, 32, 64]\ndense = [512]", "width = 8"), r"train\.network\.cnn"),
    ],
)
def test_an_invalid_recipe_is_refused_by_field(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = (FOLDER / "binary-cnn.toml").read_text()
    assert change[0] in text
    (tmp_path / "mine.toml").write_text(text.replace(*change))
    with pytest.raises(RecipeError, match=message):
        load_recipe(str(tmp_path / "mine.toml"))


def test_a_unet_is_refused_as_classifier(tmp_path: Path) -> None:
    text = (FOLDER / "transfer.toml").read_text()
    network = 'kind = "backbone"\nname = "efficientnet-lite0"\nfrozen = 0'
    assert network in text
    (tmp_path / "mine.toml").write_text(text.replace(network, 'kind = "unet"'))
    with pytest.raises(RecipeError, match="belongs under segment"):
        load_recipe(str(tmp_path / "mine.toml"))
