"""The job around a retraining; a short script stands for the child, so that every state is met in a moment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from candidate_samples import make_candidate
from helpers import sign_study, take_in, until

from triage.access.person import Person
from triage.access.roles import Role
from triage.errors import ConflictError, DeniedError, StorageError
from triage.inference.card import read_card
from triage.learning.retraining import Stage, work_folder
from triage.phantoms import Phantom
from triage.pipeline import retraining, retraining_child, retraining_folder
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.pipeline.retraining import ACTOR, Retrainings
from triage.pipeline.retraining_folder import DATA, LOG, RetrainingFolder
from triage.pipeline.retraining_job import Job, State
from triage.records.audit import Event
from triage.records.trail import TrailFilter

#: Says how far it is, then does what the file `does` in its folder says; `--resume` is noted in the log.
CHILD = """
import json, os, signal, sys, time
from pathlib import Path
out = Path(sys.argv[sys.argv.index("--out") + 1])
does = (out.parent.parent / "does").read_text()
work = out.with_name(f".{out.name}.part")
work.mkdir(parents=True, exist_ok=True)
(work / "config.json").write_text("{}")
print("niceness", os.nice(0), "resumed" if "--resume" in sys.argv else "begun", flush=True)
(work / "progress.json").write_text(json.dumps({"stage": "Learning", "done": 0.5, "seconds_left": 90}))
if does == "wait":
    time.sleep(60)
elif does == "fail":
    sys.exit(print("The export has no labelled slice. Sign more studies.") or 1)
elif does == "die":
    os.kill(os.getpid(), signal.SIGKILL)
work.rename(out)
if does == "late":
    time.sleep(1)
"""


@pytest.fixture
def does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the child be a script, and choose what it does."""
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    monkeypatch.setattr(retraining_child, "COMMAND", (sys.executable, str(script)))
    return lambda what: (tmp_path / "does").write_text(what) and None


@pytest.fixture
def jobs(tmp_path: Path, does: Callable[[str], None]) -> Iterator[Retrainings]:
    does("finish")
    made = opened(tmp_path)
    yield made
    made.cancel()
    made.wait()


def opened(home: Path) -> Retrainings:
    """Return the retrainings of a home as a server that just started has them."""
    return Retrainings(
        home,
        lambda: home / "serving",
        lambda target, said: (target.write_bytes(b"export"), said(3, 4)),
        signed=lambda: not (home / "nothing signed").exists(),
        key=home / "keys" / "record.key",
        note=lambda said: ended(home, said),
    )


def ended(home: Path, said: str) -> None:
    """Stand for the audit trail; it does not take a row while the file `no trail` is there."""
    if (home / "no trail").exists():
        raise StorageError("The database does not answer.")
    with (home / "trail").open("a") as file:
        file.write(f"{said}\n")


def trail(home: Path) -> list[str]:
    return (home / "trail").read_text().splitlines() if (home / "trail").exists() else []


def running(jobs: Retrainings) -> None:
    until(lambda: (job := jobs.job()) is not None and job.progress is not None and job.progress.stage is Stage.LEARNING)


def test_a_retraining_ends_as_a_candidate(jobs: Retrainings, tmp_path: Path) -> None:
    assert jobs.job() is None
    assert jobs.log() == []
    assert jobs.begin().active
    jobs.wait()
    job = jobs.job()
    assert (job.name, job.state, job.said) == ("site-1", State.DONE, "")
    assert (tmp_path / "models" / "site-1").is_dir()
    assert jobs.log() == ["niceness 19 begun"]
    jobs.begin()
    jobs.wait()
    assert jobs.job().name == "site-2", "a name is given once"


def test_a_reader_does_not_wait_for_it_where_linux_shares_time_by_session(
    jobs: Retrainings, does: Callable[[str], None], tmp_path: Path
) -> None:
    group = Path("/proc/self/autogroup")
    if not group.exists():
        pytest.skip("this kernel shares time by process alone")
    before = group.read_text()
    does("wait")
    jobs.begin()
    running(jobs)
    process = json.loads((tmp_path / "retraining" / "job.json").read_text())["process"]
    assert Path(f"/proc/{process}/autogroup").read_text().endswith("nice 19\n")
    assert group.read_text() == before, "the server keeps its own"


