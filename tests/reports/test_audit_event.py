"""The AuditEvent against the rules of FHIR R4, and its codes against those of DICOM."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pydicom.sr._concepts_dict import concepts

from triage.records.audit import Event
from triage.records.trail import TrailEntry
from triage.reports.audit_event import CODES, DCM, MEANINGS, REST, TERMINOLOGY, audit_event

#: Elements of FHIR R4; those that must be there, with an asterisk.
ELEMENTS = {
    "": "*resourceType *id *type subtype *action *recorded *outcome outcomeDesc *agent *source entity",
    "agent": "*type *who *name *requestor network",
    "network": "*address *type",
    "source": "*site *observer *type",
    "entity": "*what *type *role *name",
}
#: Codes of other systems than DICOM that are used.
KNOWN = {
    REST: {"create", "read", "update", "search"},
    f"{TERMINOLOGY}/security-source-type": {"4"},
    f"{TERMINOLOGY}/audit-entity-type": {"2"},
    f"{TERMINOLOGY}/object-role": {"3"},
    f"{TERMINOLOGY}/extra-security-role-type": {"humanuser", "dataprocessor"},
}


def entry(event: Event = Event.VIEWED, **changes: Any) -> TrailEntry:
    at = datetime(2026, 1, 10, 8, 0, 0, 123456, tzinfo=UTC)
    fields = {"actor": "Dr. Ada", "account": "7", "address": "192.0.2.1", "study_id": "ab" * 16, "detail": "why"}
    return TrailEntry(**({"number": 12, "at": at, "event": event} | fields | changes))


def made(one: TrailEntry) -> dict[str, Any]:
    return json.loads(json.dumps(audit_event(one, "https://triage.example", "ab12"), allow_nan=False))


def holds(part: dict[str, Any], name: str) -> None:
    elements = ELEMENTS[name].split()
    assert {one[1:] for one in elements if one[0] == "*"} <= set(part) <= {one.lstrip("*") for one in elements}


def codings(value: Any) -> list[dict[str, str]]:
    if isinstance(value, list):
        return [one for part in value for one in codings(part)]
    if not isinstance(value, dict):
        return []
    return ([value] if "code" in value else []) + [one for part in value.values() for one in codings(part)]


@pytest.mark.parametrize("event", Event)
def test_every_event_keeps_the_rules(event: Event) -> None:
    resource = made(entry(event))
    holds(resource, "")
    (agent,), (entity,) = resource["agent"], resource["entity"]
    holds(agent, "agent")
    holds(agent["network"], "network")
    holds(resource["source"], "source")
    holds(entity, "entity")
    assert resource["action"] in set("CRUDE")
    assert resource["outcome"] in {"0", "4", "8"}
    assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", resource["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", resource["recorded"])
    assert resource["type"]["system"] == DCM
    assert event.value in [one["display"] for one in resource["subtype"]]
    for one in codings(resource):
        assert re.fullmatch(r"[^\s]+(\s[^\s]+)*", one["code"])
        if one["system"] == DCM:
            assert MEANINGS[one["code"]] == one["display"]
        elif not one["system"].startswith("urn:neurotriage"):
            assert one["code"] in KNOWN[one["system"]]


def test_the_codes_are_those_of_dicom() -> None:
    known = {code: meaning for entries in concepts["DCM"].values() for code, (meaning, *_) in entries.items()}
    assert {code: known[code] for code in MEANINGS} == MEANINGS
    assert {*CODES} == {*Event}
    assert {one.kind for one in CODES.values()} <= {*MEANINGS}


def test_it_says_who_what_when_from_where_on_which_study() -> None:
    resource = made(entry(Event.SIGN_IN_FAILED, actor="stranger", account="", study_id="", address="scanner.local"))
    (agent,) = resource["agent"]
    assert (resource["type"]["code"], resource["subtype"][0]["code"], resource["outcome"]) == ("110114", "110122", "4")
    assert agent["who"] == {"display": "stranger"}
    assert agent["network"] == {"address": "scanner.local", "type": "1"}
    assert "entity" not in resource
    resource = made(entry())
    assert resource["agent"][0]["who"]["identifier"] == {"system": "urn:neurotriage:account", "value": "7"}
    assert resource["agent"][0]["network"]["type"] == "2"
    assert resource["entity"][0]["what"]["identifier"]["value"] == "ab" * 16
    assert (resource["source"]["site"], resource["outcomeDesc"]) == ("https://triage.example", "why")


def test_programs_are_told_from_people() -> None:
    for actor, kind in (("ai", "dataprocessor"), ("dicomweb MRI at 192.0.2.9", "dataprocessor"), ("Aida", "humanuser")):
        (agent,) = made(entry(actor=actor, account=""))["agent"]
        assert agent["type"]["coding"][0]["code"] == kind


def test_hostile_text_stays_text_on_one_line() -> None:
    resource = made(entry(detail="a\n\u202eb\x00", actor="Ada\u200b\r\nEve"))
    assert (resource["outcomeDesc"], resource["agent"][0]["name"]) == ("a b", "Ada Eve")
