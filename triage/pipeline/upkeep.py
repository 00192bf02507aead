"""Compare the files folder with the record: what no study holds, what is missing, what was altered, what was left."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from triage.pipeline.spool import digest
from triage.records.arrivals import Arrivals
from triage.records.files import ABANDONED_AFTER, UNFINISHED, FileStore, sweep

#: Files hashed at one time.
HASH_THREADS = 2


@dataclass(frozen=True, slots=True)
class Findings:
    """What was compared, and what does not fit together.

    Attributes
    ----------
    files, studies
        Number of files on the record, and of the studies that hold them.
    orphans
        Files that no study holds, stored more than a day ago: what a process left that died before the commit.
    young
        Number of files that no study holds yet; a hand-over may be under way.
    missing, altered
        sha256 of files on the record that are not on disk, or have other bytes.
    left
        Folders and files of hand-overs that ended more than a day ago.
    """

    files: int
    studies: int
    orphans: tuple[Path, ...]
    young: int
    missing: tuple[str, ...]
    altered: tuple[str, ...]
    left: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """How many files that no study holds were removed, and how many leftovers of hand-overs that ended."""

    orphans: int
    left: int


def check(files: FileStore, arrivals: Arrivals, home: Path) -> Findings:
    """Compare every file with the record; all files on the record are read once."""
    on_disk = _stored(files)
    holders = arrivals.holders()  # after the listing: what is stored in between is not an orphan
    unknown = [path for name, path in on_disk.items() if name not in holders]
    orphans = tuple(path for path in unknown if _is_old(path))
    there = sorted(holders.keys() & on_disk.keys())
    with ThreadPoolExecutor(HASH_THREADS) as pool:
        hashed = pool.map(digest, (on_disk[name] for name in there))
        altered = tuple(name for name, found in zip(there, hashed, strict=True) if name != found)
    left = tuple(path for folder in (home, files.folder) for path in folder.glob(f"{UNFINISHED}*") if _is_old(path))
    missing = tuple(sorted(name for name in holders.keys() - on_disk.keys() if not files.path(name).exists()))
    studies = len(set(holders.values()))
    return Findings(len(holders), studies, orphans, len(unknown) - len(orphans), missing, altered, left)


def clean(files: FileStore, arrivals: Arrivals, home: Path, age: float = ABANDONED_AFTER) -> Removed:
    """Remove orphans and what dead hand-overs left, if nobody has touched them for so many seconds."""
    left = sum(sweep(folder, age) for folder in (home, files.folder))
    old = {name: path for name, path in _stored(files).items() if _is_old(path, age)}
    orphans = old.keys() - arrivals.holders().keys() if old else set()
    return Removed(sum(files.discard(name, age) for name in orphans), left)


def _stored(files: FileStore) -> dict[str, Path]:
    return {path.name: path for path in files.folder.glob("[0-9a-f][0-9a-f]/*")}


def _is_old(path: Path, age: float = ABANDONED_AFTER) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > age
    return False
