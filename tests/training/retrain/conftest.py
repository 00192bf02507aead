"""A model as small as its network allows, and an export of a site that teaches it something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from small_models import small_model, small_recipe, small_site

from triage.training.retrain import learn
from triage.training.retrain.learn import Retraining


@pytest.fixture(scope="session", autouse=True)
def eager() -> Iterator[None]:
    """Train without a graph: building it would take longer than the few steps."""
    with pytest.MonkeyPatch.context() as patch:
        run = Retraining.run

        def eagerly(*args: Any) -> Any:
            tf.config.run_functions_eagerly(True)
            try:
                return run(*args)
            finally:
                tf.config.run_functions_eagerly(False)

        patch.setattr(Retraining, "run", eagerly)
        patch.setattr(learn, "TIMED", 1)
        yield


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that serves and remembers its training set."""
    return small_model(tmp_path_factory.mktemp("models") / "small-v1")


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with every class in every part, a lone mark, an outline and tumour-free series."""
    return small_site(tmp_path_factory.mktemp("site") / "readings.zip")


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The recipe of a retraining, of two steps."""
    return str(small_recipe(tmp_path_factory.mktemp("recipes") / "brief.toml"))
