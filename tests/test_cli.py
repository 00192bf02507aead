"""The command line as a user calls it: in a process of its own."""

from __future__ import annotations

import getpass
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import nibabel
import numpy as np
import psutil
import pytest
from drawn import class_folders
from helpers import keep, without_triggers, zipped
from PIL import Image
from record_samples import add, result
from record_samples import reading as signed
from typer.testing import CliRunner

from triage.cli import app
from triage.domain import Finding, StudyStatus
from triage.inference.runtime import Runtime
from triage.learning.dataset import read_dataset
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.reading import Entries, sign
from triage.records.pseudonyms import Pseudonyms
from triage.records.store import Store
from triage.scans.deidentify.pseudonym import Identity
from triage.settings import Settings


def triage(*arguments: object, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "triage", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"TRIAGE_HOME": str(home)} | environment,
        check=False,
    )


def test_score_writes_an_object_a_file_and_touches_no_database(tmp_path: Path, slices: list[Phantom]) -> None:
    folder, out, home = tmp_path / "scans", tmp_path / "out.json", tmp_path / "home"
    (folder / "deeper").mkdir(parents=True)
    (folder / "b.png").write_bytes(slices[0].png)
    (folder / "deeper" / "a.png").write_bytes(slices[1].png)
    (folder / "deeper" / "text.jpg").write_text("no picture")
    missing = tmp_path / "missing.png"
    done = triage("score", folder, missing, "--json", out, home=home)
    assert done.returncode == 0, done.stderr
    answers = {Path(answer["path"]).name: answer for answer in json.loads(out.read_text())}
    assert set(answers) == {"a.png", "b.png", "text.jpg", "missing.png"}
    scored = answers["b.png"]
    study = ["path", "study_uid", "files", "slices", "slices_not_analysable", "slices_between", "set_aside", "status"]
    answer = ["predicted", "prediction_set", "probabilities", "malignancy", "band", "reason", "model"]
    assert list(scored) == study + answer
    assert (scored["study_uid"], scored["files"], scored["slices"]) == ("", 1, 1)
    assert scored["status"] == "scored"
    assert set(scored["probabilities"]) == set(Finding)
    assert abs(sum(scored["probabilities"].values()) - 1) < 1e-4
    assert scored["malignancy"] == scored["probabilities"]["glioma"]
    for name in ("text.jpg", "missing.png"):
        assert answers[name]["status"] == "refused"
        assert answers[name]["predicted"] is None
        assert set(answers[name]["probabilities"].values()) == {None}
        assert answers[name]["reason"]
    assert not home.exists()


