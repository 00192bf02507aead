"""Somebody who can write to the database or the disk, with triggers dropped, but has no key"""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attack.world import World
from dicomweb import KIND, body
from helpers import lying_index, take_in, without_triggers
from pickled import Pickled, plant_pickles

from triage.domain import Decision
from triage.errors import NotFoundError, StorageError
from triage.phantoms import phantoms
from triage.pipeline.installation import Installation
from triage.pipeline.watch import RESULT, Watch
from triage.reading import Entries, sign
from triage.records.audit import Event
from triage.records.files import FileStore
from triage.records.store import Store
from triage.records.trail import TrailFilter
from triage.records.verify import Verification
from triage.settings import ROOT, Settings

EDITS = {
    "the finding of a signed reading": "UPDATE reading SET finding = 'notumor'",
    "who signed": "UPDATE reading SET reader = 'Dr. Eva'",
    "when it was signed": "UPDATE reading SET signed_at = '2020-01-01 00:00:00.000000'",
    "a comment": "UPDATE reading SET comment = 'nothing seen'",
    "an AI result": "UPDATE ai_result SET band = 3",
    "its probabilities": "UPDATE ai_result SET probabilities = replace(probabilities, '0', '1')",
    "the reason for a rank": "UPDATE ai_result SET reason = 'nothing'",
    "a patient's name": "UPDATE study SET patient_name = 'Other'",
    "a patient's number": "UPDATE study SET mrn = 'other'",
    "a study that waits, in a form that only its index takes otherwise": "UPDATE study SET waiting = 1.5 WHERE waiting",
    "a time in a form that sorts elsewhere": "UPDATE study SET arrived_at = replace(arrived_at, ' ', 'T')",
    "a day of the trail in a form that no search finds": "UPDATE audit SET at = replace(at, '-', '') WHERE id = 2",
    "when a study arrived": "UPDATE study SET arrived_at = '2020-01-01 00:00:00.000000'",
    "a series": "UPDATE series SET description = 'other'",
    "the digest of a file": f"UPDATE instance SET sha256 = '{'0' * 64}' WHERE id = 1",
    "who did something": "UPDATE audit SET actor = 'Dr. Eva' WHERE id = 1",
    "what an audit row says": "UPDATE audit SET detail = 'x', address = 'y' WHERE id = 2",
    "a model that may serve": f"INSERT INTO model VALUES ('{'e' * 64}', 'evil', '2026-01-01 00:00:00', 'x')",
    "a forged audit row": (
        "INSERT INTO audit (at, actor, event, detail) VALUES ('2026-01-01 00:00:00', 'x', 'signed', '')"
    ),
    "an audit row deleted": "DELETE FROM audit WHERE id = 2",
    "the last audit row deleted": "DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)",
    "all audit rows deleted": "DELETE FROM audit",
    "a reading deleted": "DELETE FROM reading",
    "a study deleted": "DELETE FROM study WHERE id = (SELECT max(id) FROM study)",
    "a file's row deleted": "DELETE FROM instance WHERE id = 1",
    "a seal edited": "UPDATE seal SET digest = upper(digest) WHERE number = 3",
    "a seal deleted": "DELETE FROM seal WHERE number = 3",
    "the end of the seals cut off": "DELETE FROM seal WHERE number > (SELECT max(number) - 5 FROM seal)",
    "two audit rows exchanged": "UPDATE audit SET id = CASE id WHEN 1 THEN -2 ELSE -1 END WHERE id IN (1, 2)",
    "a reading copied to another study": (
        "INSERT INTO reading SELECT 99, (SELECT id FROM study WHERE id NOT IN (SELECT study_id FROM reading) LIMIT 1), "
        "version, reader, decision, finding, reason, comment, state, signed_at, model_sha256, contents, role, lesion, "
        "confidence, blind, account, meaning, bound FROM reading LIMIT 1"
    ),
    "a reading moved to another study": (
        "UPDATE reading SET study_id = "
        "(SELECT id FROM study WHERE id NOT IN (SELECT study_id FROM reading) LIMIT 1) WHERE id = 1"
    ),
    "an AI result moved to another study": (
        "UPDATE ai_result SET study_id = (SELECT id FROM study WHERE id <> ai_result.study_id LIMIT 1)"
        " WHERE id = (SELECT max(id) FROM ai_result)"
    ),
    "insert or replace of a reading": (
        "INSERT OR REPLACE INTO reading SELECT id, study_id, version, 'Dr. Evil', decision, finding, reason, comment, "
        "state, signed_at, model_sha256, contents, role, lesion, confidence, blind, account, meaning, bound "
        "FROM reading"
    ),
}


