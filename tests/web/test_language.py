"""Requests are answered in the language that the browser accepts, or that was chosen in it."""

from __future__ import annotations

import pytest
import requests
from dicomweb import Peer
from record_samples import instance, result

from triage.domain import Resolution, StudyHeader
from triage.records.views import Arrival


def ask(peer: Peer, path: str, accepted: str, chosen: str = "", **options: str) -> requests.Response:
    address = peer.address.replace("/dicom-web", "") + path
    cookies = {"triage_language": chosen} if chosen else {}
    return requests.get(address, headers={"Accept-Language": accepted, **options}, cookies=cookies, timeout=60)


@pytest.mark.parametrize(
    ("accepted", "chosen", "locale"), [("de-AT,en;q=0.5", "", "de-AT"), ("en-US", "de", "de"), ("fr", "", "en")]
)
def test_the_browser_gets_its_messages(peer: Peer, accepted: str, chosen: str, locale: str) -> None:
    answer = ask(peer, "/languages/messages.json", accepted, chosen)
    said = answer.json()
    assert said["locale"] == locale
    assert said["messages"].get("Columns") == ("Spalten" if locale.startswith("de") else None)
    assert said["messages"].get("URGENT") == ("DRINGEND" if locale.startswith("de") else None)
    assert "Cookie" in answer.headers["vary"]
    again = ask(peer, "/languages/messages.json", accepted, chosen, **{"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_messages_change_with_the_language_not_with_the_address(peer: Peer) -> None:
    english = ask(peer, "/languages/messages.json", "en")
    german = ask(peer, "/languages/messages.json", "de", **{"If-None-Match": english.headers["etag"]})
    assert german.status_code == 200


@pytest.mark.parametrize("folder", ["/worklist/modules", "/reading", "/viewer"])
def test_scripts_find_their_messages_beside_them(peer: Peer, folder: str) -> None:
    answer = ask(peer, f"{folder}/t.js", "de")
    assert answer.status_code == 200
    assert "export function t(" in answer.text
    assert answer.headers["content-type"].startswith("text/javascript")


def test_rows_are_told_in_german_and_written_in_english(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    study = store.arrivals.add("Head", [Arrival(instance(1), StudyHeader("1.1"))], actor="door").study_id
    store.results.file(study, result(0.9, numbers=(1,)))
    [row] = ask(discreet_peer, "/worklist/rows", "de").json()["rows"]
    assert (row["ai"], row["finding"], row["band"]) == ("Gliom", "glioma", "STAT")
    assert ask(discreet_peer, "/worklist/rows", "en").json()["rows"][0]["ai"] == "Glioma"
    assert ask(discreet_peer, "/worklist/rows", "de").json()["lists"][0]["label"] == "Alle"
    table = ask(discreet_peer, "/worklist/rows.csv", "de").text
    assert '"Glioma"' in table
    assert 'Gliom"' not in table


def test_what_a_file_says_in_a_reason_stays_as_it_is(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    files = [Arrival(instance(number), StudyHeader("1.1", mrn=mrn)) for number, mrn in ((1, "M1"), (2, "12.5"))]
    first, second = store.arrivals.add("Head", files, actor="door").study_ids
    store.conflicts.resolve(second, Resolution.MERGE, by="Dr. A", reason="compared at the source")
    store.results.file_not_analysable(first, "Damaged slice")
    [row] = ask(discreet_peer, "/worklist/rows", "de").json()["rows"]
    assert row["reason"].startswith("Zusammengeführt mit Bildern, die unter Pat.-ID 12.5 kamen. ")
    table = ask(discreet_peer, "/worklist/rows.csv", "de").text
    assert "Merged with images that came under MRN 12.5. Damaged slice" in table


def test_a_refusal_is_said_in_german(discreet_peer: Peer) -> None:
    arrival = Arrival(instance(1), StudyHeader("1.1"))
    study = discreet_peer.installation.store.arrivals.add("Head", [arrival], actor="door").study_id
    address = discreet_peer.address.replace("/dicom-web", f"/reading/{study}/draft")
    answer = requests.put(address, headers={"Accept-Language": "de"}, json={}, timeout=60)
    assert answer.status_code == 422
    assert answer.json()["reason"].startswith("Geben Sie in der Seitenleiste Ihren Namen ein")


def test_peers_are_answered_in_english(peer: Peer) -> None:
    answer = peer.post(b"no multipart", Content_Type="text/plain", Accept_Language="de")
    assert answer.status_code in (400, 415)
    assert "Senden" not in answer.text
