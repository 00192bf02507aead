"""Somebody who is signed in and wants more than the role allows"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import asdict
from typing import Any

import pytest
import requests
from access_samples import account
from attack.world import COMMENT, PATIENT, Visitor, World

from triage.access.roles import Role
from triage.domain import Finding
from triage.pipeline.installation import Installation
from triage.settings import Settings

#: What would be signed if nothing were in the way, whatever the AI says.
SIGNED = {"finding": "meningioma", "reason": "wrong class", "comment": "seen"}
STUDY = "/reading/{0}", "/viewer/studies/{0}/study.json", "/viewer/studies/{0}/marks"


def audited(world: World, event: str) -> list[str]:
    with closing(sqlite3.connect(world.home / "triage.db")) as database:
        return [row[0] for row in database.execute("SELECT actor FROM audit WHERE event = ?", [event])]


def shown(world: World, study: str) -> dict[str, Any]:
    with closing(Installation(Settings(home=world.home, worker="separate"))) as installation:
        return asdict(installation.store.study(study).shown)


def viewers(world: World, study: str) -> list[str]:
    with closing(sqlite3.connect(world.home / "triage.db")) as database:
        query = "SELECT actor FROM audit WHERE event = 'viewed' AND study_id = ?"
        return [row[0] for row in database.execute(query, [study])]


@pytest.mark.parametrize("login", ["tim", "boss"])
def test_reading(world: World, login: str) -> None:
    """a technician, an administrator: study, draft and marks of a reader, read -> 403"""
    for path in STUDY:
        answer = world.person(login).get(path.format(world.studies[0]))
        assert answer.status_code == 403
        assert COMMENT not in answer.text


@pytest.mark.parametrize("login", ["tim", "boss"])
def test_writing(world: World, login: str) -> None:
    """a technician, an administrator: draft, claim, marks, signature, written -> 403"""
    study, one = world.studies[0], world.person(login)
    body = {"reader": f"Dr. {login.title()}", "version": 0, "seen": 0, "entries": {}}
    assert one.put(f"/reading/{study}/draft", json=body).status_code == 403
    assert one.post(f"/reading/{study}").status_code == 403
    assert one.delete(f"/reading/{study}/signature").status_code == 403
    body |= {"shown": shown(world, study), "note": "mine", "readings": 1}
    for act in ("signature", "blind", "claim", "seen"):
        assert one.put(f"/reading/{study}/{act}", json=body).status_code == 403, act
    assert one.put(f"/viewer/studies/{study}/marks", json={"version": 0, "content": {}}).status_code == 403


def test_table(world: World) -> None:
    """a technician: the worklist as CSV -> 403"""
    assert world.person("tim").get("/worklist/rows.csv").status_code == 403


def test_page_of_another(world: World) -> None:
    """a technician who knows the number of a reader's page, to go on with it when it is cut off -> one of their own"""
    with world.websocket(world.person("ada").secret, max_size=None) as stream:
        number = world.number_of(stream)
        world.drawn(stream, "upload")
    time.sleep(1)  # the server notes that it is closed
    words = ["streamlit", "none", number]
    with world.websocket(world.person("tim").secret, subprotocols=words, max_size=None) as stream:
        assert world.number_of(stream) != number


@pytest.mark.parametrize("number", ["0-ZZ", "0" * 65, "a b", "%2e"])
def test_upload_under_no_number(world: World, number: str) -> None:
    """an upload to one's own page, or another's, under what is no number of a file, to have it kept in memory -> 404"""
    tim = world.person("tim")
    tim.headers["Connection"] = "close"  # the server ends a connection on which it refused a body
    tim.get("/_stcore/health")
    tim.headers["X-Xsrftoken"] = str(tim.cookies.get("_streamlit_xsrf"))
    for login in ("tim", "ada"):
        with world.websocket(world.person(login).secret, max_size=None) as stream:
            address = f"/_stcore/upload_file/{world.number_of(stream)}/{number}"
            assert refused(tim, address) == 404
            assert tim.delete(address).status_code == 404


def refused(one: Visitor, address: str) -> int:
    """Send a file that is refused, until the answer arrives: the end of the connection can come before it."""
    for _ in range(20):
        with suppress(requests.ConnectionError):
            return one.put(address, files={"file": ("a.dcm", b"x")}).status_code
    pytest.fail("There was never an answer.")


