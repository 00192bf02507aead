"""Decoded studies in memory: decoded once, forgotten in time, beside what was said of their slices."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from triage.domain import Finding, Plane, Series, SeriesHeader, Slice, SliceScores
from triage.errors import NotFoundError, RefusedError
from triage.web import opened
from triage.web.opened import Opened, OpenStudies, version_of

ROW = (0.7, 0.1, 0.1, 0.1)
BLACK = Slice(np.zeros((8, 8), np.uint8))


def of(slices: SliceScores | None, *series: Series) -> Opened:
    study: Any = SimpleNamespace(result=slices and SimpleNamespace(slices=slices))
    return Opened(study, "v", series)


def test_a_series_that_an_earlier_release_did_not_know_is_shown_as_not_scored() -> None:
    one = Series(SeriesHeader(), (BLACK,) * 2)
    found = of(SliceScores(0, 0, 0, ((ROW, None),)), one, one)
    assert found.tumour(0) == {0: (0.9, Finding.GLIOMA)}
    assert found.tumour(1) == {}
    assert found.step(1) == 1


def test_scores_of_slices_that_are_stacked_otherwise_now_mark_none() -> None:
    """An earlier release put all passes into one series."""
    found = of(SliceScores(0, 3, 0, ((ROW,) * 4,)), Series(SeriesHeader(), (BLACK,) * 2))
    assert found.first == (0, 1), "the middle"
    assert found.suspicious is None
    assert found.tumour(0) == {}


def test_a_study_without_slices_opens_nowhere() -> None:
    assert of(None, Series(SeriesHeader(), ())).first is None


def test_stacks_of_one_name_are_told_apart() -> None:
    axial, coronal = (SeriesHeader("1.2", description="dyn *", plane=plane) for plane in (Plane.AXIAL, Plane.CORONAL))
    other = SeriesHeader("1.3", 7, plane=Plane.AXIAL)
    found = of(None, *(Series(one, (BLACK,)) for one in (axial, axial, coronal, other)))
    assert [found.label(number) for number in range(4)] == [
        "dyn *, axial (1 of 2)",
        "dyn *, axial (2 of 2)",
        "dyn *, coronal",
        "Series 7",
    ]


class Server:
    """Decodes studies slowly, and counts how often."""

    def __init__(self) -> None:
        self.decoded: list[str] = []
        self.contents = "c"
        self.broken = False
        self.store = self

    def study(self, study_id: str) -> Any:
        return SimpleNamespace(study_id=study_id, contents=self.contents, result=None)

    def series(self, study_id: str) -> tuple[Series, ...]:
        self.decoded.append(study_id)
        time.sleep(0.05)
        if self.broken:
            raise RefusedError("damaged")
        return (Series(SeriesHeader(), (BLACK,)),)


def test_many_readers_of_one_study_wait_for_one_decoder() -> None:
    server: Any = Server()
    studies = OpenStudies(lambda: server)
    threads = [threading.Thread(target=studies.open, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.decoded == ["a"]


def test_a_study_that_failed_is_tried_again() -> None:
    server: Any = Server()
    studies = OpenStudies(lambda: server)
    server.broken = True
    for _ in range(2):
        with pytest.raises(RefusedError):
            studies.open("a")
    server.broken = False
    assert studies.open("a").shown == [0]
    assert len(server.decoded) == 3


def test_of_an_older_version_nothing_is_sent() -> None:
    server: Any = Server()
    studies = OpenStudies(lambda: server)
    before = studies.open("a").version
    assert studies.slices("a", before)
    server.contents = "more"
    assert studies.slices("a", before), "while it is in memory"
    with pytest.raises(NotFoundError, match="Reload"):
        OpenStudies(lambda: server).slices("a", before)
    with pytest.raises(NotFoundError, match="Reload"):
        studies.slices("b", before)


def test_the_oldest_studies_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    server: Any = Server()
    studies = OpenStudies(lambda: server)
    monkeypatch.setattr(opened, "MAX_KEPT", 2 * BLACK.pixels.nbytes)
    versions = {name: studies.open(name).version for name in "ab"}
    studies.open("a")
    versions["c"] = studies.open("c").version
    kept = {name for name, version in versions.items() if studies.known(name, version) is not None}
    assert kept == {"a", "c"}
    assert versions["a"] == version_of(server.study("a"))