def copied(home: Path, target: Path) -> Path:
    """Copy a home while it is in use, as docs/operations.md says: anchors, database, files."""
    target.mkdir(mode=0o700)
    for folder in ("anchors", "keys"):
        shutil.copytree(home / folder, target / folder)
    with closing(sqlite3.connect(home / "triage.db")) as one, closing(sqlite3.connect(target / "triage.db")) as other:
        one.backup(other)
    shutil.copytree(home / "files", target / "files")
    return target


def edited(home: Path, *statements: str) -> int:
    """Change a record with its triggers dropped, and put them back; return how many rows that were."""
    with closing(sqlite3.connect(home / "triage.db")) as database, without_triggers(database):
        return sum(database.execute(statement).rowcount for statement in statements)


def damage(home: Path) -> list[str]:
    """Return what `verify` finds; a record that cannot be opened with its key counts as found."""
    try:
        store = Store(f"sqlite:///{home / 'triage.db'}")
    except StorageError as error:
        return [str(error)]
    try:
        return [str(one) for step in Verification(store, FileStore(home / "files")).steps() for one in step]
    finally:
        store.engine.dispose()


@pytest.fixture
def home(world: World, tmp_path: Path) -> Path:
    return copied(world.home, tmp_path / "home")


def test_untouched(home: Path) -> None:
    """nothing at all -> nothing is found, or every finding below would mean nothing"""
    assert damage(home) == []


@pytest.mark.parametrize("what", EDITS)
def test_edit(home: Path, what: str) -> None:
    """rows edited, inserted, deleted, exchanged, moved, cut off: readings, results, patients, audit, seals -> found"""
    assert edited(home, EDITS[what])
    assert damage(home)


