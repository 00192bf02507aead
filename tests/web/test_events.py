"""News as they are served: at once, one look for all, without a patient's name, and until the client leaves."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests
from dicomweb import Peer
from record_samples import add, reading, result
from sqlalchemy import event

from triage.domain import StudyHeader
from triage.records.news import News
from triage.records.views import Arrival, Instance
from triage.web.events import AGAIN


class Listener:
    """A page that listens."""

    def __init__(self, peer: Peer, since: str = "", **headers: str) -> None:
        host, port = peer.address.removeprefix("http://").removesuffix("/dicom-web").split(":")
        self.socket = socket.create_connection((host, int(port)))
        sent = "".join(f"{name}: {value}\r\n" for name, value in {"Host": host, **headers}.items())
        self.socket.sendall(f"GET /events?since={since} HTTP/1.1\r\n{sent}\r\n".encode())
        self.events: list[dict[str, object]] = []
        self.numbers: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self.socket.makefile("r", newline="\n"):
            if line.startswith("data: "):
                self.events.append(json.loads(line.removeprefix("data: ")))
            if line.startswith("id: "):
                self.numbers.append(line.removeprefix("id: ").strip())

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.socket.close()


@contextmanager
def listening(peer: Peer, count: int = 1, since: str = "", **headers: str) -> Iterator[list[Listener]]:
    listeners = [Listener(peer, since, **headers) for _ in range(count)]
    time.sleep(1.2)  # the first look is done
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def within(seconds: float, there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_page_hears_of_a_new_stat_within_two_seconds_by_one_look(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    study = add(store, 1)
    looks: list[bool] = []
    event.listen(store.engine, "after_cursor_execute", lambda *call: looks.append("FROM audit" in call[2]))
    with listening(discreet_peer, 12) as pages:
        looks.clear()
        start = time.monotonic()
        store.results.file(study, result())
        within(2, lambda: all(page.events for page in pages))
        assert sum(looks) <= (time.monotonic() - start) / 0.5 + 3, "pages do not look themselves"
    (said,) = pages[0].events
    assert (said["kind"], said["event"], said["study_id"], said["band"]) == ("study", "ranked", study, "STAT")
    assert all(page.events == pages[0].events for page in pages)


def test_claims_and_readings_are_news_and_nobody_is_named(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    header = StudyHeader("1.2", "DOE^JANE", "MRN77", "ACC77")
    with listening(discreet_peer) as (page,):
        added = store.arrivals.add("Doe", [Arrival(Instance("a", "doe.dcm", "DICOM", 1), header)], actor="door")
        store.readings.note_opened(added.study_id, reader="Dr. Ada")
        store.readings.sign(added.study_id, reading(), seen=0)
        within(3, lambda: len(page.events) == 3)
    assert [said["kind"] for said in page.events] == ["study", "claim", "reading"]
    assert not any(word in json.dumps(page.events) for word in ("DOE", "Doe", '"77"', "Ada"))


def test_what_a_page_missed_is_sent_when_it_comes_back(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    with listening(discreet_peer) as (page,):
        add(store, 1)
        within(3, lambda: len(page.events) == 1)
    missed = [add(store, number) for number in (2, 3)]
    with listening(discreet_peer, **{"Last-Event-ID": page.numbers[0]}) as (again,):
        within(3, lambda: len(again.events) == 2)
    assert [said["study_id"] for said in again.events] == missed
    with listening(discreet_peer, **{"Last-Event-ID": "no number"}) as (fresh,):
        assert fresh.events == []


def test_a_page_hears_what_came_between_its_drawing_and_its_listening(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    add(store, 1)
    drawn = News(store.read).latest()
    missed = add(store, 2)
    for _ in range(2):  # also if another page listens already
        with listening(discreet_peer, since=str(drawn)) as (page,):
            within(3, lambda: len(page.events) == 1)
            with listening(discreet_peer, since=str(drawn)) as (another,):
                within(3, lambda: len(another.events) == 1)
    assert page.events[0]["study_id"] == another.events[0]["study_id"] == missed


def test_a_locked_record_delays_news_and_loses_none(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    with listening(discreet_peer) as (page,):
        with store.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("ALTER TABLE audit RENAME TO gone")
        time.sleep(1.5)
        with store.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("ALTER TABLE gone RENAME TO audit")
        study = add(store, 1)
        within(5, lambda: [said["study_id"] for said in page.events] == [study])


def test_nobody_looks_while_nobody_listens(discreet_peer: Peer) -> None:
    looks: list[object] = []
    event.listen(discreet_peer.installation.store.engine, "after_cursor_execute", lambda *call: looks.append(call[2]))
    with listening(discreet_peer, 3):
        assert looks
    time.sleep(1.5)
    looks.clear()
    time.sleep(1.5)
    assert not looks


def test_more_events_than_are_looked_at_again_arrive_once(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    with listening(discreet_peer) as (page,):
        studies = [add(store, number) for number in range(AGAIN + 20)]
        within(20, lambda: len(page.events) >= len(studies))
        time.sleep(1)
    assert [said["study_id"] for said in page.events] == studies


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403)])
def test_another_site_hears_nothing(discreet_peer: Peer, site: str, status: int) -> None:
    address = discreet_peer.address.replace("/dicom-web", "/events")
    assert requests.get(address, headers={"Sec-Fetch-Site": site}, timeout=30).status_code == status
