"""Files and record are compared; only what is certainly nobody's is removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import keep

from triage.pipeline.installation import Installation
from triage.pipeline.upkeep import Removed
from triage.records.files import FileStore
from triage.records.views import Arrival, Instance
from triage.settings import Settings

LONG_AGO = (1, 1)


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Installation]:
    """An installation that only stores."""
    installation = Installation(Settings(home=tmp_path / "home", worker="separate"))
    yield installation
    installation.close()


def on_record(installation: Installation, data: bytes) -> Path:
    sha256 = keep(installation.files, data)
    installation.store.arrivals.add("head.png", [Arrival(Instance(sha256, "head.png", "PNG", 1))], actor="test")
    return installation.files.path(sha256)


def test_every_kind_of_misfit_is_found(quiet: Installation) -> None:
    whole, missing, altered = (on_record(quiet, data) for data in (b"whole", b"missing", b"altered"))
    missing.unlink()
    altered.write_bytes(b"another")
    orphan, young = (quiet.files.path(keep(quiet.files, data)) for data in (b"orphan", b"young"))
    left = quiet.files.folder / "incoming-left"
    left.mkdir()
    for path in (orphan, left, whole):
        os.utime(path, LONG_AGO)
    found = quiet.check()
    assert (found.orphans, found.young, found.left) == ((orphan,), 1, (left,))
    assert (found.missing, found.altered) == ((missing.name,), (altered.name,))
    assert (found.files, found.studies) == (3, 3)
    assert quiet.clean() == Removed(orphans=1, left=1)
    assert quiet.clean() == Removed(orphans=0, left=0)
    assert [path.exists() for path in (orphan, left, young, whole, altered)] == [False, False, True, True, True]
    assert quiet.check().orphans == ()


def test_orphans_are_removed_at_the_start(quiet: Installation) -> None:
    orphan = quiet.files.path(keep(quiet.files, b"orphan"))
    os.utime(orphan, LONG_AGO)
    quiet.resume()  # repeated every few seconds
    assert orphan.exists()
    quiet.recover()
    assert not orphan.exists()


def test_a_file_that_comes_again_is_no_orphan(tmp_path: Path) -> None:
    """Its row may be committed only after the clean-up looked into the record."""
    files = FileStore(tmp_path)
    sha256 = keep(files, b"orphan")
    os.utime(files.path(sha256), LONG_AGO)
    keep(files, b"orphan")
    assert not files.discard(sha256, 60)
    assert files.get(sha256) == b"orphan"
    assert not files.discard("0" * 64, 60)
