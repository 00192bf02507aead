"""`python -m triage retrain` as a site runs it: a process that really trains, is killed, and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from drawn import head, manifest_set
from helpers import until
from small_models import small_model, small_recipe, small_site

from triage.inference.card import CARD, MODEL_CARD, read_card
from triage.inference.runtime import Runtime
from triage.learning.judgement import JUDGEMENT, read_judgement
from triage.learning.retraining import Stage, read_progress, work_folder
from triage.records.keys import open_key
from triage.settings import ROOT
from triage.training.fit.checkpoints import STATE_FILE

pytestmark = pytest.mark.slow
EPOCHS = 2


@dataclass(frozen=True)
class Command:
    """The command with its options, all but `--resume`."""

    options: tuple[str, ...]
    out: Path

    def begin(self, *more: str) -> subprocess.Popen[str]:
        """Begin it in a process group of its own."""
        # Tests that run in the background ignore SIGINT, and what they start would too.
        command = [
            "env",
            "--default-signal=INT",
            sys.executable,
            "-m",
            "triage",
            "retrain",
            *self.options,
            "--out",
            str(self.out),
            *more,
        ]
        environment = os.environ | {"COLUMNS": "10000", "NO_COLOR": "1", "TERM": "dumb"}
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A small model, an export of twenty drawn studies, and the training set of the model to replay."""
    root = tmp_path_factory.mktemp("site")
    model = small_model(root / "small-v1")
    recipe = small_recipe(root / "brief.toml")
    recipe.write_text(recipe.read_text().replace("steps = 1", "steps = 3"))
    replayed = manifest_set(root / "drawn", each=4)
    key = root / "record.key"
    open_key(key, make=True)
    said = (
        "--record-key",
        key,
        "--model",
        model,
        "--data",
        small_site(root / "readings.zip"),
        "--recipe",
        recipe,
        "--replay",
        replayed,
    )
    return Command(tuple(map(str, said)), root / "site-1")


def stopped(command: Command, number: signal.Signals, *more: str) -> str:
    """Begin, stop it once it has learned something but not all, and return what it said."""
    process = command.begin(*more)
    state = work_folder(command.out) / STATE_FILE
    before = state.stat().st_mtime if state.is_file() else 0.0

    def learned() -> bool:
        assert process.poll() is None, process.communicate()[0]
        progress = read_progress(work_folder(command.out))
        return (
            progress is not None
            and progress.stage is Stage.LEARNING
            and state.is_file()
            and state.stat().st_mtime > before
        )

    until(learned, 300)
    os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=60)
    assert not command.out.exists(), "what was stopped is no candidate"
    assert work_folder(command.out).is_dir()
    return said


def test_killed_and_cancelled_it_leaves_no_candidate_and_resumed_a_whole_one(command: Command, tmp_path: Path) -> None:
    stopped(command, signal.SIGKILL)
    other = Command((*command.options[:-1], str(manifest_set(tmp_path / "other", each=3))), command.out)
    refused, _ = other.begin("--resume").communicate(timeout=120)
    assert "was started with another replay" in refused, "it goes on with the pictures that it began with"
    assert "go on with --resume" in stopped(command, signal.SIGINT, "--resume")
    process = command.begin("--resume")
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    card = read_card(command.out)
    assert "accuracy:" in said
    assert f"card {card.digest}" in said
    assert "No test study in the training" in said, "it is judged in the same run"
    assert not work_folder(command.out).exists()
    assert sum(Runtime(command.out).score(head("glioma", 1)).probabilities.values()) == pytest.approx(1)
    judgement = read_judgement(command.out)
    assert judgement is not None
    assert judgement.candidate == card.digest
    assert judgement.is_sealed(open_key(Path(command.options[1]), make=False).mac)
    assert (command.out / JUDGEMENT).is_file()


def test_its_card_names_what_was_replayed(command: Command) -> None:
    training = json.loads((command.out / CARD).read_text())["training"]
    replayed = {"glioma": 4, "meningioma": 4, "notumor": 4, "pituitary": 4}
    assert training["replayed"] == {"pictures": 16, "by_source": {"br35h": 4, "figshare": 12}, "by_class": replayed}
    assert training["parent"]["name"] == "small-v1"
    assert training["recipe"]["train"]["epochs"] == EPOCHS
    assert "16 pictures (br35h 4, figshare 12) were replayed" in (command.out / MODEL_CARD).read_text()
