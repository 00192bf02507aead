"""Files that a browser has sent and nobody has handed over yet: on disk, within limits, gone with their page.

Tested in tests/pipeline/test_held.py.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from triage.errors import NotFoundError, RefusedError, StorageError
from triage.records.files import UNFINISHED

#: Bytes of one page, of the pages of one account, and of all pages.
OF_PAGE, OF_ACCOUNT, OF_ALL = 2 * 2**30, 3 * 2**30, 8 * 2**30
PAGE_FULL = "These files are more than {size} GB together. Hand over what is there, then choose the others."
ACCOUNT_FULL = (
    "Your pages hold more than {size} GB of files together. Hand them over or close other pages, then try again."
)
GONE = "This file was removed, or chosen anew, while it arrived. Choose it again if you want it."
ALL_FULL = "Others are uploading too much at this moment. Try again in a minute."

#: A page and one of its files, as Streamlit numbers them.
Key = tuple[str, str]


@dataclass(slots=True)
class _One:
    folder: Path
    account: str
    size: int = 0


class Held:
    """The files of one installation. Safe to call from many threads.

    Parameters
    ----------
    home
        Folder for them; what a process leaves there when it dies is swept at the next start.
    of_page, of_account, of_all
        Limits: bytes.
    """

    def __init__(self, home: Path, of_page: int = OF_PAGE, of_account: int = OF_ACCOUNT, of_all: int = OF_ALL) -> None:
        self._home, self._of_page, self._of_account, self._of_all = home, of_page, of_account, of_all
        self._lock = Lock()
        self._files: dict[Key, _One] = {}

    def begin(self, key: Key, account: str) -> Path:
        """Return an empty folder for a file of an account; an earlier one of this key is gone."""
        self.drop([key])
        folder = Path(tempfile.mkdtemp(dir=self._home, prefix=UNFINISHED))
        with self._lock:
            self._files[key] = _One(folder, account)
        return folder

    def grow(self, key: Key, folder: Path, count: int) -> None:
        """Count bytes before they are written to a folder that was begun.

        Raises
        ------
        NotFoundError
            If the file was dropped or begun anew meanwhile.
        RefusedError, StorageError
            If the page, the account, or all pages together, hold too much.
        """
        with self._lock:
            one = self._files.get(key)
            if one is None or one.folder != folder:
                raise NotFoundError(GONE)
            of_page = sum(other.size for (page, _), other in self._files.items() if page == key[0])
            if of_page + count > self._of_page:
                raise RefusedError(PAGE_FULL.format(size=self._of_page >> 30))
            of_account = sum(other.size for other in self._files.values() if other.account == one.account)
            if of_account + count > self._of_account:
                raise RefusedError(ACCOUNT_FULL.format(size=self._of_account >> 30))
            if sum(other.size for other in self._files.values()) + count > self._of_all:
                raise StorageError(ALL_FULL)
            one.size += count

    def path(self, key: Key) -> Path | None:
        """Return the file, which the caller may move away; None if there is none."""
        with self._lock:
            one = self._files.get(key)
        return next(one.folder.iterdir(), None) if one is not None else None

    def drop(self, keys: list[Key]) -> None:
        """Forget files, and remove what is left of them."""
        with self._lock:
            gone = [self._files.pop(key) for key in keys if key in self._files]
        for one in gone:
            shutil.rmtree(one.folder, ignore_errors=True)

    def break_off(self, key: Key, folder: Path) -> None:
        """Remove a file that did not come to its end, but not one that was begun under its key meanwhile."""
        with self._lock:
            one = self._files.get(key)
            if one is not None and one.folder == folder:
                del self._files[key]
        shutil.rmtree(folder, ignore_errors=True)

    def leave(self, is_open: Callable[[str], bool]) -> int:
        """Drop the files of pages that are closed, and return how many others there are."""
        with self._lock:
            keys = list(self._files)
        opened = {page: is_open(page) for page in {page for page, _ in keys}}
        self.drop([key for key in keys if not opened[key[0]]])
        return len(self._files)

    def close(self) -> None:
        """Drop everything."""
        self.drop(list(self._files))
