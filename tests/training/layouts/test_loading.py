from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from drawn import picture

from triage.errors import RefusedError
from triage.training.layouts import load_picture, read_dataset
from triage.training.layouts.loading import read_bytes


def test_a_file_that_breaks_later_is_refused(tmp_path: Path) -> None:
    path = picture(tmp_path / "yes" / "a.png")
    item = read_dataset(tmp_path).items[0]
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(RefusedError, match="damaged"):
        load_picture(tmp_path, item)


def test_a_zip_that_is_damaged_at_one_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.txt", b"good")
        archive.writestr("bad.txt", b"a text to be changed")
    path.write_bytes(path.read_bytes().replace(b"a text to be", b"a text to Be"))
    assert read_bytes(path, "good.txt") == b"good"
    with pytest.raises(RefusedError, match="The ZIP is damaged"):
        read_bytes(path, "bad.txt")