def test_score_puts_the_files_of_a_study_together(
    tmp_path: Path, slices: list[Phantom], study_files: dict[str, bytes]
) -> None:
    folder, out = tmp_path / "scans", tmp_path / "out.json"
    (folder / "disc").mkdir(parents=True)
    first, *others = study_files
    (folder / "disc" / first).write_bytes(study_files[first])
    late = {name: study_files[name] for name in others}
    (folder / "more.zip").write_bytes(zipped(late | {"head.png": slices[0].png, "readme.txt": b"hello"}))
    volume = nibabel.Nifti1Image(np.dstack([scan(slices[0].png)] * 3), np.eye(4))
    nibabel.save(volume, folder / "volume.nii.gz")
    done = triage("score", folder, "--json", out, home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    answers = {Path(answer["path"]).name: answer for answer in json.loads(out.read_text())}
    assert set(answers) == {"scans", "head.png", "readme.txt", "volume.nii.gz"}
    study = answers["scans"]
    assert (study["status"], study["files"]) == ("scored", len(study_files))
    # The localiser is set aside; the vertex and the skull base may be unlike anything that the model knows.
    assert study["slices"] + study["slices_not_analysable"] == len(study_files) - 1
    assert study["predicted"] in study["prediction_set"]
    assert study["study_uid"].startswith("1.2.826")
    assert "PHANTOM" not in out.read_text()
    assert answers["readme.txt"]["status"] == "refused"
    assert answers["volume.nii.gz"]["status"] != "refused"


def scan(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize(
    "command",
    [
        ["score", ".", "--json"],
        ["evaluate", "--model", "models/none", "--data", ".", "--json"],
        ["audit-data", ".", "--json"],
        ["audit-data", ".", "--sheet"],
    ],
    ids=" ".join,
)
def test_a_result_that_could_not_be_written_is_not_computed(command: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*command, str(tmp_path / "nowhere" / "result")])
    assert done.exit_code == 2
    assert "does not exist. Create it" in " ".join(done.output.split())


def test_score_without_files_says_what_to_do(tmp_path: Path) -> None:
    for given in (tmp_path, tmp_path / "nowhere"):
        done = triage("score", given, "--json", tmp_path / "out.json", home=tmp_path / "home")
        assert done.returncode == 2
        assert "Name files" in done.stderr


def test_an_error_ends_the_decoding_processes(
    tmp_path: Path, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(psutil.Process().children())
    (tmp_path / "head.png").write_bytes(slices[0].png)
    monkeypatch.setattr(Runtime, "answer", lambda *_: 1 / 0)
    done = CliRunner().invoke(app, ["score", str(tmp_path / "head.png"), "--json", str(tmp_path / "out.json")])
    assert isinstance(done.exception, ZeroDivisionError)
    assert set(psutil.Process().children()) <= before
    assert not (tmp_path / "out.json").exists()


def test_score_refuses_at_once_what_it_could_not_write(tmp_path: Path, slices: list[Phantom]) -> None:
    (tmp_path / "head.png").write_bytes(slices[0].png)
    for out, remedy in ((tmp_path / "nowhere" / "out.json", "Create it"), (tmp_path, "Name a file")):
        done = triage("score", tmp_path / "head.png", "--json", out, home=tmp_path / "home")
        assert done.returncode == 2
        assert remedy in " ".join(done.stderr.split())
        assert "Scoring" not in done.stderr


def test_serve_does_not_start_with_a_model_that_cannot_be_used(tmp_path: Path) -> None:
    done = triage("serve", home=tmp_path, TRIAGE_MODEL=str(tmp_path))
    assert done.returncode == 1
    assert "TRIAGE_MODEL" in done.stderr


def test_an_error_is_shown_as_it_is(tmp_path: Path) -> None:
    """The name of a folder is no markup for the terminal."""
    done = triage("serve", home=tmp_path, TRIAGE_MODEL=str(tmp_path / "[/red] :smile: [link=x]"))
    assert done.returncode == 1
    assert "[/red] :smile: [link=x]" in done.stderr.replace("\n", "")


def test_demo_leaves_an_installation_with_patients_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = Store(Settings(home=home).url)
    add(store, 1)
    store.engine.dispose()
    done = triage("demo", "--count", 1, "--studies", 0, home=home)
    assert done.returncode == 2
    assert "TRIAGE_HOME" in done.stderr
    store = Store(Settings(home=home).url)
    assert len(store.results.pending()) == 1
    store.engine.dispose()


def test_demo_fills_an_installation_and_export_empties_nothing(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "readings.zip"
    done = triage("demo", "--count", 2, "--studies", 1, "--slices", 3, home=home)
    assert done.returncode == 0, done.stderr
    assert "Next: make run" in done.stderr
    installation = Installation(Settings(home=home))
    study = installation.store.study(installation.queue.free("", datetime.now(UTC))[0])
    reading = sign(
        reader="Dr. A",
        entries=Entries(Finding.GLIOMA),
        result=None,
        earlier=(),
        status=StudyStatus.RANKED,
        second_read=False,
        now=datetime.now(UTC),
    )
    assert {row.modality for row in installation.queue.recent(9)} == {"", "MR"}
    installation.store.readings.sign(study.study_id, reading, seen=0)
    installation.close()
    done = triage("export", out, "--reader", "Dr. A", "--originals", home=home)
    assert done.returncode == 0, done.stderr
    (entry,) = read_dataset(out).studies
    assert (entry.study, entry.label) == (study.study_id, Finding.GLIOMA)
    assert "Studies: 1, readings: 1" in done.stderr
    with zipfile.ZipFile(out) as archive:
        originals = [name for name in archive.namelist() if name.startswith("originals/")]
    assert len(originals) == len(study.instances)
    with closing(sqlite3.connect(home / "triage.db")) as database:
        noted = database.execute("SELECT actor, detail FROM audit WHERE event = 'exported'").fetchall()
    said = "data set of readings: 1 studies, not de-identified, with the received files"
    assert noted == [(f"{getpass.getuser()}, command line", said)]
    done = triage("export", tmp_path / "nowhere" / "readings.zip", home=home)
    assert done.returncode == 2
    assert "Create it" in " ".join(done.stderr.split())


def test_second_reads_lists_what_would_teach(tmp_path: Path) -> None:
    store = Store(Settings(home=tmp_path).url, tmp_path)
    study_id = add(store, 1)
    store.results.file(study_id, result(0.9))
    store.readings.sign(study_id, signed(Finding.NOTUMOR), seen=0)
    store.engine.dispose()
    done = triage("second-reads", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{study_id}   2.9  1 read  reader and AI disagree" in done.stderr
    assert "1 studies would teach" in done.stderr


def test_remember_names_the_data_that_is_missing(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", each=1)
    done = triage("remember", Settings().model, "--data", data, "--more", data, home=tmp_path / "home")
    assert done.returncode == 1
    assert "figshare" in done.stderr
    assert "--volumes and --more" in " ".join(done.stderr.split())


def test_reidentify_says_what_a_pseudonym_stands_for(tmp_path: Path) -> None:
    store = Store(Settings(home=tmp_path).url)
    (pseudonym,) = Pseudonyms(store).replace([(Identity.PATIENT, "0815")]).values()
    store.engine.dispose()
    assert triage("reidentify", pseudonym.replacement, home=tmp_path).stdout == "0815\n"
    unknown = triage("reidentify", "NT-NOBODY", home=tmp_path)
    assert unknown.returncode == 1
    assert "Copy all of it" in unknown.stderr


def test_audit_data_prints_and_keeps_its_findings(tmp_path: Path, slices: list[Phantom]) -> None:
    for label, phantom in (("glioma", slices[0]), ("notumor", slices[3])):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(2):
            (tmp_path / "data" / label / f"{number}.png").write_bytes(phantom.png)
    out, sheet = tmp_path / "out.json", tmp_path / "sheet.png"
    done = triage("audit-data", tmp_path / "data", "--json", out, "--sheet", sheet, home=tmp_path)
    assert done.returncode == 0, done.stderr
    findings = json.loads(out.read_text())
    assert (findings["images"], findings["clusters"], len(findings["pairs"])) == (4, 2, 2)
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_check_names_what_does_not_fit_and_cleans_up(tmp_path: Path, slices: list[Phantom]) -> None:
    home = tmp_path / "home"
    installation = Installation(Settings(home=home, worker="separate"))
    sent = [Incoming(f"{number}.png", data=slices[number].png) for number in range(2)]
    receipts = installation.receive(sent, actor="test")
    digests = [installation.store.study(str(one.study_id)).instances[0].sha256 for one in receipts]
    missing, altered = (installation.files.path(sha256) for sha256 in digests)
    orphan = installation.files.path(keep(installation.files, b"orphan"))
    os.utime(orphan, (1, 1))
    installation.close()
    done = triage("check", home=home)
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, "Checked 2 files of 2 studies: all whole.")
    assert "with --clean" in done.stderr
    missing.unlink()
    altered.write_bytes(b"another")
    done = triage("check", "--clean", home=home)
    said = " ".join(done.stderr.split())
    assert done.returncode == 1
    assert "1 orphaned: no study" in said
    assert "1 missing: restore" in said
    assert "1 altered on disk" in said
    assert missing.name in said
    assert altered.name in said
    assert said.startswith("Checked 2 files of 2 studies. ")
    assert "Removed 1 orphaned file and 0 leftovers of uploads." in said
    assert not orphan.exists()
    assert "Nothing to remove." in triage("check", "--clean", home=home).stderr


def test_verify_names_what_was_changed(tmp_path: Path) -> None:
    store = Store(Settings(home=tmp_path).url)
    store.audit.refused(Counter(["damaged"]), actor="door")
    store.engine.dispose()
    whole = triage("verify", home=tmp_path)
    assert whole.returncode == 0, whole.stderr
    assert "the last seal is 2" in whole.stderr
    with closing(sqlite3.connect(tmp_path / "triage.db")) as database, without_triggers(database):
        database.execute("UPDATE audit SET actor = 'somebody'")
    changed = triage("verify", home=tmp_path)
    assert changed.returncode == 1
    assert "audit 1: edited" in changed.stderr


def test_a_model_serves_only_once_it_is_accepted(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", Path(shutil.copytree(Settings().model, tmp_path / "model"))
    assert triage("accept-model", home=home).returncode == 0
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"name": "ours"}))
    refused = triage("serve", home=home, TRIAGE_MODEL=str(folder))
    assert refused.returncode == 1
    assert "accept-model" in refused.stderr
    assert triage("verify", home=home, TRIAGE_MODEL=str(folder)).returncode == 1
    accepted = triage("accept-model", home=home, TRIAGE_MODEL=str(folder))
    assert (accepted.returncode, "Accepted ours" in accepted.stderr) == (0, True)
    assert triage("verify", home=home, TRIAGE_MODEL=str(folder)).returncode == 0


def test_migrate_asks_for_the_owner(tmp_path: Path) -> None:
    done = triage("migrate", home=tmp_path)
    assert done.returncode == 2
    assert "TRIAGE_MIGRATION_URL" in done.stderr


def test_the_runs_of_a_released_model_come_back(tmp_path: Path) -> None:
    """Those of the candidate, as they are in the repository; their names are those of the files of two data sets."""
    models = Settings().model.parent
    done = triage("trials", models / "two-look-v7", "--runs", tmp_path / "runs", home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    results = [json.loads((tmp_path / "runs" / f"fold-{fold}" / "result.json").read_text()) for fold in range(5)]
    assert [result["recipe"] for result in results] == ["two-look-taught"] * 5
    assert [result["classifier"]["epochs"] for result in results] == [22, 22, 21, 19, 18]
    done = triage("trials", models / "two-look-v6.1", "--runs", tmp_path / "others", home=tmp_path / "home")
    assert done.returncode == 1
    assert "holds no cross-validation runs" in done.stderr + done.stdout