def test_only_one_runs_at_a_time(jobs: Retrainings, does: Callable[[str], None], tmp_path: Path) -> None:
    does("wait")
    jobs.begin()
    running(jobs)
    progress = jobs.job().progress
    assert (progress.stage, progress.done, progress.seconds_left) == (Stage.LEARNING, 0.5, 90)
    assert jobs.exported == 0.75
    for other in (jobs, opened(tmp_path)):
        with pytest.raises(ConflictError, match="Wait until it has ended, or cancel it"):
            other.begin()
        with pytest.raises(ConflictError, match="running already"):
            other.resume()


def test_cancelled_it_can_be_resumed(jobs: Retrainings, does: Callable[[str], None], tmp_path: Path) -> None:
    does("wait")
    jobs.begin()
    running(jobs)
    jobs.cancel()
    jobs.wait()
    assert jobs.job().state is State.CANCELLED
    assert not (tmp_path / "models" / "site-1").exists()
    does("finish")
    jobs.resume()
    jobs.wait()
    assert (jobs.job().name, jobs.job().state) == ("site-1", State.DONE)
    assert jobs.log() == ["niceness 19 begun", "niceness 19 resumed"]
    with pytest.raises(ConflictError, match="Begin a new one"):
        jobs.resume()


def test_another_server_finds_it_running_and_can_cancel_it(
    jobs: Retrainings, does: Callable[[str], None], tmp_path: Path
) -> None:
    does("wait")
    jobs.begin()
    running(jobs)
    other = opened(tmp_path)
    assert other.job().progress.done == 0.5
    other.cancel()
    jobs.wait()
    assert other.job().state is jobs.job().state is State.CANCELLED


def test_after_a_kill_a_new_server_resumes_it(jobs: Retrainings, does: Callable[[str], None], tmp_path: Path) -> None:
    does("wait")
    jobs.begin()
    running(jobs)
    # The server is gone: nobody waits for the child, which is killed too.
    kept = (tmp_path / "retraining" / "job.json").read_bytes()
    os.killpg(json.loads(kept)["process"], signal.SIGKILL)
    jobs.wait()
    (tmp_path / "retraining" / "job.json").write_bytes(kept)
    other = opened(tmp_path)
    assert other.job().state is State.FAILED
    assert other.job().said.endswith("Resume it.")
    does("finish")
    other.resume()
    other.wait()
    assert other.job().state is State.DONE


def test_why_it_failed_is_said_in_one_sentence(jobs: Retrainings, does: Callable[[str], None]) -> None:
    does("fail")
    jobs.begin()
    jobs.wait()
    assert jobs.job().state is State.FAILED
    assert jobs.job().said == "The export has no labelled slice. Sign more studies."
    does("die")
    jobs.resume()
    jobs.wait()
    assert "out of memory" in jobs.job().said


def test_what_an_earlier_one_left_is_removed(jobs: Retrainings, does: Callable[[str], None], tmp_path: Path) -> None:
    does("fail")
    jobs.begin()
    jobs.wait()
    left = work_folder(tmp_path / "models" / "site-1")
    assert left.is_dir()
    does("finish")
    jobs.begin()
    jobs.wait()
    assert not left.exists()
    assert jobs.log() == ["niceness 19 begun"]


def test_a_full_disk_is_said_before_anything_begins(jobs: Retrainings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "NEEDED", 2**60)
    with pytest.raises(StorageError, match="Free disk space, then begin again"):
        jobs.begin()
    assert jobs.job() is None


def test_a_server_without_the_packages_says_so(jobs: Retrainings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "PACKAGES", ("json", "no_such_package"))
    with pytest.raises(ConflictError, match=r"needs: no_such_package. Install them"):
        jobs.begin()
    assert jobs.job() is None


