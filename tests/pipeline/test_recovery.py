"""What a process that died left is cleared away at the next start, unless another process is at work there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest
from helpers import keep

from triage.pipeline import recovery
from triage.pipeline.installation import Installation
from triage.pipeline.recovery import carry_out
from triage.settings import Settings

#: Leaves what a process does that is killed in the middle of hand-overs, then waits.
AT_WORK = """
import sys, time
from pathlib import Path
sys.path.insert(0, "tests")
from helpers import keep
from triage.pipeline.installation import Installation
from triage.settings import Settings
one = Installation(Settings(home=Path(sys.argv[1]), worker="separate"))
keep(one.files, b"without a row")
folder = one.held.begin(("page", "file"), "Ada")
(folder / "00000").write_bytes(b"half")
half = one.settings.home / "uploads" / ("a" * 32)
half.mkdir(parents=True)
(half / "0").write_bytes(b"half")
(one.files.folder / "incoming-half").mkdir()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def other(tmp_path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", AT_WORK, str(tmp_path / "home")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def left(home: Path) -> list[str]:
    """Unfinished files and folders of a home."""
    stored = [path.name for path in (home / "files").glob("??/*")]
    return stored + [
        path.name for path in home.rglob("*") if path.name.startswith("incoming-") or path.name == "a" * 32
    ]


def test_what_a_killed_process_left_goes_at_the_next_start(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    home = tmp_path / "home"
    with other:
        assert len(left(home)) == 4
        beside = Installation(Settings(home=home, worker="separate"))
        beside.recover()
        assert len(left(home)) == 4  # they are being written
        beside.close()
        other.kill()
    time.sleep(1.1)
    following = Installation(Settings(home=home, worker="separate"))
    fresh = following.files.path(keep(following.files, b"of now"))
    following.recover()
    assert left(home) == [fresh.name]
    following.close()


def test_a_step_is_repeated_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "AGAIN", 0.01)
    tries: list[int] = []

    def third_time() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    carry_out([third_time, lambda: tries.append(4)], Event())
    assert tries == [1, 1, 1, 4]
    stopped = Event()
    stopped.set()
    carry_out([third_time], stopped)
    assert len(tries) == 4
