"""What was handed over becomes uploads: copied, unpacked, inspected, in order and in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import encode, zipped

from triage.domain import Outcome
from triage.phantoms import Phantom
from triage.pipeline.spool import BATCH_SIZE, Incoming, Spooler, digest
from triage.pipeline.upload import Upload
from triage.records.store import Store
from triage.records.views import Arrival, Instance
from triage.scans.isolation.door import Door


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    yield store
    store.engine.dispose()


@pytest.fixture
def spooler(store: Store, door: Door) -> Spooler:
    return Spooler(store.arrivals, door, lambda names: [f"<{name}>" for name in names])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def all_of(spooler: Spooler, incoming: list[Incoming], folder: Path) -> list[Upload]:
    return [upload for batch in spooler.batches(incoming, folder) for upload in batch]


def test_files_are_copied_and_inspected(spooler: Spooler, folder: Path, tmp_path: Path, slices: list[Phantom]) -> None:
    original = tmp_path / "original.png"
    original.write_bytes(slices[0].png)
    uploads = all_of(spooler, [Incoming("a", path=original), Incoming("b", data=slices[1].png)], folder)
    assert [upload.name for upload in uploads] == ["<a>", "<b>"]
    assert [upload.path.read_bytes() for upload in uploads] == [slices[0].png, slices[1].png]
    assert [upload.sha256 for upload in uploads] == [hashlib.sha256(one.png).hexdigest() for one in slices[:2]]
    assert all(upload.inspection and upload.outcome is None for upload in uploads)
    assert {upload.path.parent for upload in uploads} == {folder}
    assert original.read_bytes() == slices[0].png


def test_members_take_the_place_of_their_archive(spooler: Spooler, folder: Path, slices: list[Phantom]) -> None:
    archive = zipped({"one.png": slices[0].png, "inner.zip": zipped({"x": b"x"}), "two.png": slices[1].png})
    uploads = all_of(spooler, [Incoming("first", data=b"text"), Incoming("zip", data=archive)], folder)
    # Members that were refused come first.
    assert [upload.name for upload in uploads] == ["<first>", "<inner.zip>", "<one.png>", "<two.png>"]
    assert [upload.outcome for upload in uploads] == [Outcome.REFUSED, Outcome.REFUSED, None, None]
    assert spooler.known == 4


def test_files_of_a_system_are_ignored(spooler: Spooler, folder: Path, slices: list[Phantom]) -> None:
    incoming = [Incoming("study/.DS_Store", data=b"x"), Incoming("a.png", data=slices[0].png)]
    (batch,) = spooler.batches([*incoming, Incoming("b.zip", data=zipped({"__MACOSX/._a": b"x", "c": b"x"}))], folder)
    assert [upload.name for upload in batch] == ["<a.png>", "<c>"]
    assert spooler.known == 2


def test_a_missing_file_is_refused_and_the_others_go_on(
    spooler: Spooler, folder: Path, tmp_path: Path, slices: list[Phantom]
) -> None:
    incoming = [Incoming("gone", path=tmp_path / "gone.png"), Incoming("here", data=slices[0].png)]
    gone, here = all_of(spooler, incoming, folder)
    assert (gone.outcome, gone.retry) == (Outcome.REFUSED, True)
    assert here.inspection is not None


def test_a_known_file_is_not_inspected_again(
    spooler: Spooler, store: Store, door: Door, folder: Path, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = hashlib.sha256(slices[0].png).hexdigest()
    study_id = store.arrivals.add("a", [Arrival(Instance(sha256, "a", "PNG", 1))], actor="door").study_id
    monkeypatch.setattr(door, "inspect", lambda _: pytest.fail("inspected"))
    (upload,) = all_of(spooler, [Incoming("again", data=slices[0].png)], folder)
    assert (upload.outcome, upload.study_id) == (Outcome.ALREADY_HERE, study_id)


def test_batches_keep_the_order(spooler: Spooler, folder: Path) -> None:
    files = [encode(np.full((2, 2), number, np.uint8)) for number in range(BATCH_SIZE + 3)]
    batches = list(spooler.batches([Incoming(str(n), data=file) for n, file in enumerate(files)], folder))
    assert [len(batch) for batch in batches] == [BATCH_SIZE, 3]
    uploads = [upload for batch in batches for upload in batch]
    assert [upload.name for upload in uploads] == [f"<{number}>" for number in range(len(files))]
    assert [upload.sha256 for upload in uploads] == [hashlib.sha256(file).hexdigest() for file in files]


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
