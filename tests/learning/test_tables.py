from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

from triage.errors import StorageError
from triage.learning.tables import replacing, table


def test_a_table_is_copied_whole_and_its_file_goes(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    with zipfile.ZipFile(target, "w") as archive, table(("study", "comment"), tmp_path) as made:
        for number in range(3):
            made.add((number, '=1+1, «ü» "quoted"'))
        made.copy_to(archive, "table.csv")
    assert made.rows == 3
    with zipfile.ZipFile(target) as archive:
        rows = list(csv.reader(io.StringIO(archive.read("table.csv").decode(), newline="")))
    assert rows[0] == ["study", "comment"]
    assert rows[3] == ["2", '\'=1+1, «ü» "quoted"']
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(b"before")
    with replacing(target) as file:
        file.write(b"after")
        assert target.read_bytes() == b"before"
    assert target.read_bytes() == b"after"


def test_two_exports_to_one_target_do_not_mix(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    with replacing(target) as one:
        one.write(b"AAAA")
        with replacing(target) as other:
            other.write(b"BBBBBBBB")
        one.write(b"AAAA")
    assert target.read_bytes() == b"AAAAAAAA"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(("error", "raised"), [(OSError(28, "No space left"), StorageError), (KeyError("a"), KeyError)])
def test_an_error_leaves_the_file_as_it_was(tmp_path: Path, error: Exception, raised: type[Exception]) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(b"before")
    with pytest.raises(raised):
        _fail(target, error)
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def _fail(target: Path, error: Exception) -> None:
    with replacing(target) as file:
        file.write(b"half")
        raise error
