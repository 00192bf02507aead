"""Whatever is changed behind the back of the record is found and named; nothing is where nothing was changed."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from helpers import keep, without_triggers
from record_samples import NOW, reading, result

from triage.domain import Finding, StudyHeader
from triage.records.chain import Damage
from triage.records.files import FileStore
from triage.records.pseudonyms import Pseudonyms
from triage.records.seals import TABLES
from triage.records.store import Store
from triage.records.verify import Verification
from triage.records.views import Arrival, Instance
from triage.scans.deidentify.pseudonym import Identity
from triage.settings import ROOT

#: Random changes of one run of `test_every_random_change_is_found`.
ROUNDS = int(os.environ.get("TRIAGE_TEST_CHANGES", "25"))


#: Seed of the first one.
FIRST = int(os.environ.get("TRIAGE_TEST_SEED", "0"))


def found(store: Store, files: FileStore | None = None, after: int = 0) -> list[Damage]:
    return [one for step in Verification(store, files).steps(after) for one in step]


def fill(store: Store, files: FileStore) -> None:
    """Write some rows of every kind, with files."""
    for number in range(4):
        digests = [keep(files, f"{number} {part}".encode()) for part in range(2)]
        header = StudyHeader(uid=f"1.{number}", patient_name=f"Family^{number}", mrn=f"M{number}")
        arrivals = [Arrival(Instance(one, f"{one[:4]}.dcm", "DICOM", 3), header) for one in digests]
        study_id = str(store.arrivals.add("head", arrivals, actor="door").study_ids[0])
        study = store.study(study_id)
        judged = replace(result(), contents=study.contents, card="c" * 64)
        store.results.file(study_id, judged)
        signed = replace(reading(), contents=study.contents, signed_at=NOW + timedelta(days=9999))
        store.readings.sign(study_id, signed, seen=0)
        store.readings.sign(study_id, replace(signed, finding=Finding.NOTUMOR), seen=1)
    store.audit.refused(Counter(["damaged"]), actor="door")
    store.models.accept("d" * 64, "net", actor="admin")
    Pseudonyms(store).replace([(Identity.PATIENT, "M1"), (Identity.PATIENT, "M2")])


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small record with everything that is sealed in it, and one of another installation."""
    folder = tmp_path_factory.mktemp("untouched")
    for name in ("ours", "theirs"):
        store = Store(f"sqlite:///{folder / name / 'triage.db'}")
        fill(store, FileStore(folder / name / "files"))
        store.engine.dispose()
    return folder


@pytest.fixture
def home(untouched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(untouched, tmp_path / "copy"))


def check(home: Path) -> list[Damage]:
    store = Store(f"sqlite:///{home / 'ours' / 'triage.db'}")
    try:
        return found(store, FileStore(home / "ours" / "files"))
    finally:
        store.engine.dispose()


def test_nothing_is_found_where_nothing_was_changed(store: Store, tmp_path: Path) -> None:
    files = FileStore(tmp_path / "files")
    assert found(store, files) == []
    fill(store, files)
    assert found(store, files) == []
    assert found(store, after=store.head().number - 3) == []


def test_the_record_can_be_checked_without_this_code(untouched: Path, tmp_path: Path) -> None:
    """The lines that docs/record.md gives, on a record as it is and on one that was cut off."""
    script = (ROOT / "docs" / "record.md").read_text().split("Python alone:")[1].split("## What")[0]
    lines = "\n".join(line[4:] for line in script.splitlines())
    home = Path(shutil.copytree(untouched / "ours", tmp_path / "var"))

    def run() -> int:
        return subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, stderr=subprocess.DEVNULL).returncode

    assert run() == 0
    with closing(sqlite3.connect(home / "triage.db")) as database, without_triggers(database):
        database.execute("DELETE FROM seal WHERE number > 9")
    assert run() == 1