def test_upload_page_of_another(world: World) -> None:
    """a technician who knows the number of a reader's upload page: to replace or remove its files -> 404, they stay"""
    head, end = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n', b"\r\n--B--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=B"}

    def held() -> list[bytes]:
        return [path.read_bytes() for path in world.home.glob("incoming-*/*")]

    with world.websocket(world.person("eva").secret, max_size=None) as stream:
        address = f"/_stcore/upload_file/{world.number_of(stream)}/1"
        for name, content, status in (("eva", b"hers", 204), ("tim", b"his", 404)):
            one = world.person(name)
            one.get("/_stcore/health")
            token = {"X-Xsrftoken": str(one.cookies.get("_streamlit_xsrf"))}
            assert one.put(address, data=head + content + end, headers=kind | token).status_code == status
        assert one.delete(address, headers=token).status_code == 404
        assert held() == [b"hers"]


def test_upload(world: World) -> None:
    """an administrator: an upload -> 403"""
    assert world.person("boss").upload().status_code == 403
    assert world.person("ada").upload().status_code != 403


TITLES = {
    "review": "Review",
    "readings": "My readings",
    "conflicts": "Conflicts",
    "insights": "Insights",
    "models": "Models",
    "monitoring": "Monitoring",
    "users": "Users",
    "upload": "Upload",
}


@pytest.mark.parametrize("name", ["review", "readings", "conflicts", "insights", "models", "monitoring", "users"])
def test_pages_of_a_technician(world: World, name: str) -> None:
    """a technician: each page of others, by its address through the websocket -> not drawn, no reading seen"""
    seen = world.page(world.person("tim"), name, f"study={world.studies[0]}")
    assert COMMENT not in str(seen)
    assert TITLES[name] not in {text for kind, text in seen.texts if kind == "heading"}
    assert not [text for _, text in seen.texts if name == "review" and PATIENT in text and "Accession" in text]


@pytest.mark.parametrize("name", ["review", "readings", "upload"])
def test_pages_of_an_administrator(world: World, name: str) -> None:
    """an administrator who is no radiologist: review, readings, upload -> not drawn"""
    assert TITLES[name] not in world.shown(world.person("boss"), name)
    assert COMMENT not in str(world.page(world.person("boss"), name, f"study={world.studies[0]}"))


def test_users(world: World) -> None:
    """a radiologist: the page Users -> not drawn, no account listed"""
    seen = world.page(world.person("eva"), "users")
    assert "Dr. Boss" not in str(seen)
    assert "Dr. Boss" in str(world.page(world.person("boss"), "users"))


def test_name_of_another(world: World) -> None:
    """a draft under another reader's name, by body and by cookie -> refused; nothing of theirs changes"""
    eva, study = world.person("eva"), world.studies[2]
    before = world.person("ada").get(f"/reading/{study}").json()["draft"]
    body = {"reader": "Dr. Ada", "version": 0, "seen": 0, "entries": {"finding": "glioma"}}
    assert eva.put(f"/reading/{study}/draft", json=body).status_code == 422
    with_cookie = {"Cookie": f"triage_session={eva.secret}; triage_reader=Dr.%20Ada"}
    answer = world.visitor().put(f"/reading/{study}/draft", json=body, headers=with_cookie)
    assert answer.status_code == 422
    assert world.person("ada").get(f"/reading/{study}").json()["draft"] == before


def test_signature_of_another(world: World) -> None:
    """to take back the signature of another reader -> it stays"""
    eva, study = world.person("eva"), world.studies[0]
    before = world.person("ada").get(f"/reading/{study}").json()["readings"]
    assert eva.delete(f"/reading/{study}/signature").status_code in (200, 409, 422)
    assert world.person("ada").get(f"/reading/{study}").json()["readings"] == before == 1


def test_signing_as_another(world: World) -> None:
    """to sign under another reader's name -> refused, nothing waits to be signed"""
    study = world.studies[2]
    body = {"reader": "Dr. Ada", "entries": SIGNED, "version": 0, "shown": shown(world, study)}
    answer = world.person("eva").put(f"/reading/{study}/signature", json=body)
    assert answer.status_code == 422
    assert not world.person("ada").get(f"/reading/{study}").json()["held"]
    assert not world.person("eva").get(f"/reading/{study}").json()["held"]


@pytest.mark.parametrize("change", [{"contents": "0" * 64}, {"model": "0" * 64}, {"readings": 9}])
def test_signing_what_was_not_shown(world: World, change: dict[str, Any]) -> None:
    """to sign, or commit, what was never on the screen: other slices, another AI result, readings not seen -> 409"""
    study, ada = world.studies[2], world.person("ada")
    body = {"reader": "Dr. Ada", "entries": SIGNED, "version": 0, "shown": shown(world, study) | change}
    for act in ("blind", "signature"):
        answer = ada.put(f"/reading/{study}/{act}", json=body)
        assert answer.status_code == 409, act
    assert not ada.get(f"/reading/{study}").json()["held"]


