"""The trail is whole: everything that a person can do to the record is done here, and each leaves its row.

What pages do runs as they do it, under the person who is signed in; what a browser asks for goes over the network.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests
from access_samples import PASSWORD, account
from dicomweb import TOKEN, Peer, served
from helpers import free_port, until
from web.test_audit_export import browser

from triage.access.person import Person
from triage.access.roles import PeerRight, Right, Role
from triage.domain import Decision, Finding, Reading, ReadingState, ReasonCode
from triage.errors import DeniedError
from triage.phantom_studies import phantom_study
from triage.pipeline import signatures
from triage.pipeline.acting import Acting
from triage.pipeline.spool import Incoming
from triage.pipeline.starts import SERVER, note_start
from triage.records import origin
from triage.records.audit import Event
from triage.records.trail import TrailEntry, TrailFilter
from triage.settings import Settings

#: From where pages are used here; requests come from 127.0.0.1.
DESK = "192.0.2.7"
HERE = "127.0.0.1"


class Pacs(BaseHTTPRequestHandler):
    """A PACS that takes everything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def pacs() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", free_port()), Pacs)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Site:
    """A server with two accounts, ada and boss, and a study that is scored."""

    peer: Peer
    people: dict[str, Person]
    study: str = ""

    @property
    def base(self) -> str:
        return self.peer.address.removesuffix("/dicom-web")

    @contextmanager
    def at_the_desk(self, login: str) -> Iterator[Acting]:
        """Act as a page of this person does."""
        person = self.people[login]
        with origin.coming_from(person.coming_from(DESK)):
            yield Acting(self.peer.installation, person)

    def row(self, event: Event) -> TrailEntry:
        """Return the newest row of an event."""
        return self.peer.installation.store.trail.page(TrailFilter(events=(event,)), 1)[0]

    def check(self, event: Event, login: str, address: str, detail: str = "", *, study: bool = True) -> None:
        row, person = self.row(event), self.people[login]
        assert (row.actor, row.account, row.address) == (person.name, person.account, address), row
        assert detail in row.detail
        assert row.study_id == (self.study if study else ""), row


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("audited") / "home"
    with pacs() as target, served(Settings(home=home, token=TOKEN, stow_target=target)) as peer:
        made = {
            "ada": account(peer.installation.access, "ada", Role.RADIOLOGIST),
            "boss": account(peer.installation.access, "boss", Role.ADMINISTRATOR),
        }
        people = {login: Person(one.name, one.roles, one.id, f"of {login}") for login, one in made.items()}
        time.sleep(1)  # single-user mode ends within a second
        yield Site(peer, people)


def readings_of(site: Site) -> Reading:
    study = site.peer.installation.store.study(site.study)
    person = site.people["ada"]
    assert study.result is not None
    return Reading(
        person.name,
        Decision.OVERRIDE,
        Finding.MENINGIOMA,
        ReasonCode.WRONG_CLASS,
        "seen",
        ReadingState.FINAL,
        datetime.now(UTC),
        study.result.model_sha256,
        contents=study.contents,
        account=person.account,
    )