class Intruder:
    """Somebody with the rights of the database's owner, whom no trigger refuses."""

    def __init__(self, home: Path, chance: random.Random) -> None:
        self.home, self.chance = home, chance
        self.database = sqlite3.connect(home / "ours" / "triage.db")

    def rows(self, table: str) -> list[int]:
        return [row for (row,) in self.database.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]

    def any_table(self) -> str:
        return self.chance.choice([name for name in TABLES if self.rows(name)])

    def edit(self, table: str = "") -> None:
        table = table or self.any_table()
        columns = [(row[1], row[2]) for row in self.database.execute(f"PRAGMA table_info({table})")]
        column, kind = self.chance.choice(columns)
        row = self.chance.choice(self.rows(table))
        (old,) = self.database.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", [row]).fetchone()
        self.database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [self.other(old, kind), row])

    def other(self, old: object, kind: str) -> object:
        if old is None:
            return {"DATETIME": "2020-01-01 00:00:00.000000", "DATE": "2020-01-01", "JSON": "[1]"}.get(kind, "1")
        if kind == "DATETIME":
            return str(old).replace("2026", "2025").replace("2053", "2052")
        if kind == "JSON":
            return str(old).replace("0", "1", 1) if "0" in str(old) else json.dumps([str(old)])
        if isinstance(old, int | float):
            return old + self.chance.choice([1, 1000])
        return self.chance.choice([f"{old}x", str(old)[:-1] + "~", "x"])

    def delete(self) -> None:
        table = self.chance.choice([self.any_table(), "seal"])
        self.database.execute(f"DELETE FROM {table} WHERE rowid = ?", [self.chance.choice(self.rows(table))])

    def truncate(self) -> None:
        """Cut off the end: of the seals, of the rows with them, or of everything."""
        count = self.chance.randint(1, len(self.rows("seal")))
        gone = self.database.execute("SELECT what, key FROM seal ORDER BY number DESC LIMIT ?", [count]).fetchall()
        self.database.execute("DELETE FROM seal WHERE number > (SELECT max(number) FROM seal) - ?", [count])
        if self.chance.random() < 0.7:
            for what, key in gone:
                if what in ("audit", "reading", "ai_result", "pseudonym"):
                    self.database.execute(f"DELETE FROM {what} WHERE id = ?", [key])

    def reorder(self) -> None:
        """Exchange the contents of two rows."""
        table = self.chance.choice(["audit", "reading", "ai_result", "seal", "pseudonym"])
        one, other = self.chance.sample(self.rows(table), 2)
        for old, new in ((one, -1), (other, one), (-1, other)):
            self.database.execute(f"UPDATE {table} SET rowid = ? WHERE rowid = ?", [new, old])

    def insert(self) -> None:
        """Copy a signature to another study, or forge a row."""
        forged = self.chance.choice(
            [
                "INSERT INTO audit (at, actor, event, detail) VALUES ('2026-01-01 00:00:00', 'x', 'signed', '')",
                "INSERT INTO reading SELECT 99, (SELECT id FROM study ORDER BY id DESC), 9, reader, decision, finding, "
                "reason, comment, state, signed_at, model_sha256, contents, role, lesion, confidence, blind, account, "
                "meaning, bound FROM reading WHERE id = 1",
                "INSERT INTO seal SELECT max(number) + 1, at, what, key, digest, mac FROM seal",
                f"INSERT INTO model VALUES ('{'e' * 64}', 'evil', '2026-01-01 00:00:00', 'x')",
                "INSERT INTO pseudonym VALUES (99, 'mrn', 'M9', 'NT-1', 0, '2026-01-01 00:00:00')",
            ]
        )
        self.database.execute(forged)

    def splice(self) -> None:
        """Put rows of another installation in the place of ours, or after them."""
        self.database.commit()
        self.database.execute("ATTACH ? AS other", [str(self.home / "theirs" / "triage.db")])
        table = self.chance.choice(["reading", "ai_result", "audit", "seal", "study", "instance"])
        row = self.chance.choice(self.rows(table))
        self.database.execute("PRAGMA foreign_keys = OFF")
        where = "rowid >= ?" if self.chance.random() < 0.5 else "rowid = ?"
        self.database.execute(f"DELETE FROM {table} WHERE {where}", [row])
        self.database.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM other.{table} WHERE {where}", [row])

    def file(self) -> None:
        path = self.chance.choice(sorted(path for path in (self.home / "ours" / "files").rglob("*") if path.is_file()))
        path.chmod(0o600)
        self.chance.choice([path.unlink, lambda: path.write_bytes(b"other"), lambda: path.write_bytes(b"")])()


CHANGES: dict[str, Callable[[Intruder], None]] = {
    "edit": Intruder.edit,
    "edit a seal": lambda intruder: intruder.edit("seal"),
    "delete": Intruder.delete,
    "truncate": Intruder.truncate,
    "reorder": Intruder.reorder,
    "insert": Intruder.insert,
    "splice": Intruder.splice,
    "file": Intruder.file,
}


def changed(home: Path, seed: int) -> str:
    """Make one random change and return what it was; another one is tried if it left everything as it was."""
    chance = random.Random(seed)
    while True:
        before = dump(home)
        name = chance.choice(list(CHANGES))
        intruder = Intruder(home, chance)
        with closing(intruder.database) as database, without_triggers(database):
            database.commit()
            try:
                CHANGES[name](intruder)
                database.commit()
            except sqlite3.IntegrityError:
                database.rollback()
        if dump(home) != before:
            return name


def dump(home: Path) -> list[object]:
    with closing(sqlite3.connect(home / "ours" / "triage.db")) as database:
        rows: list[object] = [
            database.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in (*TABLES, "seal")
        ]
    return rows + [
        (path.name, path.read_bytes()) for path in sorted((home / "ours" / "files").rglob("*")) if path.is_file()
    ]


def test_between_two_steps_nobody_is_kept_waiting(untouched: Path, tmp_path: Path) -> None:
    """The steps are spread over time: one that left a transaction open would keep all others from writing."""
    home = Path(shutil.copytree(untouched, tmp_path / "home"))
    path = home / "ours" / "triage.db"
    store = Store(f"sqlite:///{path}", path.parent)
    steps = 0
    for _ in Verification(store).steps():
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            other.execute("ROLLBACK")
        steps += 1
    assert steps > 5
    store.engine.dispose()


def test_every_random_change_is_found(untouched: Path, tmp_path: Path) -> None:
    missed = []
    for seed in range(FIRST, FIRST + ROUNDS):
        home = Path(shutil.copytree(untouched, tmp_path / str(seed)))
        name = changed(home, seed)
        try:
            damage = check(home)
        except Exception as error:
            if "key" not in str(error):  # the first seal was changed: the record is not opened at all
                raise
            continue
        if not damage:
            missed.append((seed, name))
        shutil.rmtree(home)
    assert missed == []
