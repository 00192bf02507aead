"""An upload is stored whatever becomes of the page and the process that took it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import encode

from triage.domain import Outcome
from triage.errors import StorageError
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.pipeline.uploads import Progress
from triage.settings import ROOT, Settings


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Installation]:
    """An installation that only stores."""
    installation = Installation(Settings(home=tmp_path / "home", worker="separate"))
    yield installation
    installation.close()


def ended(installation: Installation, upload: str) -> Progress:
    deadline = time.monotonic() + 120
    while (found := installation.uploads.progress(upload)) is not None and found.receipts is None and not found.error:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found is not None
    return found


def spooled(installation: Installation) -> list[str]:
    """What lies in the folders of uploads."""
    return sorted(path.name for path in (installation.settings.home / "uploads").rglob("*") if path.is_file())


def test_an_upload_is_received_in_the_background(quiet: Installation, slices: list[Phantom]) -> None:
    files = [Incoming("head.png", data=slices[0].png), Incoming("text.png", data=b"hello")]
    upload = quiet.uploads.begin(files, actor="Dr. A")
    receipts = ended(quiet, upload).receipts or ()
    assert [(one.name, one.outcome) for one in receipts] == [
        ("head.png", Outcome.ACCEPTED),
        ("text.png", Outcome.REFUSED),
    ]
    quiet.uploads.close()
    later = Installation(quiet.settings)  # another process knows the receipts too, and does not begin again
    later.uploads.resume()
    assert later.uploads.progress(upload) == Progress(receipts=receipts)
    assert spooled(later) == ["lock", "receipts.json"]
    later.close()


@pytest.mark.parametrize("upload", ["", "nowhere", "../../..", "0" * 32])
def test_an_id_that_is_none_finds_nothing(quiet: Installation, upload: str) -> None:
    assert quiet.uploads.progress(upload) is None


def test_a_full_disk_takes_nothing_and_says_so(quiet: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(StorageError, match="Free disk space"):
            quiet.uploads.begin([Incoming("head.png", data=b"1")], actor="Dr. A")
    assert spooled(quiet) == []


def test_only_old_receipts_and_halves_are_swept(quiet: Installation, slices: list[Phantom]) -> None:
    old, new = (quiet.uploads.begin([Incoming("a.png", data=slices[0].png)], actor="Dr. A") for _ in range(2))
    quiet.uploads.close()
    folder = quiet.settings.home / "uploads"
    half, whole = folder / ("1" * 32), folder / ("2" * 32)
    for one in (half, whole):
        one.mkdir()
        (one / "0").write_bytes(b"half of it")
    (whole / "upload.json").write_text("{}")
    for name in (old, half.name, whole.name):
        os.utime(folder / name, (1, 1))
    assert {path.name for path in quiet.check().left} == {old, half.name}
    quiet.clean()
    assert {path.name for path in folder.iterdir()} == {new, whole.name}


SENDER = """
import sys, time
from pathlib import Path
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.settings import Settings
installation = Installation(Settings(home=Path(sys.argv[1]), worker="separate"))
files = [Incoming(path.name, data=path.read_bytes()) for path in sorted(Path(sys.argv[2]).iterdir())]
print(installation.uploads.begin(files, actor="Dr. A"), flush=True)
time.sleep(600)
"""


def test_kill_nine_in_the_middle_costs_no_file(quiet: Installation, tmp_path: Path) -> None:
    sent, count = tmp_path / "sent", 80
    sent.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (64, 64), np.uint8)
        (sent / f"{number:03}.png").write_bytes(encode(pixels))
    command = [sys.executable, "-c", SENDER, str(quiet.settings.home), str(sent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as sender:
        assert sender.stdout is not None
        upload = sender.stdout.readline().strip()
        while not list(quiet.files.folder.glob("[0-9a-f][0-9a-f]/*")):
            assert sender.poll() is None
            time.sleep(0.005)
        quiet.uploads.resume()  # while the other process lives, nobody takes the upload over
        quiet.uploads.close()
        sender.kill()
    assert quiet.queue.recent(1) == []
    assert quiet.check().young > 0  # files on disk, and no row yet
    assert quiet.uploads.progress(upload) == Progress()
    quiet.uploads.resume()
    assert {one.outcome for one in ended(quiet, upload).receipts or ()} == {Outcome.ACCEPTED}
    assert len(quiet.store.results.pending()) == count
    findings = quiet.check()
    assert (findings.orphans, findings.young, findings.missing, findings.altered) == ((), 0, (), ())
