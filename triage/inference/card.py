"""The card of a model: files, training data, operating points, and metrics with intervals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from triage.domain import Finding, OperatingPoints
from triage.errors import ModelError
from triage.inference import preprocess
from triage.inference.calibration import Conformal, Fusion
from triage.inference.files import open_file, read_file

CARD = "card.json"
MODEL_CARD = "MODEL_CARD.md"
KERAS = "model.keras"
ONNX = "model.onnx"
GATE = "gate.npz"
NO_CARD = (
    "{folder} holds no {card}, so it is no model folder. Restore it from the release or a backup; TRIAGE_MODEL names "
    "the folder of the model that serves."
)
#: Largest card that is read: bytes, about ten times that of today.
MAX_CARD = 2**20
#: Digests of the cards of released models, by name.
RELEASED = Path(__file__).with_name("released.json")


class Card(BaseModel):
    """``card.json`` of a model folder.

    Attributes
    ----------
    operating_points
        Of a slice by itself.
    window_points
        Of neighbouring slices together, see `triage.inference.study`: the most suspicious of many windows is higher
        than one slice, in heads without a tumour too. None where the model has one pair for both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    created: str
    architecture: str
    input_size: int
    preprocessing: int
    classes: list[Finding]
    fusion: Fusion
    operating_points: OperatingPoints
    window_points: OperatingPoints | None = None
    conformal: Conformal
    familiar_within: float
    files: dict[str, str]
    training: dict[str, Any]
    metrics: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Identity of the model in the records: the hash of its ONNX network."""
        return self.files[ONNX]

    @property
    def digest(self) -> str:
        """The sha256 of all that the card says, the hashes of the files included: JSON, keys sorted, no spaces."""
        without = {"window_points"} if self.window_points is None else set()  # as cards were before it
        said = json.dumps(self.model_dump(mode="json", exclude=without), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(said.encode()).hexdigest()


def read_card(folder: Path) -> Card:
    """Read and check the card of a model folder.

    Raises
    ------
    ModelError
        If the folder is not a model, a file does not match its hash, or the model needs another preprocessing.
    """
    card = _read(folder)
    if card.preprocessing != preprocess.VERSION:
        raise ModelError(f"{card.name} was trained with another preprocessing. Export it again with this version.")
    if not {ONNX, GATE} <= set(card.files) or any(name in ("", "..") or Path(name).name != name for name in card.files):
        raise ModelError(
            f"{folder / CARD} does not name the files of a model: {ONNX}, {GATE} and others in the same folder. "
            "Restore the model folder from the release."
        )
    for name, expected in card.files.items():
        path = folder / name
        try:
            whole = sha256_of(path) == expected
        except (OSError, ValueError):  # ValueError: a name that no file can have
            whole = False
        if not whole:
            raise ModelError(f"{path} is missing or altered. Restore the model folder from the release.")
    return card


def _read(folder: Path) -> Card:
    try:
        return Card.model_validate_json(read_file(folder / CARD, MAX_CARD))
    except FileNotFoundError as error:
        raise ModelError(NO_CARD.format(folder=folder, card=CARD)) from error
    except OSError as error:
        raise ModelError(
            f"{folder / CARD} cannot be read as a file of at most {MAX_CARD:,} bytes. Restore the model folder from "
            "the release."
        ) from error
    except ValidationError as error:
        raise ModelError(f"{folder / CARD} is not a model card: {error.errors()[0]['msg']}.") from error


def check_released(card: Card) -> None:
    """Check that a card with the name of a released model, in whatever case, is the one that was released.

    Raises
    ------
    ModelError
        If it is another one.
    """
    released: dict[str, str] = json.loads(RELEASED.read_text())
    alike = {name: digest for name, digest in released.items() if name.casefold() == card.name.casefold()}
    if alike and (card.name, card.digest) not in alike.items():
        raise ModelError(
            f"The card of {card.name} is not the one that was released. Bring back the model folder from the release; "
            "a model of your own needs a name of its own."
        )


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file of a model folder in hex.

    Raises
    ------
    OSError
        If it is no file of a model, see `open_file`.
    """
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