def test_a_full_disk_during_the_export_is_said(tmp_path: Path, does: Callable[[str], None]) -> None:
    def full(target: Path, said: Callable[[int, int], None]) -> None:
        raise OSError(28, "No space left on device")

    jobs = Retrainings(
        tmp_path,
        lambda: tmp_path / "serving",
        full,
        signed=lambda: True,
        key=tmp_path / "key",
        note=lambda said: ended(tmp_path, said),
    )
    jobs.begin()
    jobs.wait()
    said = "Not stored: the disk is full. Free disk space, then repeat."
    assert jobs.job().said == said
    assert trail(tmp_path) == [f"failed: candidate site-1 was not made: {said}"]
    assert not (tmp_path / "retraining" / DATA).exists()


def test_without_a_signed_reading_nothing_begins(jobs: Retrainings, tmp_path: Path) -> None:
    (tmp_path / "nothing signed").touch()
    with pytest.raises(ConflictError, match="Sign studies first"):
        jobs.begin()
    assert jobs.job() is None


def test_a_damaged_job_is_none(jobs: Retrainings, tmp_path: Path) -> None:
    jobs.begin()
    jobs.wait()
    (tmp_path / "retraining" / "job.json").write_text("{")
    assert jobs.job() is None
    of_a_library = b"WARNING: All log messages before absl::X\nI0000 00:00:17.5 port.cc:153] on\n"
    (tmp_path / "retraining" / LOG).write_bytes(of_a_library + b"\xff\x1b[31mred\n")
    assert jobs.log() == ["\ufffd[31mred"]


def test_every_end_is_audited_once(jobs: Retrainings, does: Callable[[str], None], tmp_path: Path) -> None:
    does("fail")
    jobs.begin()
    jobs.wait()
    failed = "failed: candidate site-1 was not made: The export has no labelled slice. Sign more studies."
    assert trail(tmp_path) == [failed]
    does("wait")
    jobs.resume()
    running(jobs)
    jobs.cancel()
    jobs.wait()
    assert trail(tmp_path) == [failed], "who cancels is audited by name, see `Acting`"
    does("finish")
    jobs.resume()
    jobs.wait()
    assert all(one.job().state is State.DONE for one in (jobs, opened(tmp_path)))
    assert trail(tmp_path) == [failed, "finished: candidate site-1, whose card cannot be read"]


