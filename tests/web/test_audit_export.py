"""The audit trail as it is taken away: only by administrators, filtered, whole, and without formulas."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from access_samples import PASSWORD, account
from dicomweb import Peer, served
from record_samples import add

from triage.access.roles import Role
from triage.records import audit
from triage.records.audit import Event
from triage.records.trail import TrailFilter
from triage.settings import Settings
from triage.web.audit_export import COLUMNS, query_of

FORMULA = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with served(Settings(home=tmp_path_factory.mktemp("audited") / "home", worker="separate")) as one:
        account(one.installation.access, "boss", Role.ADMINISTRATOR)
        account(one.installation.access, "eva", Role.RADIOLOGIST, Role.TECHNICIAN)
        with one.installation.store.write() as session:
            session.add_all(audit.row("door", Event.REFUSED, None, f"file {number}") for number in range(1_200))
        one.installation.store.audit.refused(Counter([FORMULA]), actor="door\r\n")
        time.sleep(1)  # single-user mode ends within a second
        yield one


@pytest.fixture
def base(peer: Peer) -> str:
    return peer.address.removesuffix("/dicom-web")


def browser(base: str, login: str) -> requests.Session:
    one = requests.Session()
    one.headers["Origin"] = base
    one.post(f"{base}/sign-in", data={"login": login, "password": PASSWORD, "next": "/"}, timeout=60)
    return one


def rows(answer: requests.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("path", ["/trail/rows.csv", "/trail/events.ndjson"])
def test_only_administrators_take_it_away(base: str, path: str, peer: Peer) -> None:
    assert requests.get(base + path, timeout=60).status_code == 401
    assert browser(base, "eva").get(base + path, timeout=60).status_code == 403
    denied = peer.installation.store.trail.page(TrailFilter(events=(Event.DENIED,)), 1)[0]
    assert (denied.actor, denied.address, denied.detail) == ("Dr. Eva", "127.0.0.1", "see the audit trail")
    assert denied.account
    assert browser(base, "boss").get(base + path, timeout=60).status_code == 200


def test_a_table_holds_every_row_and_no_formula(base: str, peer: Peer) -> None:
    found = rows(browser(base, "boss").get(f"{base}/trail/rows.csv", timeout=60))
    assert tuple(found[0]) == COLUMNS
    numbers = [int(one["number"]) for one in found]
    assert numbers == list(range(numbers[0], 0, -1))
    assert (found[0]["what"], found[0]["detail"]) == ("exported", "audit trail as CSV, all of it")
    formula = next(one for one in found if "HYPERLINK" in one["detail"])
    assert formula["detail"] == f"'{FORMULA}"
    assert datetime.fromisoformat(formula["time"]).tzinfo is not None


def test_filters_of_the_page_reach_the_files(base: str, peer: Peer) -> None:
    boss, now = browser(base, "boss"), datetime.now(UTC)
    wanted = TrailFilter(words="file 7", events=(Event.REFUSED,), actor="door", until=now)
    found = rows(boss.get(f"{base}/trail/rows.csv", params=query_of(wanted), timeout=60))
    assert len(found) == len([number for number in range(1_200) if "7" in str(number)])
    nothing = rows(boss.get(f"{base}/trail/rows.csv?words=nowhere", timeout=60))
    assert nothing == []
    study_id = add(peer.installation.store, 1, name="Müller")
    of_it = boss.get(f"{base}/trail/events.ndjson", params={"study": "müller"}, timeout=60)
    (received,) = map(json.loads, of_it.text.splitlines())
    assert received["entity"][0]["what"]["identifier"]["value"] == study_id
    exported = peer.installation.store.trail.page(TrailFilter(events=(Event.EXPORTED,)), 1)[0]
    assert exported.detail == "audit trail as FHIR, filtered by study"


def test_each_line_is_an_audit_event(base: str) -> None:
    answer = browser(base, "boss").get(f"{base}/trail/events.ndjson", timeout=60)
    assert answer.headers["Content-Type"] == "application/fhir+ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) > 1_200
    assert {one["resourceType"] for one in lines} == {"AuditEvent"}
    assert {one["source"]["site"] for one in lines} == {"localhost"}


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=0001-01-01T00:00:00%2B23:59", "events=nothing", "since=9999-12-31T23:59-23:59"]
)
def test_what_is_not_known_is_refused_with_a_sentence(base: str, query: str) -> None:
    answer = browser(base, "boss").get(f"{base}/trail/rows.csv?{query}", timeout=60)
    assert (answer.status_code, "Choose both" in answer.text) == (400, True)


def test_characters_that_nothing_has_are_refused(base: str) -> None:
    answer = browser(base, "boss").get(f"{base}/trail/rows.csv?words=%00&who=%00&study=%00", timeout=60)
    assert answer.status_code == 400


def test_another_site_gets_nothing(base: str) -> None:
    answer = browser(base, "boss").get(f"{base}/trail/rows.csv", headers={"Sec-Fetch-Site": "cross-site"}, timeout=60)
    assert answer.status_code == 403
