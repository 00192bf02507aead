"""Marks are kept under the reader of the browser, and every refusal says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests
from dicomweb import Peer
from marked_samples import length, marks
from record_samples import NOW, add, reading

from triage.domain import Finding, ReadingState, Role

HERE = f"{1:064x}/0"


@pytest.fixture
def address(discreet_peer: Peer) -> str:
    study_id = add(discreet_peer.installation.store, 1)
    return discreet_peer.address.replace("/dicom-web", f"/viewer/studies/{study_id}/marks")


def ask(address: str, reader: str = "Dr.%20M%C3%BCller", **options: Any) -> requests.Response:
    headers = {"Cookie": f"triage_reader={reader}", "Sec-Fetch-Site": "same-origin"} | options.pop("headers", {})
    answer = requests.request(options.pop("method", "GET"), address, headers=headers, timeout=30, **options)
    assert answer.status_code in (403, 405) or answer.headers["cache-control"] == "no-store"
    return answer


def put(address: str, content: object, version: object = 0, **options: Any) -> requests.Response:
    return ask(address, method="PUT", json={"version": version, "content": content}, **options)


def test_marks_are_kept_under_the_name_of_the_reader(address: str, discreet_peer: Peer) -> None:
    assert ask(address).json() == {"version": 0, "content": marks(), "saved_at": None}
    assert put(address, marks(length(HERE))).json()["version"] == 1
    assert ask(address).json()["content"] == marks(length(HERE))
    assert ask(address, "Dr.%20B").json()["version"] == 0
    study_id = address.split("/")[-2]
    assert discreet_peer.installation.store.marks.draft(study_id, "Dr. Müller").version == 1


def test_marks_of_signed_readings_are_shown_to_whom_the_readings_are(address: str, discreet_peer: Peer) -> None:
    store, study_id = discreet_peer.installation.store, address.split("/")[-2]
    signed = address + "/signed"

    def read(reader: str, **changes: Any) -> None:
        store.readings.sign(
            study_id, replace(reading(reader=reader), **changes), seen=len(store.study(study_id).readings)
        )

    put(address, marks(length(HERE)), reader="Dr.%20A")
    assert ask(signed, "Dr.%20B").json() == {"readings": []}, "a draft is nobody's but its reader's"
    read("Dr. A", state=ReadingState.PRELIMINARY)
    assert ask(signed, "Dr.%20B").json() == {"readings": []}, "a second reader is blind to the first one"
    assert ask(signed, "").json() == {"readings": []}
    put(address, marks(keys=(HERE,)), reader="Dr.%20B")
    read("Dr. B", finding=Finding.MENINGIOMA, role=Role.SECOND, state=ReadingState.PRELIMINARY)
    a = {"reader": "Dr. A", "content": marks(length(HERE))}
    b = {"reader": "Dr. B", "content": marks(keys=(HERE,))}
    assert ask(signed, "Dr.%20B").json() == {"readings": [a]}
    assert ask(signed, "Dr.%20C").json() == {"readings": [a, b]}
    put(address, marks(), version=1, reader="Dr.%20A")
    read("Dr. A", comment="Nothing there.", role=Role.AMENDMENT, state=ReadingState.PRELIMINARY)
    assert ask(signed, "Dr.%20C").json() == {"readings": [b]}, "an amendment without marks has none"
    assert ask(signed.replace(study_id, "nowhere")).status_code == 404
    assert ask(signed, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_another_window_is_told_what_was_kept_meanwhile(address: str) -> None:
    put(address, marks(length(HERE)))
    answer = put(address, marks(), version=0)
    assert (answer.status_code, answer.json()["version"]) == (409, 1)
    assert answer.json()["content"] == marks(length(HERE))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"version": 0}', b'{"version": "0", "content": {}}', b"[" * 100_000, b"\xff\xfe"],
)
def test_what_is_not_understood_is_refused(address: str, body: bytes) -> None:
    answer = ask(address, method="PUT", data=body)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith("again.")


def test_refusals_say_why(address: str) -> None:
    assert "name" in put(address, marks(), reader="").json()["error"]
    assert "does not have" in put(address, marks(length(f"{2:064x}/0"))).json()["error"]
    assert put(address, marks(length(HERE) | {"kind": "<b>"})).status_code == 400
    large = put(address, "x" * (4 * 2**20))
    assert (large.status_code, large.json()["error"]) == (400, "There are too many marks to keep. Undo the last one.")
    nowhere = ask(address.replace(address.split("/")[-2], "nowhere"))
    assert (nowhere.status_code, "worklist" in nowhere.json()["error"]) == (404, True)
    assert ask(address).json()["version"] == 0


def test_while_a_signature_waits_the_browser_keeps_the_marks(address: str, discreet_peer: Peer) -> None:
    drafts, study_id = discreet_peer.installation.store.drafts, address.split("/")[-2]
    drafts.hold(study_id, reading(reader="Dr. Müller"), seen=0, due=NOW)
    answer = put(address, marks(length(HERE)))
    assert (answer.status_code, "stays in this browser" in answer.json()["error"]) == (400, True), (
        "409 is another window"
    )
    drafts.settle(NOW)
    assert put(address, marks(length(HERE))).status_code == 200


def test_other_sites_may_not_ask(address: str) -> None:
    for site in ("cross-site", "same-site"):
        assert ask(address, headers={"Sec-Fetch-Site": site}).status_code == 403
        assert put(address, marks(), headers={"Sec-Fetch-Site": site}).status_code == 403


def test_a_record_that_does_not_answer_is_said(address: str, discreet_peer: Peer) -> None:
    with discreet_peer.installation.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE mark_draft RENAME TO gone")
    answer = put(address, marks())
    assert (answer.status_code, "record does not answer" in answer.json()["error"]) == (503, True)
