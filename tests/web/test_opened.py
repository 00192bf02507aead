"""Decoded studies in memory: decoded once, forgotten in time, beside what was said of their slices."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from triage.domain import Finding, Plane, Series, SeriesHeader, Slice, SliceScores
from triage.errors import NotFoundError, RefusedError
from triage.records import glances
from triage.records.glances import Glances, version_of
from triage.records.keys import Key
from triage.web import opened
from triage.web.opened import Opened, OpenStudies

ROW = (0.7, 0.1, 0.1, 0.1)
BLACK = Slice(np.zeros((8, 8), np.uint8))
WHITE = Slice(np.full((8, 8), 255, np.uint8))


def of(slices: SliceScores | None, *series: Series) -> Opened:
    study: Any = SimpleNamespace(result=slices and SimpleNamespace(slices=slices))
    return Opened(study, "v", series, ({},) * len(series))


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

    def __init__(self, home: Path) -> None:
        self.decoded: list[str] = []
        self.contents = "c"
        self.broken = False
        self.store = self.files = self
        self.glances = Glances(home / "glances", Key(bytes(32)))
        self.file = home / "file"
        self.file.touch()
        self.more = threading.Event()

    def study(self, study_id: str) -> Any:
        instances = [SimpleNamespace(sha256="0")]
        return SimpleNamespace(study_id=study_id, contents=self.contents, result=None, instances=instances)

    def path(self, _: str) -> Path:
        return self.file

    def series(self, study_id: str) -> tuple[Series, ...]:
        self.decoded.append(study_id)
        time.sleep(0.05)
        if self.broken:
            raise RefusedError("damaged")
        if self.more.is_set():
            self.contents = "more"
        return (Series(SeriesHeader(), (WHITE, BLACK, BLACK)),)


@pytest.fixture
def server(tmp_path: Path) -> Any:
    return Server(tmp_path)


@pytest.fixture
def studies(server: Any) -> OpenStudies:
    return OpenStudies(lambda: server)


def test_many_readers_of_one_study_wait_for_one_decoder(server: Any, studies: OpenStudies) -> None:
    threads = [threading.Thread(target=studies.open, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.decoded == ["a"]


def test_a_study_that_failed_is_tried_again(server: Any, studies: OpenStudies) -> None:
    server.broken = True
    for _ in range(2):
        with pytest.raises(RefusedError):
            studies.open("a")
    server.broken = False
    assert studies.open("a").shown == [0]
    assert len(server.decoded) == 3


def test_of_an_older_version_nothing_is_decoded(server: Any, studies: OpenStudies) -> None:
    before = studies.open("a").version
    server.contents = "more"
    assert studies.at_once("a", before, 0, 0), "while it is in memory"
    assert studies.at_once("b", before, 0, 0) is None, "of another study"
    for asked, study in ((studies, "b"), (OpenStudies(lambda: server), "a")):
        with pytest.raises(NotFoundError, match="Reload"):
            asked.decoding(study, before)


def test_files_that_come_while_it_is_decoded_make_another_version(server: Any, studies: OpenStudies) -> None:
    server.more.set()
    with pytest.raises(NotFoundError, match="Reload"):
        studies.open("a")
    assert studies.open("a").version == version_of(server.study("a"))


def test_the_oldest_studies_are_forgotten(monkeypatch: pytest.MonkeyPatch, server: Any, studies: OpenStudies) -> None:
    monkeypatch.setattr(opened, "MAX_KEPT", 2 * 3 * BLACK.pixels.nbytes)
    versions = {name: studies.open(name).version for name in "ab"}
    studies.open("a")
    versions["c"] = studies.open("c").version
    assert [name for name, version in versions.items() if studies.at_once(name, version, 0, 0)] == ["a", "c"]


def test_a_study_known_at_a_glance_opens_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch, server: Any, studies: OpenStudies
) -> None:
    monkeypatch.setattr(glances, "WORTH_KEEPING", 1)
    first = studies.open("a")
    again = OpenStudies(lambda: server)
    opened_at_once = again.open("a")
    assert server.decoded == ["a"]
    assert (opened_at_once.version, opened_at_once.windows) == (first.version, first.windows)
    assert opened_at_once.first == (0, 1)
    middle = again.at_once("a", first.version, 0, 1)
    assert middle is not None
    np.testing.assert_array_equal(middle.pixels, BLACK.pixels)
    assert again.at_once("a", first.version, 0, 0) is None, "that one has to be decoded"
    assert again.decoding("a", first.version).result().series[0].slices[0].pixels.all()
    assert server.decoded == ["a", "a"]
    assert again.at_once("a", first.version, 0, 0)


def test_a_study_whose_file_is_gone_does_not_open_at_a_glance(
    monkeypatch: pytest.MonkeyPatch, server: Any, studies: OpenStudies
) -> None:
    monkeypatch.setattr(glances, "WORTH_KEEPING", 1)
    studies.open("a")
    server.file.unlink()
    server.broken = True
    with pytest.raises(RefusedError):
        OpenStudies(lambda: server).open("a")
