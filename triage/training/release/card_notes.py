"""Notes on a model card that people write: data, known limits, typical errors. All figures on a card are measured."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from triage.errors import TriageError

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
#: At least one entry: every model has limits and errors.
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]


class CardNotesError(TriageError):
    """The card notes cannot be read, or are incomplete."""


class CardNotes(BaseModel):
    """The text on a model card that is not measured.

    Attributes
    ----------
    data
        Training data: origin, authors, licences.
    limits
        Known limits and shortcuts, and the data that design decisions were based on.
    failures
        Kinds of wrong predictions, as found in a review of the errors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Text
    limits: Texts
    failures: Texts


def read_card_notes(path: Path) -> CardNotes:
    """Read card notes from a TOML file.

    Raises
    ------
    CardNotesError
        If the file cannot be read or is incomplete; the message names the field.
    """
    try:
        return CardNotes.model_validate(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        raise CardNotesError(f"{path} cannot be read: {error}. Write a file like models/card-notes.toml.") from error
    except tomllib.TOMLDecodeError as error:
        raise CardNotesError(f"{path} is not TOML: {error}.") from error
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(map(str, detail["loc"]))
        raise CardNotesError(f"{path}, {where}: {detail['msg']}. The file needs data, limits and failures.") from error
