"""The key of the record: a secret beside the database, without which nobody can seal a row.

Tested in tests/records/test_seals.py.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from triage.errors import StorageError

#: Bytes of a key, and the fewest of one that a site brings.
KEY_BYTES = 32
NAME = "record.key"
UNREADABLE = (
    "The key of the record, {path}, cannot be read. Bring it back from the backup; without it nobody can tell whether "
    "the record was changed."
)


class Key:
    """A secret that makes message authentication codes.

    Parameters
    ----------
    secret
        Its bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def mac(self, message: bytes) -> str:
        """Return HMAC-SHA256 of a message, in hex."""
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()

    @property
    def fingerprint(self) -> str:
        """What tells keys apart without giving them away; 32 hex digits."""
        return self.mac(b"fingerprint")[:32]


def key_file(home: Path, key: Path | None = None) -> Path:
    """Return where the key of an installation is: the file that its settings name, else one in its home folder."""
    return key or home / "keys" / NAME


def open_key(path: Path, *, make: bool) -> Key:
    """Return the key in a file of hex digits.

    Parameters
    ----------
    path
        The file, readable by its owner alone.
    make
        Whether a new key may be made if there is no file.

    Raises
    ------
    StorageError
        If there is no key, and none may be made; or what is there is none.
    """
    if make and not path.exists():
        _make(path)
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise StorageError(UNREADABLE.format(path=path)) from error
    if len(secret) < KEY_BYTES:
        raise StorageError(f"{path} is too short for a key. Make one with: openssl rand -hex {KEY_BYTES}")
    return Key(secret)


def _make(path: Path) -> None:
    """Put a new key there, whole and durable; of two processes that start at once, one succeeds."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        Path(part).unlink()
