"""A version of NeuroTriage that is measured: this one, or an earlier commit in a worktree, on a home of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

from bench.study import files
from triage.settings import ROOT

#: A study of a whole head in thin slices of 512 x 512, and every so many of them as a series of a protocol.
LARGE, APART, SIDE, EVERY = 200, 0.9, 512, 8
#: Takes a study in and prints its ID; it runs in each version.
TAKE_IN = """
import json, sys
from pathlib import Path
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.settings import Settings

installation, found = Installation(Settings(home=Path(sys.argv[1]))), {}
for folder in sorted(Path(sys.argv[2]).iterdir()):
    incoming = [Incoming(path.name, path=path) for path in sorted(folder.iterdir())]
    receipts = installation.receive(incoming, actor="bench")
    found[folder.name] = str(receipts[0].study_id)
    installation.wait(set(found.values()), timeout=300)
installation.close()
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Version:
    """Where a version lies, and its home."""

    folder: Path
    home: Path

    def take_in(self, studies: Path) -> dict[str, str]:
        """Take studies in, each a folder, and return their IDs by accession number, the name of the folder."""
        command = [sys.executable, "-W", "ignore", "-c", TAKE_IN, str(self.home), str(studies)]
        done = subprocess.run(command, cwd=self.folder, env=self._environment, stdout=subprocess.PIPE, check=True)
        found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return found

    @contextmanager
    def served(self, port: int) -> Iterator[str]:
        """Serve the version while the block runs, and return its address."""
        command = [sys.executable, "-m", "triage", "serve", "--port", str(port)]
        log = self.home / "serve.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=self.folder, env=self._environment, stdout=out, stderr=out)
        address = f"http://localhost:{port}"
        try:
            while True:
                if process.poll() is not None:
                    raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")
                try:
                    urllib.request.urlopen(f"{address}/health", timeout=5)
                    break
                except OSError:
                    time.sleep(0.2)
            yield address
        finally:
            process.terminate()
            process.wait()

    @property
    def _environment(self) -> dict[str, str]:
        # One reader signs alone: the second reading is no part of what is measured.
        return os.environ | {
            "TRIAGE_HOME": str(self.home),
            "TRIAGE_SECOND_READ": "false",
            "PYTHONPATH": str(self.folder),
        }


@contextmanager
def earlier(commit: str, into: Path) -> Iterator[Path | None]:
    """Check a commit out into a folder; None where the history is not there."""
    add = ["git", "worktree", "add", "--quiet", "--detach", str(into), commit]
    if subprocess.run(add, cwd=ROOT, check=False).returncode:
        yield None
        return
    try:
        yield into
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(into)], cwd=ROOT, check=True)


def write_studies(into: Path, large: int, small: int) -> None:
    """Write studies as DICOM files, each of a patient of its own, in a folder named by its accession number."""
    slices = list(files(1, APART, SIDE))
    for number in range(large + small):
        name = f"BENCH{number:02d}"
        (into / name).mkdir(parents=True)
        for file, data in slices if number < large else slices[::EVERY]:
            header = pydicom.dcmread(io.BytesIO(data))
            header.PatientID, header.PatientName, header.AccessionNumber = f"MRN{number}", f"Bench^{number}", name
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                setattr(header, keyword, generate_uid(entropy_srcs=[name, str(header[keyword].value)]))
            header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
            header.save_as(into / name / file, enforce_file_format=True)