def test_command(home: Path) -> None:
    """a changed reading, then python -m triage verify -> exit status 1, and the row is named"""
    edited(home, "UPDATE reading SET finding = 'notumor'")
    command = [sys.executable, "-m", "triage", "verify"]
    ran = subprocess.run(command, env={"TRIAGE_HOME": str(home)}, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "reading" in ran.stderr


@pytest.mark.parametrize("what", ["UPDATE reading SET comment = 'x'", "DELETE FROM audit", "DELETE FROM seal"])
def test_triggers(home: Path, what: str) -> None:
    """the same by whoever has the database but may not drop triggers -> the database refuses"""
    with closing(sqlite3.connect(home / "triage.db")) as database, pytest.raises(sqlite3.IntegrityError):
        database.execute(what)


def test_no_triggers(home: Path) -> None:
    """the triggers that refuse changes dropped, to change something later -> each is named"""
    with closing(sqlite3.connect(home / "triage.db")) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            database.execute(f"DROP TRIGGER {name}")
    assert damage(home) == [f"trigger {name}: dropped from the database" for name in sorted(names)]


@pytest.mark.parametrize("index", ["study_queue", "study_arrival", "ix_audit_at", "seal_of_row"])
def test_lying_index(home: Path, index: str) -> None:
    """an index without a row, so that worklist or search never shows it though it is there, unchanged -> named"""
    lying_index(home / "triage.db", index, "rowid <> 2")
    assert f"index {index}: does not have what is in its table" in damage(home)


def test_planted_index(home: Path) -> None:
    """an index of their own that is said to have all that waits, and has none of it -> named"""
    with closing(sqlite3.connect(home / "triage.db")) as database:
        database.execute("CREATE INDEX planted ON study (band) WHERE waiting = 1 AND band > 99")
    assert damage(home) == ["index planted: not made by this product"]


def test_own_seals(home: Path) -> None:
    """an edit sealed anew with a key of the stranger's own -> found"""
    import hashlib
    import hmac

    edited(home, "UPDATE reading SET finding = 'notumor'")
    before = "0" * 64
    with closing(sqlite3.connect(home / "triage.db")) as database, without_triggers(database):
        for number, at, what, key, digest in database.execute(
            "SELECT number, at, what, key, digest FROM seal"
        ).fetchall():
            message = "\n".join((str(number), at.replace(" ", "T") + "+00:00", what, key, digest, before))
            before = hmac.new(b"guessed", message.encode(), hashlib.sha256).hexdigest()
            database.execute("UPDATE seal SET mac = ? WHERE number = ?", [before, number])
    assert damage(home)


def test_own_key(home: Path) -> None:
    """the key replaced by another one -> the record is not opened"""
    key = home / "keys" / "record.key"
    key.chmod(0o600)
    key.write_text("ab" * 32)
    assert damage(home)


def test_no_key(home: Path) -> None:
    """the key deleted, so that a new one is made -> the record is not opened"""
    (home / "keys" / "record.key").unlink()
    assert damage(home)


def test_everything_sealed_anew(home: Path) -> None:
    """all seals deleted, so that the record is sealed anew as if it were of an earlier version -> found"""
    edited(home, "UPDATE reading SET finding = 'notumor'", "DELETE FROM seal")
    assert damage(home)


def test_no_anchors(home: Path) -> None:
    """the anchors deleted -> found"""
    shutil.rmtree(home / "anchors")
    assert damage(home)


def test_older_record(world: World, home: Path) -> None:
    """an older database put back, to undo what was signed since -> found by the anchors"""
    older = (home / "triage.db").read_bytes()
    store = Store(f"sqlite:///{home / 'triage.db'}")
    store.audit.refused(Counter(["something that happened later"]), actor="door")
    store.anchors.sync()
    store.engine.dispose()
    (home / "triage.db").write_bytes(older)
    assert damage(home)


def test_older_record_with_garbled_anchors(home: Path) -> None:
    """an older database put back, with the later lines of the anchors made unreadable -> found"""
    older = (home / "triage.db").read_bytes()
    store = Store(f"sqlite:///{home / 'triage.db'}")
    store.audit.refused(Counter(["something that happened later"]), actor="door")
    store.anchors.sync()
    last = store.head()
    store.engine.dispose()
    (home / "triage.db").write_bytes(older)
    (file,) = (home / "anchors").glob("*.txt")
    file.write_text(file.read_text().replace(f"{last.number} {last.mac}", "garbled"))
    assert damage(home)


def test_older_record_with_its_anchors(home: Path) -> None:
    """an older database put back together with the anchors of then -> the last verification knew a later seal"""
    older = shutil.copytree(home, home.with_name("older"))
    store = Store(f"sqlite:///{home / 'triage.db'}")
    store.audit.refused(Counter(["something that happened later"]), actor="door")
    store.anchors.sync()
    assert not Watch(store, FileStore(home / "files"), home).verify().damaged
    store.engine.dispose()
    shutil.rmtree(home / "anchors")
    shutil.copytree(older / "anchors", home / "anchors")
    shutil.copy(older / "triage.db", home / "triage.db")
    assert damage(home) == []
    store = Store(f"sqlite:///{home / 'triage.db'}")
    assert Watch(store, FileStore(home / "files"), home).verify().damaged
    store.engine.dispose()


def test_rows_of_another_record(home: Path, tmp_path: Path) -> None:
    """rows and seals of another installation put in the place of ours -> found"""
    other = Store(f"sqlite:///{tmp_path / 'other' / 'triage.db'}")
    for number in range(60):
        other.audit.refused(Counter([f"{number}"]), actor="door")
    other.engine.dispose()
    with closing(sqlite3.connect(home / "triage.db")) as database, without_triggers(database):
        database.commit()
        database.execute("ATTACH ? AS other", [str(tmp_path / "other" / "triage.db")])
        database.execute("INSERT OR REPLACE INTO audit SELECT * FROM other.audit WHERE id > 3")
        database.execute("INSERT OR REPLACE INTO seal SELECT * FROM other.seal WHERE number > 3")
    assert damage(home)


@pytest.mark.parametrize("how", ["deleted", "altered", "emptied", "exchanged"])
def test_file(home: Path, how: str) -> None:
    """a received file deleted, altered by a byte, emptied, exchanged for another one -> found and named"""
    one, other = sorted(path for path in (home / "files").rglob("*") if path.is_file())[:2]
    one.chmod(0o600)
    data = one.read_bytes()
    if how == "deleted":
        one.unlink()
    else:
        one.write_bytes(
            {"altered": data[:-1] + bytes([data[-1] ^ 1]), "emptied": b"", "exchanged": other.read_bytes()}[how]
        )
    assert any(one.name in found for found in damage(home))


def test_signing_without_the_pixels(home: Path) -> None:
    """to confirm a study whose pixels were deleted -> refused, with the name of the file"""
    with closing(Installation(Settings(home=home, worker="separate"))) as installation:
        found = next(one for one in map(installation.store.study, _studies(home)) if not one.readings)
        assert found.result is not None
        entries = Entries(found.result.predicted, comment="seen")
        reading = sign(
            reader="Dr. Ada",
            entries=entries,
            result=found.result,
            earlier=(),
            status=found.status,
            second_read=False,
            now=datetime.now(UTC),
            contents=found.contents,
        )
        assert reading.decision is Decision.CONFIRM
        for path in (home / "files").rglob("*"):
            if path.is_file():
                path.unlink()
        with pytest.raises(NotFoundError, match="missing or was altered"):
            installation.signatures.hold(found.study_id, reading, seen=0)


def _studies(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "triage.db")) as database:
        return [row[0] for row in database.execute("SELECT study_id FROM ai_result")]