def test_signing_blind(blind: World) -> None:
    """a blind reader who signs class after class to hear which one is the AI's -> one answer, nothing waits"""
    study, ada = blind.studies[2], blind.person("ada")
    body = {"reader": "Dr. Ada", "version": 0, "shown": shown(blind, study)}
    answers = [
        ada.put(f"/reading/{study}/signature", json=body | {"entries": {"finding": finding}}) for finding in Finding
    ]
    assert [answer.status_code for answer in answers] == [409] * len(Finding)
    assert len({answer.text for answer in answers}) == 1
    assert "Commit a class first" in answers[0].text
    assert not ada.get(f"/reading/{study}").json()["held"]


def test_looking_by_the_form(world: World) -> None:
    """to be told what another reader signed by the routes of the form alone -> the audit trail has the view"""
    study = world.studies[1]
    body = {"reader": "Dr. Known", "version": 0, "seen": 0, "entries": {}}
    assert world.person("known").put(f"/reading/{study}/draft", json=body).status_code == 200
    assert "Dr. Ada" in world.person("known").get(f"/reading/{study}").text
    assert viewers(world, study).count("Dr. Known") == 1


def test_looking_ahead(world: World) -> None:
    """all slices of a study, each asked for as if the browser loaded it ahead -> the audit trail has the view"""
    study, one, marked = world.studies[1], world.person("target"), {"Triage-Ahead": "1"}
    told = one.get(f"/viewer/studies/{study}/study.json", headers=marked).json()
    for series in told["series"]:
        for at in range(len(series["slices"])):
            one.get(f"{told['address']}/slices/{series['number']}/{at}", headers=marked)
    assert viewers(world, study).count("Dr. Target") == 1


def test_claim_of_another(world: World) -> None:
    """to keep a claim alive that another reader holds -> it stays theirs"""
    ada, eva, study = world.person("ada"), world.person("eva"), world.studies[2]
    body = {"reader": "Dr. Ada", "version": 0, "seen": 0, "entries": {}}
    assert ada.put(f"/reading/{study}/draft", json=body).status_code == 200
    claim = eva.post(f"/reading/{study}").json()["claim"]
    assert (claim["reader"], claim["mine"]) == ("Dr. Ada", False)


def test_first_reading(world: World) -> None:
    """a second reader who asks page and form for what the first one said -> it is kept from them until they sign"""
    eva, study = world.person("eva"), world.studies[0]
    body = {"reader": "Dr. Eva", "version": 0, "seen": 0, "entries": {}}
    assert eva.put(f"/reading/{study}/draft", json=body).status_code == 200
    told = eva.get(f"/reading/{study}").json()
    assert [one["reader"] for one in told["news"]] == ["Dr. Ada"]
    assert COMMENT not in str(told)
    assert COMMENT not in str(world.page(eva, "review", f"study={study}"))
    assert COMMENT in str(world.page(world.person("ada"), "review", f"study={study}"))


def test_roles_in_the_request(world: World) -> None:
    """roles or a name claimed by header, cookie or parameter -> no more than before"""
    tim = world.person("tim")
    for header in ("X-Forwarded-User", "Remote-User", "X-Roles", "X-User"):
        assert (
            tim.get("/worklist/rows.csv?role=administrator&roles=administrator", headers={header: "boss"}).status_code
            == 403
        )
    answer = world.visitor().get(
        "/worklist/rows.csv", headers={"Cookie": f"triage_session={tim.secret}; roles=administrator"}
    )
    assert answer.status_code == 403


def test_role_that_was_taken_away(world: World) -> None:
    """a role that was taken away while its owner is signed in -> gone within seconds"""
    with closing(Installation(Settings(home=world.home, worker="separate"))) as installation:
        moved = account(installation.access, "moved", Role.RADIOLOGIST)
        one = world.enter("moved")
        path = f"/reading/{world.studies[0]}"
        assert one.get(path).status_code == 200
        installation.access.directory.give_roles(moved, [Role.TECHNICIAN], by="test")
    deadline = time.monotonic() + 5
    while one.get(path).status_code != 403:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_refusals_are_noted(world: World) -> None:
    """to try all this without a trace -> each refusal stands in the audit trail under the account's name"""
    world.person("tim").get("/worklist/rows.csv")
    assert "Dr. Tim" in audited(world, "not allowed")


def test_codes_of_another(world: World) -> None:
    """to set one-time codes for an account with a wrong password -> refused, its owner signs in as before"""
    fields = {"key": "JBSWY3DPEHPK3PXP", "password": "wrong", "code": "000000"}
    answer = world.person("eva").post("/account/codes", data=fields, headers={"Origin": world.base})
    assert answer.status_code == 422
    assert world.enter("eva").secret
