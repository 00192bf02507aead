"""The processes that draw are forked from a process of the test's own: this one has threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from elsewhere import views_of

from triage.settings import ROOT
from triage.training.elsewhere.drawing import view_number
from triage.training.views.two_look_views import PASTED_SHARE

COUNT, SIDE = 60, 64
DRAW = f"""
import sys
from itertools import islice
from pathlib import Path
import numpy as np
from elsewhere import views_of
from triage.training.elsewhere.drawing import Pool
packed, out = map(Path, sys.argv[1:])
views = views_of(packed, {SIDE})
pool = Pool(views, {COUNT}, 3)
allowed = np.arange(len(views.pictures)) % 2 == 0
batches = list(islice(pool.batches(allowed, 4), 20))
pool.wait_for({COUNT} - 1)
np.savez(out, frames=pool.frames, masks=pool.masks, targets=pool.targets, made_of=pool.made_of, batches=batches)
"""
DIE = """
import os, sys
from pathlib import Path
from elsewhere import views_of
from triage.training.elsewhere.drawing import Pool
views = views_of(Path(sys.argv[1]), 64)
views.view = lambda picture, rng: os._exit(9)
Pool(views, 10, 2).wait_for(0)
"""


def run(code: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def pool(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """What three processes have drawn, and the batches of a trial that may see every other picture."""
    out = tmp_path_factory.mktemp("drawing") / "pool.npz"
    done = run(DRAW, packed, out)
    assert done.returncode == 0, done.stderr
    with np.load(out) as stored:
        return dict(stored)


def test_all_processes_draw_one_stream(packed: Path, pool: dict[str, np.ndarray]) -> None:
    views = views_of(packed, SIDE)
    for number in range(COUNT):
        view = view_number(views, number)
        assert np.abs(pool["frames"][number] - view.frame).max() <= 0.5
        assert np.abs(pool["masks"][number] / 255 - view.known_mask(SIDE // 4)).max() <= 0.5 / 255 + 1e-6
        np.testing.assert_array_equal(pool["targets"][number], view.target)
        assert [part for part in pool["made_of"][number] if part >= 0] == list(view.made_of)


def test_a_pasted_lesion_counts_as_its_picture(packed: Path, pool: dict[str, np.ndarray]) -> None:
    views = views_of(packed, SIDE)
    healthy = np.array([picture.healthy for picture in views.pictures])
    pasted = pool["made_of"][pool["made_of"][:, 1] >= 0]
    assert 0 < len(pasted) < 2 * PASTED_SHARE * COUNT
    assert healthy[pasted[:, 0]].all()
    assert not healthy[pasted[:, 1]].any()


def test_a_trial_sees_its_pictures_only_in_the_order_of_the_stream(pool: dict[str, np.ndarray]) -> None:
    made_of = pool["made_of"]
    allowed = [number for number in range(COUNT) if all(part % 2 == 0 for part in made_of[number] if part >= 0)]
    assert 0 < len(allowed) < COUNT
    around = (allowed * 80)[:80]  # after the last view, the first one follows
    assert pool["batches"].ravel().tolist() == around


def test_a_process_that_dies_is_reported(packed: Path) -> None:
    done = run(DIE, packed)
    assert "A process that draws views died" in done.stderr
