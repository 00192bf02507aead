from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import keep

from triage.errors import NotFoundError
from triage.records.files import UNFINISHED, FileStore, sweep


def test_bytes_come_back_and_lie_under_their_hash(tmp_path: Path) -> None:
    files = FileStore(tmp_path)
    sha256 = keep(files, b"a slice")
    assert sha256 == hashlib.sha256(b"a slice").hexdigest()
    assert files.get(sha256) == b"a slice"
    assert keep(files, b"a slice") == sha256
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [files.path(sha256)]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    files = FileStore(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        keep(files, b"a slice")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_files_put_together_are_there_at_the_end(tmp_path: Path) -> None:
    files = FileStore(tmp_path)
    with files.together():
        names = [keep(files, f"slice {number}".encode()) for number in [*range(20), 3]]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(set(names))
    assert [files.get(name) for name in names[:2]] == [b"slice 0", b"slice 1"]


def test_files_put_together_on_a_full_disk_are_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, sync = FileStore(tmp_path), os.fsync

    def nearly_full(descriptor: int) -> None:
        if os.fstat(descriptor).st_size == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    def put_all() -> None:
        with files.together():
            keep(files, b"six by")
            keep(files, b"fives")

    monkeypatch.setattr(os, "fsync", nearly_full)
    with pytest.raises(OSError, match="No space"):
        put_all()
    kept = hashlib.sha256(b"six by").hexdigest()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [kept]
    keep(files, b"seven b")  # and the next one goes on as before


def test_a_missing_or_altered_file_is_said(tmp_path: Path) -> None:
    files = FileStore(tmp_path)
    with pytest.raises(NotFoundError, match="backup"):
        files.get("0" * 64)
    sha256 = keep(files, b"a slice")
    files.path(sha256).write_bytes(b"another")
    with pytest.raises(NotFoundError, match="altered"):
        files.get(sha256)


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"another")], ids=["missing", "altered"])
def test_one_bad_file_among_several_is_said(
    tmp_path: Path, harm: Callable[[Path], object], request: pytest.FixtureRequest
) -> None:
    files = FileStore(tmp_path)
    digests = [keep(files, f"slice {number}".encode()) for number in range(9)]
    files.check(digests)
    harm(files.path(digests[4]))
    with pytest.raises(NotFoundError, match=request.node.callspec.id):
        files.check(digests)


def test_what_a_dead_process_left_half_written_is_removed(tmp_path: Path) -> None:
    files = FileStore(tmp_path)
    stored = keep(files, b"whole")
    left, under_way = (tmp_path / f"{UNFINISHED}{name}" for name in ("left", "under-way"))
    for path in (left, under_way):
        path.write_bytes(b"half of it")
    os.utime(left, (1, 1))
    os.utime(files.path(stored), (1, 1))
    sweep(files.folder)
    assert not left.exists()
    assert under_way.exists()
    assert files.get(stored) == b"whole"


@pytest.mark.parametrize("left", [b"", b"a slic", b"another"])
def test_a_damaged_file_is_replaced_by_a_whole_one(tmp_path: Path, left: bytes) -> None:
    files = FileStore(tmp_path)
    sha256 = keep(files, b"a slice")
    files.path(sha256).write_bytes(left)
    assert not files.holds(sha256)
    keep(files, b"a slice")
    assert files.holds(sha256)
    assert files.get(sha256) == b"a slice"


@pytest.mark.parametrize("together", [False, True])
def test_a_file_that_an_interrupted_hand_over_left_is_synced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """Its folder may never have reached the disk, so that it is there is no proof that it stays."""
    files = FileStore(tmp_path)
    path = files.path(keep(files, b"a slice"))
    synced: list[int] = []
    sync = os.fsync

    def counted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    if together:
        with files.together():
            keep(files, b"a slice")
    else:
        keep(files, b"a slice")
    assert {path.stat().st_ino, path.parent.stat().st_ino, tmp_path.stat().st_ino} <= set(synced)
