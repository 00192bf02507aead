"""The retraining on the page of the models, drawn alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import sign_study, take_in, until
from streamlit.testing.v1 import AppTest

from triage.access.person import Person
from triage.access.roles import Role
from triage.learning.retraining import Stage
from triage.phantoms import Phantom
from triage.pipeline import retraining, retraining_child
from triage.pipeline.installation import Installation
from triage.pipeline.retraining_job import State
from triage.ui import state

#: Seconds that a child of the lowest priority may take on a busy machine.
SLOW = 300
#: It says what is in the log before it says how far it is.
WAITS = """
import json, sys, time
from pathlib import Path
out = Path(sys.argv[sys.argv.index("--out") + 1])
work = out.with_name(f".{out.name}.part")
work.mkdir(parents=True, exist_ok=True)
print("Slices with a label: train 9.", flush=True)
part = work / "progress.part"
part.write_text(json.dumps({"stage": "Learning", "done": 0.4, "seconds_left": 125}))
part.replace(work / "progress.json")
while not (out.parent.parent / "go").exists():
    time.sleep(0.05)
work.rename(out)
"""


@pytest.fixture
def installation(installation: Installation, slices: list[Phantom]) -> Installation:
    """An installation with a signed reading."""
    (study_id,) = take_in(installation, {"one.png": slices[0].png})
    sign_study(installation, study_id, slices[0].finding)
    return installation


@pytest.fixture(autouse=True)
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installation: Installation) -> Iterator[Path]:
    """Let a script stand for the retraining; it waits for a file, and ends with the test."""
    script = tmp_path / "child.py"
    script.write_text(WAITS)
    monkeypatch.setattr(retraining_child, "COMMAND", (sys.executable, str(script)))
    yield script
    installation.retrainings.cancel()
    installation.retrainings.wait()


def drawn() -> AppTest:
    def page() -> None:
        from triage.ui import retraining, state

        retraining.show(state.installation())

    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    return app


def heard(installation: Installation, stage: Stage = Stage.LEARNING) -> bool:
    """Whether it is told what the child does."""
    job = installation.retrainings.job()
    assert job is not None
    assert job.active, installation.retrainings.log()
    return job.progress is not None and job.progress.stage is stage


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(one for one in app.button if one.label == label)


def test_it_is_begun_watched_cancelled_and_resumed_until_it_is_a_candidate(installation: Installation) -> None:
    app = drawn()
    assert [one.label for one in app.button] == ["Retrain it now"]
    asked = app.get("popover")[0]
    assert asked.proto.popover.label == "Retrain the model", "one press begins nothing"
    assert "The model that serves stays until somebody promotes the candidate" in asked.markdown[0].value
    # The one glioma signed is of the fifth that is kept for the test, or not: a key of the installation decides.
    assert re.search("lacks 7[23] with a glioma and ", app.caption[1].value)
    button(app, "Retrain it now").click().run()
    # The child is of the lowest priority: beside other tests it may wait for long until it says a first word.
    until(lambda: heard(installation), SLOW)
    app.run()
    assert [one.label for one in app.button] == ["Cancel"]
    assert "Learning · about 2 min left" in app.get("progress")[0].proto.text
    assert "train 9" in app.code[0].value
    button(app, "Cancel").click().run()
    installation.retrainings.wait()
    assert installation.retrainings.job().state is State.CANCELLED
    assert "was cancelled" in app.info[0].value
    (installation.settings.home / "go").touch()
    button(app, "Resume it").click().run()
    installation.retrainings.wait()
    assert "The candidate site-1 is whole" in app.run().success[0].value.replace("\\", "")


def test_what_it_does_before_it_learns_is_said(installation: Installation, child: Path) -> None:
    child.write_text("import time; time.sleep(600)")
    installation.retrainings.begin()
    until(lambda: heard(installation, Stage.LOADING), SLOW)
    assert "Loading the programs for learning" in drawn().get("progress")[0].proto.text


def test_why_it_failed_is_shown(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining_child, "COMMAND", (sys.executable, "-c", "print('The disk is full.') or exit(1)"))
    installation.retrainings.begin()
    installation.retrainings.wait()
    assert "The disk is full" in drawn().error[0].value.replace("\\", "")


def test_who_may_not_retrain_sees_nothing_of_it(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Person("Dr. A", frozenset({Role.RADIOLOGIST}), "1", "s")
    monkeypatch.setattr(state, "person", lambda: reader)
    app = drawn()
    assert not app.button
    assert not app.subheader


def test_what_cannot_begin_is_not_asked_for(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "PACKAGES", ("a_package_that_is_missing",))
    app = drawn()
    (offered,) = app.button
    assert (offered.label, offered.disabled) == ("Retrain the model", True)
    assert "pip install -r requirements-dev.txt" in app.caption[-1].value.replace("\\", "")


def test_who_may_not_any_more_begins_nothing(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose right was taken away while the question stood on the screen."""
    app = drawn()
    monkeypatch.setattr(state, "person", lambda: Person("Dr. A", frozenset({Role.RADIOLOGIST}), "1", "s"))
    button(app, "Retrain it now").click().run()
    assert installation.retrainings.job() is None
    assert "You may not retrain" in app.toast[0].value
