"""Two web processes that start at once on an empty PostgreSQL make the tables once, and both serve."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from triage.records.store import Store
from triage.settings import ROOT

START = """
import sys
from collections import Counter
from pathlib import Path
from triage.pipeline.installation import Installation
from triage.settings import Settings
sys.stdin.readline()
one = Installation(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2]))
one.access.single_user()
one.recover()
one.run()
one.store.audit.refused(Counter(["damaged"]), actor="door")
one.close()
"""


def test_two_processes_on_an_empty_database(postgres: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", START, str(tmp_path / "home"), postgres]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": ROOT, "text": True}
    processes = [subprocess.Popen(command, env=os.environ, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for one in processes:
        one.stdin.write("\n")
        one.stdin.flush()
    said = [one.communicate(timeout=180)[1] for one in processes]
    assert [one.returncode for one in processes] == [0, 0], said
    store = Store(postgres, tmp_path / "home")
    with store.read() as session:
        assert session.scalar(text("SELECT count(*) FROM audit WHERE event = 'refused'")) == 2
        assert session.scalar(text("SELECT count(*) FROM seal WHERE what = 'record'")) == 1
    store.engine.dispose()
