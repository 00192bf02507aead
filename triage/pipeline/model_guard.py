"""Whether a model folder is the one that this installation accepted or promoted: at the start, before every study."""

from __future__ import annotations

from pathlib import Path

from triage.errors import ModelError
from triage.inference.card import CARD, NO_CARD, Card, check_released, read_card
from triage.records.models import Models

#: Actor of the audit row of the first model of a record.
FIRST_START = "first start"
CHANGED = "The model folder {folder} was changed while it serves. Bring it back from the release, then restart."
OTHER = "{folder} holds another model than the one that was meant. Bring the folder back from a backup."


class ModelGuard:
    """Checks one model folder.

    Parameters
    ----------
    folder
        The model folder.
    models
        Models that were accepted.
    promised
        Digest of the card that the registry has for this folder; "" if accepted models decide.
    """

    def __init__(self, folder: Path, models: Models, promised: str = "") -> None:
        self._folder, self._models, self._promised = folder, models, promised
        self._seen: tuple[tuple[int, ...], ...] = ()
        self._digest = ""

    def admit(self) -> Card:
        """Return the card of the folder, if the model may serve; the first model of a record is accepted by serving.

        Raises
        ------
        ModelError
            If the folder is damaged, is not as it was released, or was not accepted.
        """
        seen = state_of(self._folder)
        card = self._read()
        if not self._promised and not self._models.accepted(card.digest, card.name):
            self._models.accept(card.digest, card.name, actor=FIRST_START)
        self._seen, self._digest = seen, card.digest
        return card

    def check(self) -> None:
        """Check that the folder is as it was admitted; its files are read only if something touched them.

        Raises
        ------
        ModelError
            If it was changed.
        """
        if self._seen == state_of(self._folder):
            return
        before = self._digest
        if before and not self._promised and read_card(self._folder).digest != before:
            raise ModelError(CHANGED.format(folder=self._folder))
        self.admit()

    def compare(self) -> None:
        """Check that the model may serve, without accepting anything.

        Raises
        ------
        ModelError
            As `admit`.
        """
        card = self._read()
        if not self._promised:
            self._models.accepted(card.digest, card.name)

    def accept(self, actor: str) -> tuple[Card, bool]:
        """Accept the model of the folder; returns its card, and whether it was not accepted before.

        Raises
        ------
        ModelError
            If the folder is damaged, or says that it is a released model and is not.
        """
        card = self._read()
        return card, self._models.accept(card.digest, card.name, actor=actor)

    def _read(self) -> Card:
        card = read_card(self._folder)
        check_released(card)
        if self._promised not in ("", card.digest):
            raise ModelError(OTHER.format(folder=self._folder))
        return card


def state_of(folder: Path) -> tuple[tuple[int, ...], ...]:
    """Return what changes when a file is touched; nobody can set the time of the last change of a file back."""
    try:
        found = sorted(path for path in folder.iterdir() if path.is_file())
        stats = [path.stat() for path in found]
    except OSError as error:
        raise ModelError(NO_CARD.format(folder=folder, card=CARD)) from error
    return tuple((one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in stats)
