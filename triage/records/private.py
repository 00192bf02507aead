"""The home folder is its owner's alone: 0700, and 0600 for its files; and who works in it."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

#: Nobody but the owner gets any right on what this process makes.
UMASK = 0o077


def keep_private(home: Path) -> bool:
    """Take the rights of others on the home folder, now and for what this process makes; say in the log if it fails.

    Folder and files directly in it are tightened; what is deeper cannot be reached through them.
    """
    os.umask(UMASK)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        for path in home.iterdir():
            with suppress(FileNotFoundError):  # a journal of the database that just ended
                if not path.is_symlink():
                    path.chmod(0o700 if path.is_dir() else 0o600)
    except OSError as error:
        logger.warning(
            "Others can read TRIAGE_HOME: %s. Give the folder to the user of the server, then chmod -R go-rwx it.",
            error.strerror,
        )
        return False
    return True


class Presence:
    """Tells other processes that this one works in a home folder, until it ends, however that happens.

    Parameters
    ----------
    home
        The folder; one that cannot be written counts as shared.

    Attributes
    ----------
    alone
        Whether no other process worked there when this one began: then nobody is writing what lies there unfinished.
    """

    def __init__(self, home: Path) -> None:
        self.alone, self._descriptor = False, -1
        with suppress(OSError):
            self._descriptor = os.open(home / "running.lock", os.O_RDWR | os.O_CREAT, 0o600)
            with suppress(BlockingIOError):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.alone = True
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        """Leave."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
