"""What the form of a reading keeps and is told, over HTTP."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import requests
from dicomweb import Peer
from helpers import sign_study
from marked_samples import length, marks
from record_samples import add, reading, result

from triage.domain import Beyond, Finding, Reading, StudyStatus
from triage.reading import Entries, as_json
from triage.records.audit import Event
from triage.records.trail import TrailFilter
from triage.settings import ROOT
from triage.web.drafts import said, snapshot
from triage.web.reader import COOKIE

READER = "Dr. Äda"
TYPED = as_json(Entries(Finding.MENINGIOMA, comment="dural tail"))


def ask(peer: Peer, method: str, path: str, by: str = READER, **sent: Any) -> requests.Response:
    address = peer.address.replace("/dicom-web", "/reading/") + path
    cookies = {COOKIE: quote(by)} if by else {}
    return requests.request(method, address, json=sent or None, cookies=cookies, timeout=60)


def save(peer: Peer, study_id: str, version: int = 0, **changes: Any) -> requests.Response:
    sent = {"reader": READER, "version": version, "seen": 0, "entries": TYPED} | changes
    return ask(peer, "PUT", f"{study_id}/draft", **sent)


def test_what_is_typed_is_kept_and_told_again(discreet_peer: Peer) -> None:
    study_id = add(discreet_peer.installation.store, 1)
    answer = save(discreet_peer, study_id)
    version = answer.json()["version"]
    told = ask(discreet_peer, "GET", study_id).json()
    assert told["draft"]["entries"] == TYPED
    assert (told["draft"]["version"], told["readings"], told["news"], told["held"]) == (version, 0, [], [])
    assert answer.json()["at"] <= told["at"], "what is asked from then on has it"
    assert abs(told["at"] - datetime.now(UTC).timestamp()) < 30
    assert (told["claim"]["reader"], told["claim"]["mine"]) == (READER, True)
    assert ask(discreet_peer, "GET", study_id, by="Dr. B").json()["draft"] is None


def test_marks_that_are_not_signed_yet_are_told_with_their_time(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    study_id = add(store, 1)
    assert ask(discreet_peer, "GET", study_id).json()["marked_at"] is None
    _, kept = store.marks.save(study_id, READER, marks(length(f"{1:064x}/0")), seen=0)
    assert kept.saved_at is not None
    assert ask(discreet_peer, "GET", study_id).json()["marked_at"] == kept.saved_at.isoformat()
    assert ask(discreet_peer, "GET", study_id, by="Dr. B").json()["marked_at"] is None
    sign_study(discreet_peer.installation, study_id, Finding.GLIOMA, reader=READER)
    assert ask(discreet_peer, "GET", study_id).json()["marked_at"] is None, "signed with the reading"


def test_another_window_is_answered_with_what_is_kept(discreet_peer: Peer) -> None:
    study_id = add(discreet_peer.installation.store, 1)
    save(discreet_peer, study_id)
    answer = save(discreet_peer, study_id, entries=TYPED | {"comment": "other"}).json()
    assert "another window" in answer["conflict"]
    assert answer["draft"]["entries"] == TYPED


def test_a_browser_that_goes_to_another_page_ends_the_claim_but_not_that_of_a_draft(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    left, begun = add(store, 1), add(store, 2)
    store.claims.take(left, READER, datetime.now(UTC))
    save(discreet_peer, begun)
    for study_id in (left, begun):
        ask(discreet_peer, "DELETE", f"{study_id}/claim", by="Dr. B")
        assert store.claims.holder(study_id, datetime.now(UTC)) is not None, "it is another one's"
        assert ask(discreet_peer, "DELETE", f"{study_id}/claim").status_code == 200
    assert store.claims.holder(left, datetime.now(UTC)) is None
    assert store.claims.holder(begun, datetime.now(UTC)) is not None
    assert ask(discreet_peer, "DELETE", "nowhere/claim").status_code == 200


@pytest.mark.parametrize(
    ("changes", "reader", "remedy"),
    [
        ({}, "", "Enter your name"),
        ({"reader": "Dr. B"}, READER, "Load the page again"),
        ({"entries": [1]}, READER, "Load the page again"),
        ({"version": "1"}, READER, "Load the page again"),
        ({"entries": {"finding": "cat"}}, READER, "Load the page again"),
    ],
)
def test_what_cannot_be_kept_is_said(discreet_peer: Peer, changes: Any, reader: str, remedy: str) -> None:
    study_id = add(discreet_peer.installation.store, 1)
    sent = {"reader": READER, "version": 0, "seen": 0, "entries": TYPED} | changes
    answer = ask(discreet_peer, "PUT", f"{study_id}/draft", by=reader, **sent)
    assert answer.status_code == 422
    assert remedy in answer.json()["reason"]


def test_an_unknown_study_is_said(discreet_peer: Peer) -> None:
    assert ask(discreet_peer, "GET", "nowhere").status_code == 404
    assert save(discreet_peer, "nowhere").status_code == 404


def test_what_somebody_else_signed_is_news_beside_the_draft(discreet_peer: Peer) -> None:
    installation = discreet_peer.installation
    study_id = add(installation.store, 1)
    save(discreet_peer, study_id)
    sign_study(installation, study_id, Finding.NOTUMOR, reader="Dr. B", comment="clear")
    told = ask(discreet_peer, "GET", study_id).json()
    (news,) = told["news"]
    assert (news["reader"], news["said"], news["comment"]) == ("Dr. B", "No tumour", "clear")
    assert told["draft"]["entries"] == TYPED
    installation.store.drafts.catch_up(study_id, READER, 1)
    assert ask(discreet_peer, "GET", study_id).json()["news"] == []


def test_a_signature_that_is_filed_at_that_moment_is_never_told_as_gone(
    discreet_peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, now = discreet_peer.installation.store, datetime.now(UTC)
    study_id, of = add(store, 1), store.readings.of
    save(discreet_peer, study_id)
    unaided = replace(reading(reader=READER), signed_at=now)
    store.drafts.hold(study_id, unaided, seen=0, due=now)

    def filing(asked: str) -> tuple[StudyStatus, tuple[Reading, ...]]:
        found = of(asked)
        store.drafts.settle(now)
        return found

    monkeypatch.setattr(store.readings, "of", filing)
    told = snapshot(discreet_peer.installation, study_id, READER)
    assert told["draft"] or told["readings"]
    assert len(of(study_id)[1]) == 1


def test_a_second_reader_is_not_told_what_the_first_one_said(discreet_peer: Peer) -> None:
    installation = discreet_peer.installation
    study_id = add(installation.store, 1)
    save(discreet_peer, study_id)
    sign_study(installation, study_id, Finding.GLIOMA, reader="Dr. B", comment="butterfly", second_read=True)
    answer = ask(discreet_peer, "GET", study_id)
    (news,) = answer.json()["news"]
    assert (news["reader"], news["said"], news["comment"]) == ("Dr. B", "", "")
    assert "butterfly" not in answer.text
    assert "lioma" not in answer.text
    sign_study(installation, study_id, Finding.NOTUMOR, reader=READER, second_read=True)
    (news,) = ask(discreet_peer, "GET", study_id).json()["news"]
    assert (news["said"], news["comment"]) == ("Glioma", "butterfly")


def test_a_blind_reader_is_not_told_why_others_overrode_the_ai(discreet_peer: Peer) -> None:
    installation = discreet_peer.installation
    installation.settings = installation.settings.model_copy(update={"blind_first_read": True})
    study_id = add(installation.store, 1)
    installation.store.results.file(study_id, result(0.9))
    save(discreet_peer, study_id)
    sign_study(installation, study_id, Finding.NOTUMOR, reader="Dr. B", comment="clear")
    (news,) = ask(discreet_peer, "GET", study_id).json()["news"]
    assert (news["said"], news["why"]) == ("No tumour", "")
    sent = {"reader": READER, "entries": TYPED, "shown": shown(discreet_peer, study_id)}
    assert ask(discreet_peer, "PUT", f"{study_id}/blind", **sent).status_code == 200
    (news,) = ask(discreet_peer, "GET", study_id).json()["news"]
    assert (news["said"], news["why"]) == ("No tumour", "wrong class")


def test_seen_means_what_was_on_the_screen(discreet_peer: Peer) -> None:
    """Another reading may have come since: it is still news."""
    installation = discreet_peer.installation
    study_id = add(installation.store, 1)
    save(discreet_peer, study_id)
    for name in ("Dr. B", "Dr. C"):
        sign_study(installation, study_id, Finding.NOTUMOR, reader=name, comment="clear")
    told = ask(discreet_peer, "PUT", f"{study_id}/seen", readings=1).json()
    assert [news["reader"] for news in told["news"]] == ["Dr. C"]
    assert told["draft"]["entries"] == TYPED


def shown(peer: Peer, study_id: str) -> dict[str, Any]:
    return asdict(peer.installation.store.study(study_id).shown)


def signature(peer: Peer, study_id: str, version: int) -> dict[str, Any]:
    entries = TYPED | {"reason": "wrong class"}
    return {"reader": READER, "entries": entries, "version": version, "shown": shown(peer, study_id)}


def test_a_window_that_is_a_look_behind_signs_nothing(discreet_peer: Peer) -> None:
    study_id = add(discreet_peer.installation.store, 1)
    first = save(discreet_peer, study_id).json()["version"]
    save(discreet_peer, study_id, first, entries=TYPED | {"comment": "urgent: call the ward"})
    answer = ask(discreet_peer, "PUT", f"{study_id}/signature", **signature(discreet_peer, study_id, first))
    assert (answer.status_code, "Another window" in answer.json()["reason"]) == (409, True)
    told = ask(discreet_peer, "GET", study_id).json()
    assert (told["draft"]["entries"]["comment"], told["held"]) == ("urgent: call the ward", [])


def test_a_refused_signature_is_told_at_other_studies(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    study_id, other = add(store, 1), add(store, 2)
    due = datetime.now(UTC) - timedelta(seconds=1)
    for name in ("Dr. B", READER):
        store.drafts.hold(study_id, reading(reader=name), seen=0, due=due)
    store.drafts.settle(datetime.now(UTC))
    assert ask(discreet_peer, "GET", study_id).json()["refused"] == [], "its own form says so"
    (told,) = ask(discreet_peer, "GET", other).json()["refused"]
    assert (told["study"], bool(told["reason"])) == (study_id, True)
    ask(discreet_peer, "PUT", f"{study_id}/seen", readings=0)
    assert ask(discreet_peer, "GET", other).json()["refused"] == []


def test_a_reading_is_signed_and_waits(discreet_peer: Peer) -> None:
    study_id = add(discreet_peer.installation.store, 1)
    sent = signature(discreet_peer, study_id, 0)
    told = ask(discreet_peer, "PUT", f"{study_id}/signature", **sent)
    assert told.status_code == 200, told.text
    assert [(held["study"], held["said"]) for held in told.json()["held"]] == [(study_id, "Meningioma")]
    again = ask(discreet_peer, "PUT", f"{study_id}/signature", **sent)
    assert (again.status_code, "being signed" in again.json()["reason"]) == (409, True)


def test_a_class_is_committed_and_a_study_taken_over(discreet_peer: Peer) -> None:
    study_id = add(discreet_peer.installation.store, 1)
    sent = {"reader": READER, "entries": TYPED, "shown": shown(discreet_peer, study_id)}
    told = ask(discreet_peer, "PUT", f"{study_id}/blind", **sent).json()
    assert told["draft"]["blind"] == "meningioma"
    discreet_peer.installation.store.claims.take(study_id, "Dr. B", datetime.now(UTC))
    told = ask(discreet_peer, "PUT", f"{study_id}/claim", reader=READER, note="B went home").json()
    assert (told["claim"]["mine"], told["claim"]["note"]) == (True, "B went home")


def test_nobody_signs_what_was_taken_over_until_it_is_taken_back(discreet_peer: Peer) -> None:
    study_id = add(discreet_peer.installation.store, 1)
    version = save(discreet_peer, study_id).json()["version"]
    ask(discreet_peer, "PUT", f"{study_id}/claim", by="Dr. O", reader="Dr. O", note="on call")
    told = ask(discreet_peer, "GET", study_id).json()
    assert (told["claim"]["reader"], told["claim"]["mine"], told["claim"]["note"]) == ("Dr. O", False, "on call")
    sent = signature(discreet_peer, study_id, version)
    answer = ask(discreet_peer, "PUT", f"{study_id}/signature", **sent)
    assert (answer.status_code, "Dr. O has this study open" in answer.json()["reason"]) == (409, True)
    assert ask(discreet_peer, "GET", study_id).json()["held"] == []
    ask(discreet_peer, "PUT", f"{study_id}/claim", reader=READER, note="back again")
    assert ask(discreet_peer, "PUT", f"{study_id}/signature", **sent).status_code == 200


@pytest.mark.parametrize(
    ("path", "changes", "status"),
    [
        ("signature", {"reader": "Dr. B"}, 422),
        ("signature", {"shown": {"readings": 0}}, 422),
        ("signature", {"shown": {"readings": 9, "contents": "", "model": ""}}, 409),
        ("signature", {"entries": None}, 422),
        ("signature", {"version": None}, 422),
        ("blind", {"entries": {"finding": "cat"}}, 422),
        ("claim", {"note": None}, 422),
        ("seen", {"readings": "1"}, 422),
    ],
)
def test_what_does_not_fit_is_not_done(discreet_peer: Peer, path: str, changes: dict[str, Any], status: int) -> None:
    store = discreet_peer.installation.store
    study_id = add(store, 1)
    sent = {"reader": READER, "entries": TYPED, "version": 0, "shown": shown(discreet_peer, study_id)}
    sent |= {"note": "why", "readings": 0}
    answer = ask(discreet_peer, "PUT", f"{study_id}/{path}", **(sent | changes))
    assert answer.status_code == status, answer.text
    assert answer.json()["reason"]
    assert (store.drafts.get(study_id, READER), store.claims.holder(study_id, datetime.now(UTC))) == (None, None)


def test_a_signature_is_taken_back(discreet_peer: Peer) -> None:
    store = discreet_peer.installation.store
    study_id = add(store, 1)
    save(discreet_peer, study_id)
    due = datetime.now(UTC) + timedelta(minutes=1)
    store.drafts.hold(study_id, reading(reader=READER), seen=0, due=due)
    told = ask(discreet_peer, "GET", study_id).json()
    assert [(held["study"], held["said"]) for held in told["held"]] == [(study_id, "Glioma")]
    assert told["draft"]["due_at"] == due.isoformat()
    assert ask(discreet_peer, "DELETE", f"{study_id}/signature", by="Dr. B").status_code == 409
    told = ask(discreet_peer, "DELETE", f"{study_id}/signature").json()
    assert (told["held"], told["draft"]["due_at"], told["draft"]["entries"]) == ([], None, TYPED)


def test_only_who_is_at_work_keeps_a_claim(discreet_peer: Peer) -> None:
    claims, now = discreet_peer.installation.store.claims, datetime.now(UTC)
    study_id = add(discreet_peer.installation.store, 1)
    assert ask(discreet_peer, "POST", study_id).json()["claim"] is None
    before = claims.take(study_id, READER, now - timedelta(minutes=5))
    ask(discreet_peer, "GET", study_id)
    ask(discreet_peer, "POST", study_id, by="Dr. B")
    assert claims.holder(study_id, now) == before
    ask(discreet_peer, "POST", study_id)
    after = claims.holder(study_id, now)
    assert after is not None
    assert (after.since, after.until > before.until) == (before.since, True)


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", "", {}),
        ("POST", "", {}),
        ("PUT", "/draft", {"reader": READER, "version": 0, "seen": 0, "entries": TYPED}),
        ("PUT", "/seen", {"readings": 0}),
        ("PUT", "/signature", {"reader": READER, "entries": TYPED, "version": 0, "shown": {"readings": 0}}),
        ("DELETE", "/signature", {}),
    ],
)
def test_whatever_tells_of_a_study_is_a_view(discreet_peer: Peer, method: str, path: str, sent: dict[str, Any]) -> None:
    store = discreet_peer.installation.store
    study_id = add(store, 1)
    sign_study(discreet_peer.installation, study_id, Finding.NOTUMOR, reader="Dr. B", comment="clear")
    for _ in range(2):
        ask(discreet_peer, method, f"{study_id}{path}", **sent)
    ask(discreet_peer, method, f"nowhere{path}", **sent)
    viewed = store.trail.page(TrailFilter(events=(Event.VIEWED,)), 9)
    assert [(row.actor, row.study_id) for row in viewed] == [(READER, study_id)]


def test_the_modules_of_the_form_are_sent_and_nothing_else(discreet_peer: Peer) -> None:
    for path in (ROOT / "assets" / "reading").glob("*.js"):
        answer = ask(discreet_peer, "GET", f"modules/{path.name}")
        assert (answer.text, answer.headers["content-type"]) == (path.read_text(), "text/javascript; charset=utf-8")
        assert answer.headers["cache-control"] == "no-cache"
    for name in ("none.js", "form.css", "..%2Fremember.js", "..%2f..%2fapp.py"):
        assert ask(discreet_peer, "GET", f"modules/{name}").status_code == 404


def test_a_conclusion_in_words() -> None:
    assert said(reading(Finding.GLIOMA)) == "Glioma"
    assert said(reading(Beyond.NOT_ANALYSABLE)) == "Not analysable / repeat"  # type: ignore[arg-type]
