"""The home folder is its owner's alone, a new one and one of an earlier version."""

from __future__ import annotations

import os
from pathlib import Path

from triage.records.private import keep_private


def test_a_home_of_an_earlier_version_is_tightened(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "files").mkdir(parents=True)
    home.chmod(0o755)
    (home / "triage.db").write_text("")
    (home / "triage.db").chmod(0o644)
    assert keep_private(home)
    (home / "new").write_text("")
    found = {path.name: path.stat().st_mode & 0o777 for path in (home, *home.iterdir())}
    assert found == {"home": 0o700, "files": 0o700, "triage.db": 0o600, "new": 0o600}


def test_it_says_when_it_cannot(tmp_path: Path, caplog: object) -> None:
    (tmp_path / "file").write_text("")
    assert not keep_private(tmp_path / "file")
    assert "chmod" in caplog.text  # type: ignore[attr-defined]
    assert os.umask(0o077) == 0o077