def test_everything_that_is_done_leaves_its_row(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installation = site.peer.installation
    store = installation.store

    # the sign-in and its failure
    requests.post(
        f"{site.base}/sign-in", data={"login": "ada", "password": "no"}, headers={"Origin": site.base}, timeout=60
    )
    failed = site.row(Event.SIGN_IN_FAILED)
    assert (failed.actor, failed.address, failed.detail) == ("stranger", HERE, "as ada")
    ada, boss = browser(site.base, "ada"), browser(site.base, "boss")
    site.check(Event.SIGNED_IN, "boss", HERE, "with a password", study=False)

    # uploads: what is taken in, and what is refused; they are received in a thread
    with site.at_the_desk("ada") as acting:
        files = [Incoming(name, data=data) for name, data in phantom_study(Finding.GLIOMA, 2)]
        upload = acting.upload([*files, Incoming("no.dcm", data=b"none of DICOM")])
    until(lambda: (found := installation.uploads.progress(upload)) is not None and found.receipts is not None)
    site.study = site.row(Event.RECEIVED).study_id
    site.check(Event.RECEIVED, "ada", DESK)
    site.check(Event.REFUSED, "ada", DESK, study=False)
    assert not installation.wait([site.study], timeout=240)

    # views: one row, however many slices the viewer asks for; what is loaded ahead is told apart
    address = f"{site.base}/viewer/studies/{site.study}"
    described = ada.get(f"{address}/study.json", headers={"Triage-Ahead": "1"}, timeout=60).json()
    site.check(Event.LOADED_AHEAD, "ada", HERE)
    for _ in range(3):
        assert ada.get(f"{address}/study.json", timeout=60).status_code == 200
        (number, at) = described["first"]
        assert ada.get(f"{site.base}{described['address']}/slices/{number}/{at}", timeout=60).status_code == 200
    site.check(Event.VIEWED, "ada", HERE)
    assert len(store.trail.page(TrailFilter(events=(Event.VIEWED,)), 9)) == 1
    with site.at_the_desk("ada") as acting:
        acting.view(site.study)
        store.readings.note_opened(site.study, reader=acting.person.actor)
    site.check(Event.VIEWED, "ada", DESK)
    site.check(Event.OPENED, "ada", DESK)

    # claims
    with site.at_the_desk("ada") as acting:
        now = datetime.now(UTC)
        store.claims.take(site.study, acting.person.name, now)
        site.check(Event.CLAIMED, "ada", DESK)
        store.claims.release(site.study, acting.person.name, now)
        site.check(Event.RELEASED, "ada", DESK)
        store.claims.take_over(site.study, acting.person.name, "mine", now)
        site.check(Event.TAKEN_OVER, "ada", DESK)

    # a blind class, a signature that is taken back, one that is stored later by a thread, an amendment
    with site.at_the_desk("ada") as acting:
        store.drafts.commit_blind(site.study, acting.person.name, Finding.GLIOMA, seen=0, now=datetime.now(UTC))
        site.check(Event.COMMITTED, "ada", DESK)
        installation.signatures.hold(site.study, readings_of(site), seen=0)
    assert ada.delete(f"{site.base}/reading/{site.study}/signature", timeout=60).status_code == 200
    site.check(Event.TAKEN_BACK, "ada", HERE)
    monkeypatch.setattr(installation.signatures, "_undo", signatures.UNDO * 0)
    for seen in range(2):
        with site.at_the_desk("ada"):
            installation.signatures.hold(site.study, readings_of(site), seen=seen)
        until(lambda seen=seen: len(store.readings.of(site.study)[1]) == seen + 1)  # type: ignore[misc]
        site.check(Event.SIGNED, "ada", DESK)

    # exports: reports, data set, worklist, audit trail; and the reports to the PACS
    with site.at_the_desk("ada") as acting:
        acting.export_report(site.study)
        site.check(Event.EXPORTED, "ada", DESK, "report as PDF and FHIR")
        acting.export_report(site.study, dicom=2)
        site.check(Event.EXPORTED, "ada", DESK, "2 report(s) in DICOM")
        acting.export(tmp_path / "own.zip", deidentified=True, progress=lambda *_: None)
        site.check(Event.EXPORTED, "ada", DESK, "data set of readings: 1 studies", study=False)
        assert acting.send(site.study)
        site.check(Event.SENT, "ada", DESK, "report")
    assert ada.get(f"{site.base}/worklist/rows.csv?list=all", timeout=60).status_code == 200
    site.check(Event.EXPORTED, "ada", HERE, "worklist as CSV, 1 studies", study=False)
    assert boss.get(f"{site.base}/trail/rows.csv", timeout=60).status_code == 200
    site.check(Event.EXPORTED, "boss", HERE, "audit trail as CSV", study=False)

    # the audit page, and the verification
    with site.at_the_desk("boss") as acting:
        assert acting.trail(TrailFilter(), 5)
        site.check(Event.TRAIL_SEEN, "boss", DESK, study=False)
        assert not acting.verify(lambda _: None).damaged
        site.check(Event.VERIFIED, "boss", DESK, "as they were", study=False)

    # accounts and tokens
    with site.at_the_desk("boss") as acting:
        directory, by = installation.access.directory, acting.person.name
        directory.add("tim", "Tim", [Role.TECHNICIAN], by=by)
        site.check(Event.ACCOUNT, "boss", DESK, study=False)
        directory.add_token("MRI", [PeerRight.STORE], by=by)
        site.check(Event.TOKEN, "boss", DESK, study=False)
    again = {"old": PASSWORD, "new": "other words in a row", "again": "other words in a row"}
    assert ada.post(f"{site.base}/account/password", data=again, timeout=60).status_code == 200
    site.check(Event.PASSWORD, "ada", HERE, study=False)

    # refusals: on the way in, and at an act
    assert ada.get(f"{site.base}/trail/rows.csv", timeout=60).status_code == 403
    site.check(Event.DENIED, "ada", HERE, "see the audit trail", study=False)
    with site.at_the_desk("boss") as acting, pytest.raises(DeniedError):
        acting.upload(files)
    site.check(Event.DENIED, "boss", DESK, Right.UPLOAD, study=False)

    # peers: the address is there in any case
    assert site.peer.get("studies").status_code == 200
    searched = site.row(Event.SEARCHED)
    assert (searched.actor, searched.address) == (f"dicomweb {HERE}", HERE)

    # the program itself: models and settings
    note_start(store, installation.settings, "card")
    note_start(store, installation.settings.model_copy(update={"second_read": False}), "another card")
    changed, accepted = site.row(Event.SETTINGS), site.row(Event.MODEL)
    assert (changed.actor, changed.detail) == (SERVER, "TRIAGE_SECOND_READ, model that serves")
    assert (accepted.actor, accepted.account, accepted.address) == ("first start", "", "")
    assert site.row(Event.RANKED).address == ""

    # the end
    assert ada.post(f"{site.base}/sign-out", timeout=60).status_code == 200
    site.check(Event.SIGNED_OUT, "ada", HERE, study=False)
