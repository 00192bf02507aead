"""What only people can say of a model: its data, its known limits, and how it errs. The figures are measured."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from triage.errors import TriageError

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
#: At least one: who finds no limit and no failure has not looked.
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]


class CardNotesError(TriageError):
    """The remarks cannot be read, or say too little."""


class CardNotes(BaseModel):
    """What the cards of a model say beside the figures.

    Attributes
    ----------
    data
        What it was trained on, of whom, and under which licences.
    limits
        Known limits and shortcuts, and what was in view when choices were made.
    failures
        The kinds of wrong answers, as seen when they were looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Text
    limits: Texts
    failures: Texts


def read_card_notes(path: Path) -> CardNotes:
    """Read the remarks of a TOML file.

    Raises
    ------
    CardNotesError
        If the file cannot be read or something is missing from it; the message names what.
    """
    try:
        return CardNotes.model_validate(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        raise CardNotesError(f"{path} cannot be read: {error}. Write one like models/card-notes.toml.") from error
    except tomllib.TOMLDecodeError as error:
        raise CardNotesError(f"{path} is not TOML: {error}.") from error
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(map(str, detail["loc"]))
        raise CardNotesError(f"{path}, {where}: {detail['msg']}. It needs data, limits and failures.") from error
