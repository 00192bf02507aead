from __future__ import annotations

from pathlib import Path

import pytest
from helpers import full_disk

from triage.errors import StorageError
from triage.training.fit.checkpoints import ResumeError, atomic_write, write_json, write_settings


def test_a_full_disk_leaves_the_previous_file(tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    write_json(path, [1])
    with full_disk(room=100), pytest.raises(StorageError, match=r"curve\.json could not be written .* Free some space"):
        write_json(path, list(range(1000)))
    assert path.read_text() == "[\n 1\n]\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_no_file(tmp_path: Path) -> None:
    def stopped(path: Path) -> None:
        with atomic_write(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped(tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def test_only_the_run_in_the_folder_is_resumed(tmp_path: Path) -> None:
    with pytest.raises(ResumeError, match="holds no run"):
        write_settings(tmp_path / "config.json", {"size": 16}, resume=True)
    write_settings(tmp_path / "config.json", {"size": 16, "classes": ("a", "b")}, resume=False)
    write_settings(tmp_path / "config.json", {"size": 16, "classes": ("a", "b")}, resume=True)
    with pytest.raises(ResumeError, match="Continue it with --resume"):
        write_settings(tmp_path / "config.json", {"size": 16}, resume=False)
    with pytest.raises(ResumeError, match="another size"):
        write_settings(tmp_path / "config.json", {"size": 32}, resume=True)
