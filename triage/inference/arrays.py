"""Arrays in a model folder (``.npz``), read whole or not at all."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from triage.errors import ModelError
from triage.inference.files import open_file

T = TypeVar("T")
Arrays = Mapping[str, NDArray[Any]]


def read_arrays(path: Path, make: Callable[[Arrays], T], trouble: str) -> T:
    """Return what is made of the arrays of a file.

    Parameters
    ----------
    path
        The file.
    make
        Called with the arrays by name; it may raise KeyError and ValueError.
    trouble
        What is said of a file that is missing or damaged.

    Raises
    ------
    ModelError
        If it is.
    """
    try:
        with open_file(path) as stored, np.load(stored) as file:  # NumPy leaves what is no archive open
            return make({name: file[name] for name in file.files})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(trouble) from error


def read_memory(folder: Path, files: Collection[str], name: str, make: Callable[[Arrays], T]) -> T | None:
    """Return what is made of a file that `remember` writes into a model folder; None if the model has none.

    Parameters
    ----------
    folder
        The model folder.
    files
        The files that its card names: another one, which somebody laid there, is not read.
    name
        Of the file.
    make
        As of `read_arrays`.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    if name not in files:
        return None
    path = folder / name
    trouble = (
        f"{path} is damaged. Restore the model folder, or write the file again: python -m triage remember {folder}"
    )
    return read_arrays(path, make, trouble)
