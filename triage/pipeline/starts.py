"""What changed since the last start: the names of the settings that differ, and the model. Secrets stay secret.

The settings of the last start are kept in the home folder as codes made with the key of the record, which tell nothing.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr, TypeAdapter

from triage.access.trail import note
from triage.records.audit import Event
from triage.records.store import Store
from triage.settings import Settings

logger = logging.getLogger(__name__)

#: File in the home folder.
KEPT = "settings.json"
#: Actor of the audit row.
SERVER = "start of the server"
FIRST = "first start, nothing to compare with"
_CODES = TypeAdapter(dict[str, str])


def note_start(store: Store, settings: Settings, card: str) -> None:
    """Write an audit row if the server starts with other settings, or another model, than the last time.

    Parameters
    ----------
    store
        Holds the audit trail.
    settings
        Of this start.
    card
        Digest of the card of the model that serves.

    Raises
    ------
    StorageError
        If the record does not take the row; then the next start compares again.
    """
    path = settings.home / KEPT
    now = {name: store.key.mac(f"{name} {value}".encode()) for name, value in _values(settings, card).items()}
    before: dict[str, str] = {}
    with suppress(OSError, ValueError):
        before = _CODES.validate_json(path.read_bytes())
    changed = [name for name in sorted({*now, *before}) if now.get(name) != before.get(name)]
    if not changed:
        return
    note(store, Event.SETTINGS, ", ".join(changed) if before else FIRST, actor=SERVER)
    _keep(path, now)


def _values(settings: Settings, card: str) -> dict[str, str]:
    """Return the value of each setting by the name that it is set under, and the model."""
    found = {"model that serves": card}
    for name, value in settings:
        shown = value.get_secret_value() if isinstance(value, SecretStr) else value
        found[f"TRIAGE_{name.upper()}"] = str(shown)
    return found


def _keep(path: Path, codes: dict[str, str]) -> None:
    part = path.with_suffix(".part")
    try:
        part.write_text(json.dumps(codes))
        part.replace(path)
    except OSError:
        logger.exception("the settings of this start were not kept; free disk space in the home folder")
