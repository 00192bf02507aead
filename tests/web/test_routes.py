"""Which addresses are there, and who may use them."""

from __future__ import annotations

import pytest
import requests
from dicomweb import Peer
from helpers import until
from record_samples import add, result


def health(peer: Peer) -> requests.Response:
    return requests.get(peer.address.replace("/dicom-web", "/health"), timeout=60)


def test_health_counts_the_studies_without_a_score(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    add(store, 1)
    store.results.file(add(store, 2), result(numbers=(2,)))
    answer = health(discreet_peer)
    said = {"status": "ok", "waiting_for_a_score": 1, "record": "not verified yet"}
    assert (answer.status_code, answer.json()) == (200, said)
    discreet_peer.installation.watch.verify()
    assert health(discreet_peer).json()["record"].startswith("damaged")  # the samples have no files


def test_health_says_that_the_record_does_not_answer(discreet_peer: Peer) -> None:
    with discreet_peer.installation.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE study RENAME TO gone")
    answer = health(discreet_peer)
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")


def test_health_never_calls_a_damaged_record_well(discreet_peer: Peer) -> None:
    installation = discreet_peer.installation
    for number in range(30):
        add(installation.store, number)
    path = installation.settings.home / "triage.db"
    whole = path.read_bytes()
    half = len(whole) // 2 // 4096 * 4096
    path.write_bytes(whole[:half] + b"\x55" * 16384 + whole[half + 16384 :])
    installation.store.engine.dispose()
    installation.watch.start()
    until(lambda: health(discreet_peer).json()["status"] != "starting")
    answer = health(discreet_peer)
    assert (answer.status_code, answer.json()["status"]) == (503, "damaged")
    assert "bring back the newest backup" in answer.json()["reason"]


@pytest.mark.parametrize(
    "path",
    [
        "studies",
        "studies/1.2",
        "studies/1.2/metadata",
        "studies/1.2/instances",
        "studies/1.2/series",
        "studies/1.2/series/1.3",
        "studies/1.2/series/1.3/metadata",
        "studies/1.2/series/1.3/instances",
        "studies/1.2/series/1.3/instances/1.4",
        "studies/1.2/series/1.3/instances/1.4/metadata",
    ],
)
def test_dicomweb_is_behind_the_token(peer: Peer, path: str) -> None:
    assert requests.get(f"{peer.address}/{path}", timeout=60).status_code == 401
    # Nothing has these UIDs: searches find nothing, retrieval has nothing to send.
    answer = peer.get(path if "/" in path else f"{path}?StudyInstanceUID=1.2", accept="*/*")
    assert answer.status_code == (404 if path.count("/") % 2 or path.endswith("metadata") else 204)
    assert answer.text == "" or "There is no such study" in answer.text


@pytest.mark.parametrize("path", ["studies/x", "studies/..%2Fetc", f"studies/{'1' * 65}", "patients"])
def test_what_is_no_uid_is_no_address(peer: Peer, path: str) -> None:
    answer = peer.get(path)
    assert (answer.status_code, answer.text) == (404, "Not Found")
