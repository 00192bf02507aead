"""A model as small as its network allows, and an export of a site that teaches it something."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_models import small_model, small_recipe, small_site

from triage.training.retrain.candidate import Parent
from triage.training.retrain.retrain import open_parent


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that serves and remembers its training set."""
    return small_model(tmp_path_factory.mktemp("models") / "small-v1")


@pytest.fixture(scope="session")
def parent(serving: Path) -> Parent:
    return open_parent(serving)


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with every class in every part, a lone mark, an outline and tumour-free series."""
    return small_site(tmp_path_factory.mktemp("site") / "readings.zip")


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The recipe of a retraining, of two steps."""
    return str(small_recipe(tmp_path_factory.mktemp("recipes") / "brief.toml"))
