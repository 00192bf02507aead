"""What the commands that train share: their options, and how TensorFlow runs. Tested in tests/test_cli.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from triage.records.keys import key_file, open_key
from triage.settings import Settings

Recipe = Annotated[str, typer.Option(help="Name of a recipe, or path of a TOML file.")]
Source = Annotated[list[str] | None, typer.Option(help="Use only this source; may be repeated.")]
Volumes = Annotated[Path | None, typer.Option(help="Folder inside DATA with volumes and masks to add.")]
More = Annotated[Path | None, typer.Option(help="Another data set with folds to add.")]
Without = Annotated[list[str] | None, typer.Option(help="Leave out this source; may be repeated.")]
Weights = Annotated[
    str | None, typer.Option(help="Starting weights: none, packaged, imagenet (downloaded), or a file.")
]
Backbone = Annotated[str | None, typer.Option(help="Backbone for --recipe transfer.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Number of epochs; default: the recipe's.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Batches per epoch; default: the recipe's.")]
Size = Annotated[int | None, typer.Option(min=16, help="Side of the input in pixels; default: the recipe's.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Random seed; default: the recipe's.")]
RecordKey = Annotated[
    Path | None,
    typer.Option(
        help="Key of the record that the candidate is for, which seals the judgement; default: that of TRIAGE_HOME, if "
        "there is one."
    ),
]
Data = Annotated[Path | None, typer.Option(help="Data set; default: TRIAGE_DATA.")]


def sealing(record_key: Path | None) -> Callable[[bytes], str] | None:
    """Return what seals a judgement: the key that is named, else that of the home folder; None without one.

    Raises
    ------
    StorageError
        If the file is no key.
    """
    settings = Settings()
    file = record_key or key_file(settings.home, settings.record_key)
    return open_key(file, make=False).mac if record_key or file.exists() else None


def quiet_tensorflow() -> None:
    """Let TensorFlow say nothing but errors; call it before the first import."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def multiply_in_bfloat16() -> None:
    """Let oneDNN multiply in bfloat16 where the processor supports it; sums stay in 32 bits."""
    from triage.training.fit.environment import ONEDNN_MATH_MODE

    os.environ.setdefault(ONEDNN_MATH_MODE, "BF16")
