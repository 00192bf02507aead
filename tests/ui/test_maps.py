"""The overlay on a slice: heat map, outline, both or neither."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import take_in

from triage.domain import Finding
from triage.inference.explain import Method
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.ui import maps
from triage.ui.stack import Stack, open_stack
from triage.ui.viewer import EDGE

WANTED = maps.Controls((0.5, 99.8), Finding.GLIOMA, Method.CAM, "Inferno", 0.4, outline=True)


@pytest.fixture
def stack(installation: Installation, slices: list[Phantom]) -> Stack:
    (study_id,) = take_in(installation, {slices[0].name: slices[0].png})
    return open_stack(installation, installation.store.study(study_id))


def _overlay(installation: Installation, stack: Stack, **wanted: object) -> np.ndarray | None:
    picture = maps.overlay(installation, stack, 0, 0, replace(WANTED, **wanted))
    return None if picture is None else np.asarray(picture)


def test_an_overlay_covers_the_slice_and_shows_what_is_wanted(installation: Installation, stack: Stack) -> None:
    shape = stack.series[0].slices[0].pixels.shape
    both, heat = _overlay(installation, stack), _overlay(installation, stack, outline=False)
    edge = _overlay(installation, stack, finding=None)
    assert both is not None
    assert heat is not None
    assert edge is not None
    assert both.shape == heat.shape == edge.shape == (*shape, 4)
    assert heat[..., 3].max() == pytest.approx(0.4 * 255, abs=1)
    drawn = edge[..., 3] > 0
    assert 0 < drawn.sum() < drawn.size / 20
    assert set(map(tuple, edge[drawn].tolist())) == {EDGE}
    assert (both[drawn] == EDGE).all()
    assert _overlay(installation, stack, finding=None, outline=False) is None


def test_the_heat_map_depends_on_the_class(installation: Installation, stack: Stack) -> None:
    glioma, none = (
        _overlay(installation, stack, finding=finding, outline=False) for finding in (Finding.GLIOMA, Finding.NOTUMOR)
    )
    assert glioma is not None
    assert none is not None
    assert not np.array_equal(glioma, none)
