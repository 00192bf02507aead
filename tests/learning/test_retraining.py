from __future__ import annotations

from pathlib import Path

from triage.learning import retraining
from triage.learning.retraining import PROGRESS, Progress, Reporter, Stage, read_progress, work_folder


def test_what_is_made_is_hidden_until_it_has_its_name() -> None:
    assert work_folder(Path("/home/models/site-1")) == Path("/home/models/.site-1.part")


def test_progress_is_written_and_read(tmp_path: Path) -> None:
    assert read_progress(tmp_path) is None
    say = Reporter(tmp_path)
    say(Progress(Stage.READING))
    say(Progress(Stage.READING, 0.01))
    assert read_progress(tmp_path) == Progress(Stage.READING), "at most once a second"
    say(Progress(Stage.LEARNING, 0.5, 60.0))
    assert read_progress(tmp_path) == Progress(Stage.LEARNING, 0.5, 60.0), "a new stage at once"
    (tmp_path / PROGRESS).write_text("{")
    assert read_progress(tmp_path) is None


def test_a_full_disk_does_not_stop_it(tmp_path: Path) -> None:
    Reporter(tmp_path / "gone")(Progress(Stage.READING))
    assert read_progress(tmp_path / "gone") is None
    assert retraining.EVERY > 0