def test_its_end_names_candidate_and_data_set(
    jobs: Retrainings, does: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_candidate(tmp_path / "elsewhere", "site-1", training={"data_set": {"digest": "d" * 64}})
    shutil.copytree(made, work_folder(tmp_path / "models" / "site-1"))
    monkeypatch.setattr(
        retraining_folder, "work_folder", lambda out: tmp_path / "kept"
    )  # begin removes what an earlier left
    jobs.begin()
    jobs.wait()
    assert trail(tmp_path) == [f"finished: candidate site-1, card {read_card(made).digest}, data set {'d' * 64}"]


def test_the_end_is_audited_by_a_server_that_did_not_begin_it(
    jobs: Retrainings, does: Callable[[str], None], tmp_path: Path
) -> None:
    does("wait")
    jobs.begin()
    running(jobs)
    other = opened(tmp_path)
    other.follow(every=0.05)
    kept = json.loads((tmp_path / "retraining" / "job.json").read_text())
    os.killpg(kept["process"], signal.SIGKILL)
    until(lambda: trail(tmp_path))
    other.close()
    jobs.wait()
    assert len(trail(tmp_path)) == 1, "whoever is first writes it, and nobody else"
    assert trail(tmp_path)[0].startswith("failed: candidate site-1 was not made: It ")


def test_an_end_that_the_trail_did_not_take_is_audited_later(jobs: Retrainings, tmp_path: Path) -> None:
    (tmp_path / "no trail").touch()
    jobs.begin()
    jobs.wait()
    assert jobs.job().state is State.DONE
    (tmp_path / "no trail").unlink()
    opened(tmp_path).job()
    assert len(trail(tmp_path)) == 1


def test_cancelled_too_late_it_is_whole(jobs: Retrainings, does: Callable[[str], None], tmp_path: Path) -> None:
    does("late")
    jobs.begin()
    until(lambda: (tmp_path / "models" / "site-1").is_dir())
    assert jobs.cancel() is None
    jobs.wait()
    assert jobs.job().state is State.DONE
    assert trail(tmp_path) == ["finished: candidate site-1, whose card cannot be read"]


def test_only_administrators_may_and_it_is_audited(
    installation: Installation, does: Callable[[str], None], slices: list[Phantom]
) -> None:
    home = installation.settings.home
    (home / "does").write_text("wait")
    reader = Acting(installation, Person("Dr. A", frozenset({Role.RADIOLOGIST}), "1", "s"))
    for act in (reader.retrain, reader.resume_retraining, reader.cancel_retraining):
        with pytest.raises(DeniedError):
            act()
    chief = Acting(installation, Person("Ada", frozenset({Role.ADMINISTRATOR}), "2", "s"))
    with pytest.raises(ConflictError, match="Nothing is signed yet"):
        chief.retrain()
    (study_id,) = take_in(installation, {"one.png": slices[0].png})
    sign_study(installation, study_id, slices[0].finding)
    chief.retrain()
    running(installation.retrainings)
    chief.cancel_retraining()
    installation.retrainings.wait()
    (home / "does").write_text("finish")
    chief.resume_retraining()
    installation.retrainings.wait()
    rows = installation.store.trail.page(TrailFilter(), 50)
    noted = [(row.actor, row.detail) for row in rows if row.event == Event.RETRAINED]
    serving = installation.settings.model.name
    assert noted == [
        (ACTOR, "finished: candidate site-1, whose card cannot be read"),
        ("Ada", "resumed: retraining of site-1"),
        ("Ada", "cancelled: retraining of site-1"),
        ("Ada", f"begun: site-1 from {serving}"),
    ]
    assert installation.settings.model.is_dir()
    assert time.time() - (home / "retraining" / DATA).stat().st_mtime < 600


def test_cancelled_by_another_server_while_the_child_starts_it_does_not_work(
    jobs: Retrainings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, said = jobs._child, []

    def slowly(*arguments: object) -> object:
        child = start(*arguments)
        canceller.start()
        time.sleep(0.5)
        return child

    canceller = Thread(target=lambda: said.append(opened(tmp_path).cancel()))
    monkeypatch.setattr(jobs, "_child", slowly)
    jobs.begin()
    jobs.wait()
    canceller.join()
    made = (tmp_path / "models" / "site-1").exists()
    assert said[0] is None if made else jobs.job().state is State.CANCELLED
    assert jobs.job().state is (State.DONE if made else State.CANCELLED)


def test_a_child_whose_server_died_before_its_id_was_on_disk_does_not_work(jobs: Retrainings, tmp_path: Path) -> None:
    job = Job("site-1", tmp_path, State.EXPORTING, datetime.now(UTC))
    with jobs._folder.alone() as held:
        child = jobs._child(job, held)
        child.stdin.close()  # as the end of the server does
        assert child.wait() != 0
    assert not (tmp_path / "models" / "site-1").exists()


def test_cancelling_on_a_full_disk_stops_it_and_says_so(
    jobs: Retrainings, does: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    does("wait")
    jobs.begin()
    running(jobs)
    with monkeypatch.context() as patch:
        patch.setattr(RetrainingFolder, "keep", full)
        with pytest.raises(StorageError, match="disk is full"):
            jobs.cancel()
        jobs.wait()
    assert jobs.job().state is State.FAILED


def test_a_begin_that_is_refused_leaves_what_can_be_resumed(
    jobs: Retrainings, does: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    does("fail")
    jobs.begin()
    jobs.wait()
    with monkeypatch.context() as patch:
        patch.setattr(retraining, "NEEDED", 2**60)
        with pytest.raises(StorageError):
            jobs.begin()
    assert (work_folder(tmp_path / "models" / "site-1") / "config.json").is_file()


def test_after_a_damaged_job_it_begins_anew(jobs: Retrainings, does: Callable[[str], None], tmp_path: Path) -> None:
    does("fail")
    jobs.begin()
    jobs.wait()
    (tmp_path / "retraining" / "job.json").write_text("{")
    does("finish")
    jobs.begin()
    jobs.wait()
    assert jobs.log() == ["niceness 19 begun"]
