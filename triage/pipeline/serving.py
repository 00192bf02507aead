"""Which model serves: the newest promotion on the record, else TRIAGE_MODEL; looked up anew before every study.

So a promotion or rollback holds from the next study on, in every process on the record, without a restart. A folder
that is not as it was promoted does not serve: the model before it goes on, and `InUse.trouble` says so.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from triage.errors import ModelError
from triage.inference.runtime import Runtime
from triage.pipeline.model_guard import ModelGuard
from triage.records.acts import SERVING, Act, Entry, Model, line_of

if TYPE_CHECKING:
    from triage.records.store import Store
    from triage.settings import Settings

#: Folder of the candidates in the home folder.
MODELS = "models"
#: Models that are kept in memory: the one that serves, the one before it, one in shadow.
MAX_LOADED = 3
NOT_SERVING = (
    "{name} was promoted and does not serve: {reason} {before} serves meanwhile. Bring the folder {folder} back from a "
    "backup, or roll back."
)
GONE = (
    "{name} was promoted, and its folder {folder} is missing in the home folder. Bring it back from a backup, or roll "
    "back on the page Models."
)
NOTHING = "Nothing serves, so new studies are not scored: {reason}"


@dataclass(frozen=True, slots=True)
class InUse:
    """The model that serves at one moment.

    Attributes
    ----------
    turn
        The promotion or rollback by which it serves; None if there was none.
    seen
        Its number, 0 if there was none.
    model
        The model.
    trouble
        Why another model than the promoted one serves; otherwise empty.
    """

    runtime: Runtime
    turn: Entry | None
    model: Model
    trouble: str = ""

    @property
    def seen(self) -> int:
        """Number of the turn; 0 before the first."""
        return self.turn.number if self.turn else 0


class Serving:
    """The models of one installation. Safe to share between threads.

    Parameters
    ----------
    settings
        Of the installation.
    store
        Holds the registry.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._lock = RLock()
        self._seen = -1
        self._entries: tuple[Entry, ...] = ()
        self._guards: dict[Model, ModelGuard] = {}
        self._loaded: OrderedDict[str, Runtime] = OrderedDict()
        self._base = ModelGuard(settings.model, store.models)

    @property
    def folder(self) -> Path:
        """Where the candidates lie."""
        return self._settings.home / MODELS

    def current(self) -> InUse:
        """Return the model that serves now; its folder is checked, and read only if something touched it.

        Raises
        ------
        ModelError
            If no model may serve.
        """
        with self._lock:
            entries = self._look()
            line = line_of(entries)
            turn = next((one for one in entries if one.act in SERVING), None)
            reason = ""
            for one in line:
                try:
                    runtime = self.load(one.model)
                except ModelError as error:
                    reason = reason or str(error)
                else:
                    return InUse(runtime, turn, one.model, self._trouble(line, reason, runtime))
            try:
                self._base.check()
                runtime = self._open(self._settings.model)
            except ModelError as error:
                raise ModelError(NOTHING.format(reason=reason or error)) from error
            model = Model(runtime.card.name, runtime.card.digest)
            return InUse(runtime, turn, model, self._trouble(line, reason, runtime))

    def load(self, model: Model) -> Runtime:
        """Return a model of the registry, ready to score, if its folder is as it was then.

        Raises
        ------
        ModelError
            If it is not.
        """
        with self._lock:
            if not model.folder:
                self._base.check()
                return self._open(self._settings.model)
            folder = self.folder / model.folder
            guard = self._guards.setdefault(model, ModelGuard(folder, self._store.models, model.card))
            if not os.path.isdir(folder):  # noqa: PTH112 - False too where the folder may not be looked at
                raise ModelError(f"The folder {folder} is gone.")
            guard.check()
            return self._open(folder, model.card)

    def before(self) -> Model:
        """Return the model to which a rollback leads.

        Raises
        ------
        ModelError
            If that is the model of TRIAGE_MODEL, and it may not serve.
        """
        line = line_of(self._look())
        if len(line) > 1:
            return line[1].model
        card = self.load(Model("", "")).card
        return Model(card.name, card.digest)

    def made_by(self, model_sha256: str) -> Runtime | None:
        """Return the model that made a result, whether it serves or served before; None if it is not here any more.

        Parameters
        ----------
        model_sha256
            Digest of its network, or how it begins.
        """
        current = self.current().runtime
        if current.card.sha256.startswith(model_sha256):
            return current
        promoted = [one.model for one in self._look() if one.act is Act.PROMOTED]
        for model in dict.fromkeys((*promoted, Model("", ""))):
            try:
                runtime = self.load(model)
            except ModelError:
                continue
            if runtime.card.sha256.startswith(model_sha256):
                return runtime
        return None

    def compare(self) -> None:
        """Check that the model that is to serve may serve, without accepting anything.

        Raises
        ------
        ModelError
            If it may not.
        """
        line = line_of(self._look())
        if not line:
            self._base.compare()
            return
        model = line[0].model
        if not (self.folder / model.folder).is_dir():
            raise ModelError(GONE.format(name=model.name, folder=f"{MODELS}/{model.folder}"))
        ModelGuard(self.folder / model.folder, self._store.models, model.card).compare()

    def _look(self) -> tuple[Entry, ...]:
        """Return the acts of the registry, read again only if another model is to serve."""
        with self._lock:
            turn = self._store.registry.turn()
            if turn != self._seen:
                self._entries, self._seen = self._store.registry.entries(), turn
            return self._entries

    def _open(self, folder: Path, card: str = "") -> Runtime:
        """Return a folder that was checked as a model in memory."""
        key = f"{folder} {card}"
        runtime = self._loaded.get(key)
        if runtime is None:
            runtime = Runtime(folder, self._settings.threads)
            if card not in ("", runtime.card.digest):
                raise ModelError(f"The folder {folder} was changed while it was opened. Bring it back from a backup.")
            self._loaded[key] = runtime
        self._loaded.move_to_end(key)
        while len(self._loaded) > MAX_LOADED:
            self._loaded.popitem(last=False)
        return runtime

    def _trouble(self, line: tuple[Entry, ...], reason: str, runtime: Runtime) -> str:
        if not reason:
            return ""
        meant = line[0].model
        folder = f"{MODELS}/{meant.folder}"
        return NOT_SERVING.format(name=meant.name, reason=reason, before=runtime.card.name, folder=folder)
