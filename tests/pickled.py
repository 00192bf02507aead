"""Pickles that write a file when they are read, planted in the tables of the durable queue."""

from __future__ import annotations

import base64
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path


class Pickled:
    """Writes a file when it is unpickled.

    Parameters
    ----------
    mark
        The file.
    """

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def plant_pickles(home: Path, mark: Path, study_id: str) -> int:
    """Make pickles of the queue's work of a study, and of a row of its own; return how many rows the study had."""
    evil = base64.b64encode(pickle.dumps(Pickled(mark))).decode()
    with closing(sqlite3.connect(home / "work.db")) as database, database:
        database.row_factory = sqlite3.Row
        row = dict(database.execute("SELECT * FROM workflow_status").fetchone())
        changed = database.execute(
            "UPDATE workflow_status SET inputs = ?, output = ?, error = ?, serialization = 'py_pickle',"
            " status = 'ENQUEUED' WHERE workflow_uuid LIKE ?",
            [evil, evil, evil, f"{study_id}.%"],
        ).rowcount
        row |= {"workflow_uuid": "evil.0123456789abcdef.00000000", "status": "ENQUEUED", "deduplication_id": None}
        row |= {"inputs": evil, "output": evil, "error": evil, "serialization": "py_pickle", "completed_at": None}
        row |= {"started_at_epoch_ms": None, "executor_id": None, "recovery_attempts": 0}
        database.execute(
            f"INSERT INTO workflow_status ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
        )
        return changed
