"""What comes when a reader leaves a study, as the form on the review page says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import requests
from dicomweb import Peer
from record_samples import add, result

from triage.domain import Band, Finding, Ranking
from triage.web.onward import onward
from triage.web.reader import COOKIE

READER = "Dr. Äda"


def ask(peer: Peer, study_id: str, **sent: Any) -> requests.Response:
    address = peer.address.replace("/dicom-web", "/reading/") + f"{study_id}/onward"
    body = {"left": [], "since": datetime.now(UTC).isoformat()} | sent
    return requests.post(address, json=body, cookies={COOKIE: quote(READER)}, timeout=60)


@pytest.fixture
def studies(discreet_peer: Peer) -> list[str]:
    """Studies in the reading order: two STAT, then two URGENT."""
    store = discreet_peer.installation.store
    found = []
    for number, (band, glioma) in enumerate(zip("SSUU", (0.91, 0.82, 0.33, 0.24), strict=True), 1):
        found.append(add(store, number))
        ranking = Ranking(Band.STAT if band == "S" else Band.URGENT, f"because of {number}")
        store.results.file(found[-1], replace(result(glioma, numbers=(number,)), ranking=ranking))
    return found


def test_it_says_what_comes_down_the_list_and_that_stat_studies_wait_above(
    discreet_peer: Peer, studies: list[str]
) -> None:
    told = ask(discreet_peer, studies[0]).json()
    assert told["comes"] == "Next down the list: STAT, P(glioma) 0.82"
    assert (told["study"], told["above"]) == (studies[1], "")
    told = ask(discreet_peer, studies[1]).json()
    assert (told["study"], told["comes"]) == (studies[2], "Next down the list: URGENT, P(glioma) 0.33")
    assert told["above"] == "1 STAT study waits above: read it first"
    told = ask(discreet_peer, studies[2]).json()
    assert told["above"] == "2 STAT studies wait above: read the first one now"
    assert told["why"] == "because of 4"

    # What another reader has open does not wait.
    discreet_peer.installation.store.claims.take(studies[0], "Dr. B", datetime.now(UTC))
    assert ask(discreet_peer, studies[2]).json()["above"] == "1 STAT study waits above: read it first"


def test_it_says_when_the_list_begins_again_and_when_it_ends(discreet_peer: Peer, studies: list[str]) -> None:
    told = ask(discreet_peer, studies[3], left=studies[:3]).json()
    assert told["comes"] == "Next, from the top of the list: STAT, P(glioma) 0.91"
    for other in studies[:3]:
        discreet_peer.installation.store.claims.take(other, "Dr. B", datetime.now(UTC))
    told = ask(discreet_peer, studies[3]).json()
    assert (told["study"], told["comes"]) == (None, "No other study is free to be read.")


def test_what_was_ranked_meanwhile_is_said_to_be_new(discreet_peer: Peer, studies: list[str]) -> None:
    told = ask(discreet_peer, studies[3], since="2026-01-01T00:00:00+00:00").json()
    assert told["comes"] == "Next, new since you came here: STAT, P(glioma) 0.91"
    assert told["above"] == "", "the first of them comes next"


def test_before_a_blind_reading_it_keeps_what_the_ai_said(discreet_peer: Peer, studies: list[str]) -> None:
    installation = discreet_peer.installation
    installation.settings = installation.settings.model_copy(update={"blind_first_read": True})
    told = onward(installation, READER, [studies[2]], datetime.now(UTC))
    assert (told["comes"], told["why"]) == ("Next: a study for a blind reading", "")
    assert told["above"] == "", "or a click on it would open a STAT study"
    installation.store.drafts.commit_blind(studies[3], READER, Finding.GLIOMA, seen=0, now=datetime.now(UTC))
    told = onward(installation, READER, [studies[2]], datetime.now(UTC))
    assert told["comes"] == "Next down the list: URGENT, P(glioma) 0.24"
    # It may have been ranked before, and keeps its band.
    installation.store.results.file_not_analysable(add(installation.store, 9), "Damaged slice")
    told = onward(installation, READER, [studies[3]], datetime.now(UTC))
    assert (told["comes"], told["why"]) == ("Next: a study for a blind reading", "")


@pytest.mark.parametrize("sent", [{"left": "x"}, {"left": [1]}, {"since": 3}, {"since": "yesterday"}])
def test_what_no_page_sends_is_refused(discreet_peer: Peer, sent: dict[str, Any]) -> None:
    answer = ask(discreet_peer, "nowhere", **sent)
    assert answer.status_code == 422
    assert "Load the page again" in answer.json()["reason"]
