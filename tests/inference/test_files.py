"""What is no regular file of a model is refused at once, and never waited for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from triage.inference.files import open_file, read_file


def test_files_and_links_to_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        assert read_file(tmp_path / name) == b"abc"


def test_pipes_devices_folders_and_loops_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("pipe", "folder", "loop", "device", "missing"):
        for read in (open_file, read_file):
            with pytest.raises(OSError):  # noqa: PT011 - each has another reason
                read(tmp_path / name)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert read_file(tmp_path / "file", most=3) == b"abc"
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the reason is checked below
        read_file(tmp_path / "file", most=2)
    assert caught.value.errno == errno.EFBIG
