"""Candidates: the model folders in ``models/`` of the home folder, each whole or with the reason why it is not."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from triage.domain import Finding
from triage.errors import ModelError, TriageError
from triage.inference.card import Card, check_released, read_card
from triage.inference.card_facts import facts_of
from triage.inference.files import read_file
from triage.inference.runtime import Runtime
from triage.learning.judgement import JUDGEMENT, MAX_SIZE, Judgement, read_judgement
from triage.pipeline.model_guard import state_of
from triage.records.acts import Model

logger = logging.getLogger(__name__)

#: Side of the picture on which a candidate is tried: pixels.
TRIED_ON = 256
#: Names of models that nobody takes for those of others, together with a comparison without case.
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
MISTAKABLE = (
    "The model in models/{folder} has a name that could be mistaken. Release it under one of 1 to 64 letters, digits, "
    "dots, hyphens and underscores."
)
CANNOT_RUN = (
    "{name} cannot be run by this version: its network has another form ({architecture}). Train it with a recipe of "
    "this version, then release it."
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model folder.

    Attributes
    ----------
    folder
        Its name below ``models/``.
    card
        None if the folder is no whole model, or its card cannot be shown.
    judgement
        None if it was not judged, or the judgement cannot be read.
    trouble
        What is wrong with the folder or its judgement; otherwise empty.
    """

    folder: str
    path: Path
    card: Card | None
    judgement: Judgement | None
    trouble: str = ""

    @property
    def name(self) -> str:
        """The name of the model; of a damaged one that of its folder."""
        return self.card.name if self.card else self.folder

    @property
    def model(self) -> Model:
        """The model as the registry keeps it.

        Raises
        ------
        ModelError
            If the folder is no whole model.
        """
        if self.card is None:
            raise ModelError(self.trouble)
        return Model(self.card.name, self.card.digest, self.folder)


class Candidates:
    """The candidates of one installation; files are hashed again only if something touched them.

    Parameters
    ----------
    folder
        Holds a folder for each.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[object, Candidate]] = {}
        self._lock = Lock()

    def all(self) -> list[Candidate]:
        """Return all candidates by name; folders that begin with a dot are being written."""
        try:
            found = [path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        except OSError:
            return []
        return [self._read(path) for path in sorted(found)]

    def find(self, folder: str) -> Candidate:
        """Return one candidate by the name of its folder.

        Raises
        ------
        ModelError
            If there is none.
        """
        for one in self.all():
            if one.folder == folder:
                return one
        raise ModelError(f"There is no candidate in models/{folder}. Look at the page anew.")

    def _read(self, path: Path) -> Candidate:
        try:
            state = state_of(path)
        except ModelError as error:
            return Candidate(path.name, path, None, None, str(error))
        with self._lock:
            known = self._known.get(path.name)
        if known is not None and known[0] == state:
            return known[1]
        read = read_candidate(path)
        with self._lock:
            self._known[path.name] = (state, read)
        return read


def read_candidate(path: Path) -> Candidate:
    """Return the candidate of a folder, with what is wrong with it."""
    card, trouble = None, ""
    try:
        card = read_card(path)
        if not NAME.fullmatch(card.name):
            raise ModelError(MISTAKABLE.format(folder=path.name))
        check_released(card)
        facts_of(card)
    except ModelError as error:
        return Candidate(path.name, path, None, None, str(error))
    try:
        judgement = read_judgement(path)
    except ModelError as error:
        judgement, trouble = None, str(error)
    return Candidate(path.name, path, card, judgement, trouble)


def judgement_digest(candidate: Candidate) -> str:
    """Return the SHA-256 of the file of a judgement; "" without one."""
    try:
        return hashlib.sha256(read_file(candidate.path / JUDGEMENT, MAX_SIZE)).hexdigest()
    except OSError:
        return ""


def try_out(candidate: Candidate) -> Card:
    """Score a drawn head with a candidate, so that what cannot be run never comes to serve; returns its card.

    Raises
    ------
    ModelError
        If the folder is no whole model, or its network has another form than this version runs.
    """
    if candidate.card is None:
        raise ModelError(candidate.trouble)
    card = candidate.card
    try:
        if card.classes != list(Finding):
            raise ValueError(f"classes {card.classes}")
        runtime = Runtime(candidate.path, threads=1)
        if runtime.card.digest != card.digest:
            raise ModelError(f"models/{candidate.folder} was changed meanwhile. Look at the page anew.")
        score = runtime.score(_head())
        if not np.isclose(sum(score.probabilities.values()), 1.0, atol=1e-3) or not np.isfinite(score.mask).all():
            raise ValueError("no probabilities")
    except TriageError:
        raise
    except Exception as error:
        logger.exception("candidate %s cannot be run", card.digest)
        said = CANNOT_RUN.format(name=card.name, architecture=card.architecture)
        raise ModelError(said) from error
    return card


def _head() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Draw a disc with some structure: enough to look at twice."""
    rows, columns = np.mgrid[-1 : 1 : TRIED_ON * 1j, -1 : 1 : TRIED_ON * 1j]
    away = np.hypot(rows, columns)
    values = np.where(away < 0.8, 120 + 60 * np.cos(9 * away), 0)
    return values.astype(np.uint8)
