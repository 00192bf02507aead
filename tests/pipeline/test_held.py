"""What browsers have sent lies on disk within limits, and goes with its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.errors import NotFoundError, RefusedError, StorageError
from triage.pipeline.held import Held


def hold(held: Held, page: str, name: str, size: int, account: str = "") -> Path:
    folder = held.begin((page, name), account or page)
    held.grow((page, name), folder, size)
    (folder / "00000").write_bytes(b"x" * size)
    return folder


def test_a_page_and_all_pages_have_their_limits(tmp_path: Path) -> None:
    held = Held(tmp_path, of_page=100, of_all=250)
    hold(held, "one", "a", 60)
    with pytest.raises(RefusedError, match="Hand over what is there"):
        hold(held, "one", "b", 60)
    hold(held, "two", "a", 100)
    with pytest.raises(StorageError, match="Try again in a minute"):
        hold(held, "three", "a", 95)
    held.drop([("two", "a")])
    hold(held, "three", "a", 95)


def test_files_go_with_their_page(tmp_path: Path) -> None:
    held = Held(tmp_path)
    gone, kept = hold(held, "one", "a", 3), hold(held, "two", "a", 4)
    path = held.path(("two", "a"))
    assert path is not None
    assert path.read_bytes() == b"xxxx"
    assert held.path(("two", "b")) is None
    assert held.leave(lambda page: page == "two") == 1
    assert (gone.exists(), kept.exists()) == (False, True)
    assert hold(held, "two", "a", 5) != kept  # sent again
    held.close()
    assert list(tmp_path.iterdir()) == []


def test_an_account_has_its_share_over_all_its_pages(tmp_path: Path) -> None:
    held = Held(tmp_path, of_page=100, of_account=150, of_all=400)
    hold(held, "one", "a", 100, "ada")
    with pytest.raises(RefusedError, match="close other pages"):
        hold(held, "two", "a", 100, "ada")
    hold(held, "three", "a", 100, "eva")


def test_a_file_that_is_dropped_or_begun_anew_while_it_arrives(tmp_path: Path) -> None:
    held, key = Held(tmp_path), ("one", "a")
    first = hold(held, "one", "a", 3)
    held.drop([key])
    with pytest.raises(NotFoundError, match="Choose it again"):
        held.grow(key, first, 1)
    second = hold(held, "one", "a", 4)
    with pytest.raises(NotFoundError):
        held.grow(key, first, 1)
    first.mkdir()  # written to in the moment in which it went
    held.break_off(key, first)
    assert (first.exists(), held.path(key)) == (False, second / "00000")
    held.break_off(key, second)
    assert list(tmp_path.iterdir()) == []
