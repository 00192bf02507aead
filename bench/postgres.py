"""A PostgreSQL server of our own, for benchmarks and tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def installed() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs; None if there is none."""
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = known[-1] if known else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def server(programs: Path, port: int, *options: str) -> Iterator[None]:
    """Start PostgreSQL on the loopback address, with the user "triage"; as root it refuses, so another user does it.

    Parameters
    ----------
    programs
        As `installed` returns it.
    port
        A free port.
    options
        Of the server, such as ``fsync=off``.
    """
    as_user = {"user": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="triage-postgres-", ignore_cleanup_errors=True) as folder:
        if as_user:
            shutil.chown(folder, "postgres")
        data = Path(folder) / "data"
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **as_user}
        subprocess.run([programs / "initdb", "-D", data, "-U", "triage", "--auth=trust", "--no-sync"], **quiet)
        said = " ".join([f"-h 127.0.0.1 -p {port} -k {folder}", *(f"-c {option}" for option in options)])
        subprocess.run(
            [programs / "pg_ctl", "-D", data, "-w", "-l", Path(folder) / "log", "-o", said, "start"], **quiet
        )
        try:
            yield
        finally:
            subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
