from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

from triage.errors import StorageError
from triage.learning.tables import add, replacing, table


def test_no_cell_of_a_table_is_a_formula() -> None:
    made = table(("study", "comment"), [{"comment": '=1+1, «ü» "quoted"', "study": number} for number in range(3)])
    rows = list(csv.reader(io.StringIO(made.decode(), newline="")))
    assert rows[0] == ["study", "comment"]
    assert rows[3] == ["2", '\'=1+1, «ü» "quoted"']


def test_an_archive_is_the_same_whenever_it_is_made() -> None:
    def made() -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            add(archive, "a.txt", b"text" * 100)
            add(archive, "a.png", b"picture", packed=False)
        return file.getvalue()

    with zipfile.ZipFile(io.BytesIO(made())) as archive:
        assert [entry.date_time for entry in archive.infolist()] == [(1980, 1, 1, 0, 0, 0)] * 2
        assert archive.getinfo("a.txt").compress_size < 100
    assert made() == made()


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