def test_planted_trigger(home: Path) -> None:
    """a trigger that keeps views out of the audit trail, so that the product seals a lie -> nothing is stored, named"""
    with closing(sqlite3.connect(home / "triage.db")) as database:
        database.execute(
            "CREATE TRIGGER planted BEFORE INSERT ON audit WHEN NEW.event = 'viewed' BEGIN SELECT RAISE(IGNORE); END"
        )
    assert damage(home) == ["trigger planted: not made by this product"]
    store = Store(f"sqlite:///{home / 'triage.db'}")
    with pytest.raises(StorageError, match="did not keep"):
        store.audit.did(Event.VIEWED, "seen", actor="Dr. Ada")
    store.engine.dispose()


def test_forged_verification(home: Path) -> None:
    """a result of verification that says all is well until 2099 -> not believed, everything is verified anew"""
    with closing(Installation(Settings(home=home, worker="separate"))) as installation:
        found = installation.watch.verify()
        kept = home / RESULT
        kept.write_text(kept.read_text().replace(f"{found.at:%Y-}", "2099-"))
        assert installation.watch.last() is None


def test_forged_draft(home: Path) -> None:
    """a signature of another reader written among those that wait to be stored -> refused, and audited as damage"""
    with closing(sqlite3.connect(home / "triage.db")) as database, database:
        (study,) = database.execute(
            "SELECT id FROM study WHERE id NOT IN (SELECT study_id FROM reading) AND status = 'ranked'"
        ).fetchone()
        signature = {
            "reader": "Dr. Ada",
            "decision": "override",
            "finding": "notumor",
            "reason": "wrong class",
            "comment": "forged",
            "state": "final",
            "signed_at": "2026-01-01T08:00:00+00:00",
            "model_sha256": None,
            "contents": None,
            "role": "first",
            "lesion": "",
            "confidence": None,
            "blind": None,
            "account": None,
            "seen": 0,
            "address": "",
        }
        database.execute(
            "INSERT OR REPLACE INTO draft (study_id, reader, version, seen, entries, saved_at, signature, due_at)"
            " VALUES (?, 'Dr. Ada', 1, 0, ?, '2026-01-01 08:00:00.000000', ?, '2026-01-01 08:00:00.000000')",
            [
                study,
                json.dumps(dict.fromkeys(("finding", "lesion", "confidence", "reason", "comment"), "")),
                json.dumps(signature),
            ],
        )
    assert any("draft" in one for one in damage(home))
    store = Store(f"sqlite:///{home / 'triage.db'}")
    assert store.drafts.settle(datetime.now(UTC)) == 0
    assert store.study(study).readings == ()
    assert store.trail.page(TrailFilter(), 1)[0].event is Event.DAMAGED
    store.engine.dispose()


def test_code_in_the_queue(home: Path, tmp_path: Path) -> None:
    """a pickle that runs code, in the tables of the durable queue -> never read, other studies are ranked"""
    mark = tmp_path / "ran"
    pickle.loads(pickle.dumps(Pickled(mark)))
    mark.unlink()
    first, second = list(phantoms(8))[5:7]
    with closing(Installation(Settings(home=home))) as installation:
        take_in(installation, {"first.png": first.png})
    plant_pickles(home, mark, "none")
    with closing(Installation(Settings(home=home))) as installation:
        take_in(installation, {"second.png": second.png})
    assert not mark.exists()


def test_lost_file_sent_again(world: World) -> None:
    """a received file deleted or altered, then sent again by STOW -> it is mended before 200 is answered"""
    one = next(
        path for path in (world.home / "files").rglob("*") if path.is_file() and b"DICM" in path.read_bytes()[:200]
    )
    data = one.read_bytes()
    for lose in (one.unlink, lambda: (one.chmod(0o600), one.write_bytes(b"other"))):
        lose()
        answer = world.peer("mri").post("/dicom-web/studies", data=body([data]), headers={"Content-Type": KIND})
        assert answer.status_code == 200
        assert one.read_bytes() == data


def test_rights_of_files(world: World) -> None:
    """another user of the machine who reads the home -> folders 0700, files 0600"""
    assert world.home.stat().st_mode & 0o077 == 0
    for path in world.home.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_findings_of_the_record(world: World) -> None:
    """the attempts on the server itself, all together -> its record is whole at the end"""
    assert damage(copied(world.home, world.home.parent / "at-the-end")) == []
