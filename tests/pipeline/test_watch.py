"""The record is verified at the start and once a day, and what was found is kept for everybody to see."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from helpers import without_triggers
from record_samples import add

from triage.pipeline import watch
from triage.pipeline.model_guard import ModelGuard
from triage.pipeline.watch import Watch, verify_all
from triage.records import audit
from triage.records.audit import Event
from triage.records.chain import Kind
from triage.records.files import FileStore
from triage.records.store import Store


@pytest.fixture
def record(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'triage.db'}")


def watching(record: Store, home: Path) -> Watch:
    return Watch(record, FileStore(home / "files"), home)


def harm(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "triage.db")) as database, without_triggers(database):
        database.execute(statement)


def test_it_says_what_was_found_without_a_name(record: Store, tmp_path: Path) -> None:
    record.audit.refused(Counter(["damaged"]), actor="Dr. A")
    one = watching(record, tmp_path)
    assert one.last() is None
    assert one.verify().said().startswith("verified at 20")
    harm(tmp_path, "UPDATE audit SET actor = 'Dr. B'")
    found = one.verify()
    assert (found.damaged, [str(item) for item in found.damage]) == (1, ["audit 1: edited"])
    assert "edited (1)" in found.said()
    assert "Dr." not in found.said()
    assert watching(record, tmp_path).last() == found
    record.engine.dispose()


def test_the_end_alone_never_hides_what_the_whole_showed(record: Store, tmp_path: Path) -> None:
    record.audit.refused(Counter(["damaged"]), actor="door")
    one = watching(record, tmp_path)
    whole = one.verify()
    record.audit.refused(Counter(["damaged"]), actor="door")
    assert one.verify(whole.head).at == whole.at
    harm(tmp_path, "UPDATE audit SET detail = 'x' WHERE id = 1")
    assert one.verify(whole.head).damaged == 0
    assert one.verify().damaged == 1
    assert one.verify(record.head().number).damaged == 1
    record.engine.dispose()


@pytest.mark.parametrize("forged", ["all of it", "its time", "an older form"])
def test_a_result_that_was_not_written_here_is_not_believed(record: Store, tmp_path: Path, forged: str) -> None:
    one = watching(record, tmp_path)
    one.verify()
    kept = tmp_path / watch.RESULT
    code, _, text = kept.read_text().partition("\n")
    later = json.dumps(json.loads(text) | {"at": "2099-01-01T00:00:00+00:00"})
    kept.write_text(
        {"all of it": f"{'0' * 64}\n{later}", "its time": f"{code}\n{later}", "an older form": text}[forged]
    )
    harm(tmp_path, "UPDATE seal SET digest = upper(digest) WHERE number = 1")
    assert one.last() is None
    one.start()
    deadline = time.monotonic() + 30
    while not (found := one.last()) or not found.damaged:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    one.close()
    record.engine.dispose()


def test_a_result_of_the_future_is_not_believed(record: Store, tmp_path: Path) -> None:
    one = watching(record, tmp_path)
    found = one.verify()
    assert one.last() == found
    one._keep(replace(found, at=found.at + timedelta(days=1)))
    assert one.last() is None
    record.engine.dispose()


def test_a_start_notices_a_record_that_was_cut_off(record: Store, tmp_path: Path) -> None:
    for _ in range(3):
        record.audit.refused(Counter(["damaged"]), actor="door")
    one = watching(record, tmp_path)
    one.verify()
    harm(tmp_path, "DELETE FROM seal WHERE number > 2")
    one.start()
    deadline = time.monotonic() + 30
    while not (found := one.last()) or not found.damaged:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert Kind.TRUNCATED in {item.kind for item in found.damage}
    one.close()
    record.engine.dispose()


def test_the_whole_is_verified_once_a_day(record: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EVERY", timedelta(seconds=0.2))
    monkeypatch.setattr(watch, "LOOK", 0.05)
    one = watching(record, tmp_path)
    first = one.verify().at
    one.start()
    deadline = time.monotonic() + 30
    while (found := one.last()) is None or found.at == first:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    one.close()
    record.engine.dispose()


def test_a_missing_file_is_found(record: Store, tmp_path: Path) -> None:
    add(record, 1)
    found = watching(record, tmp_path).verify()
    assert [item.kind for item in found.damage] == [Kind.MISSING]
    record.engine.dispose()


def test_progress_grows_to_the_end(record: Store, tmp_path: Path) -> None:
    with record.write() as session:
        session.add_all(audit.row("door", Event.REFUSED, None, f"file {number}") for number in range(300))
    shares: list[float] = []
    watching(record, tmp_path).verify(progress=shares.append)
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] == 1


def test_the_model_belongs_to_the_whole(record: Store, tmp_path: Path) -> None:
    guard = ModelGuard(tmp_path / "no model", record.models)
    found = verify_all(watching(record, tmp_path), guard)
    assert [one.kind for one in found.damage] == [Kind.MODEL]
    assert found.damaged == 1
    assert found.counted() == "model folder not as accepted (1)"


def test_a_database_put_back_together_with_its_anchors_contradicts_the_last_verification(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'home' / 'triage.db'}")
    older = shutil.copytree(tmp_path / "home", tmp_path / "older")
    store.audit.refused(Counter(["later"]), actor="door")
    store.anchors.sync()
    assert not watching(store, tmp_path / "home").verify().damaged
    head = store.head().number
    store.engine.dispose()
    shutil.copytree(older, tmp_path / "home", dirs_exist_ok=True)
    expected = [f"seal {head} was verified and is not there: truncated"]
    for _ in range(2):  # it says so until the newer one is back
        store = Store(f"sqlite:///{tmp_path / 'home' / 'triage.db'}")
        found = watching(store, tmp_path / "home").verify()
        assert [str(one) for one in found.damage if one.kind is Kind.TRUNCATED] == expected
        store.engine.dispose()
    store = Store(f"sqlite:///{tmp_path / 'home' / 'triage.db'}")
    while store.head().number < head:
        store.audit.refused(Counter(["something else"]), actor="door")
    found = watching(store, tmp_path / "home").verify(after=1)
    assert Kind.SPLICED in {one.kind for one in found.damage}
    store.engine.dispose()
