"""A row of the audit trail as a FHIR R4 AuditEvent in JSON, coded as DICOM PS3.15 A.5 and IHE ATNA do."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from triage.records.audit import Event
from triage.records.trail import TrailEntry
from triage.reports.fhir import OURS, Json, coding, filled, instant
from triage.reports.sources import MANUFACTURER

DCM = "http://dicom.nema.org/resources/ontology/DCM"
REST = "http://hl7.org/fhir/restful-interaction"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
#: Codes of DICOM PS3.16, CID 400 to 403, that are used here.
MEANINGS = {
    "110100": "Application Activity",
    "110101": "Audit Log Used",
    "110103": "DICOM Instances Accessed",
    "110104": "DICOM Instances Transferred",
    "110106": "Export",
    "110107": "Import",
    "110110": "Patient Record",
    "110111": "Procedure Record",
    "110112": "Query",
    "110113": "Security Alert",
    "110114": "User Authentication",
    "110122": "Login",
    "110123": "Logout",
    "110129": "Security Configuration",
    "110131": "Software Configuration",
    "110132": "Use of Restricted Function",
    "110137": "User Security Attributes Changed",
}
#: Outcomes: as it should be; a minor failure, as of a request; a serious one.
WELL, REFUSED, SERIOUS = "0", "4", "8"
#: Who acts without being a person, and how the names of DICOMweb peers begin.
PROGRAMS, PEER = frozenset({"ai", "record", "demo", "first start", "start of the server"}), "dicomweb "


@dataclass(frozen=True, slots=True)
class Coded:
    """How an event is coded.

    Attributes
    ----------
    kind
        DICOM code of the type.
    action
        Create, Read, Update, Delete or Execute, by its letter.
    subtype
        A DICOM code, or an interaction of FHIR's REST; "" for none beside our own name.
    """

    kind: str
    action: str
    subtype: str = ""
    outcome: str = WELL


_WORK_ITEM = Coded("110111", "U", "update")
CODES = {
    Event.RECEIVED: Coded("110107", "C", "create"),
    Event.REFUSED: Coded("110107", "C", "create", REFUSED),
    Event.MENDED: Coded("110107", "U", "update"),
    Event.CONFLICT: _WORK_ITEM,
    Event.RESOLVED: _WORK_ITEM,
    Event.REOPENED: _WORK_ITEM,
    Event.RANKED: _WORK_ITEM,
    Event.NOT_ANALYSABLE: Coded("110111", "U", "update", REFUSED),
    Event.OPENED: _WORK_ITEM,
    Event.VIEWED: Coded("110103", "R", "read"),
    Event.LOADED_AHEAD: Coded("110103", "R", "read"),
    Event.CLAIMED: _WORK_ITEM,
    Event.TAKEN_OVER: _WORK_ITEM,
    Event.RELEASED: _WORK_ITEM,
    Event.EXPIRED: _WORK_ITEM,
    Event.COMMITTED: _WORK_ITEM,
    Event.SIGNED: Coded("110111", "C", "create"),
    Event.TAKEN_BACK: _WORK_ITEM,
    Event.SEARCHED: Coded("110112", "E", "search"),
    Event.RETRIEVED: Coded("110104", "R", "read"),
    Event.REIDENTIFIED: Coded("110110", "R", "read"),
    Event.MODEL: Coded("110113", "U", "110131"),
    Event.RETRAINED: Coded("110100", "E"),
    Event.PROMOTED: Coded("110113", "U", "110131"),
    Event.ROLLED_BACK: Coded("110113", "U", "110131"),
    Event.SHADOW: Coded("110113", "U", "110131"),
    Event.OVERRIDE: Coded("110113", "U", "110131"),
    Event.RERANKED: _WORK_ITEM,
    Event.SETTINGS: Coded("110113", "U", "110131"),
    Event.SEALED: Coded("110100", "E"),
    Event.VERIFIED: Coded("110101", "E"),
    Event.DAMAGED: Coded("110113", "E", outcome=SERIOUS),
    Event.TRAIL_SEEN: Coded("110101", "R"),
    Event.CLOCK: Coded("110113", "E", outcome=REFUSED),
    Event.SIGNED_IN: Coded("110114", "E", "110122"),
    Event.SIGN_IN_FAILED: Coded("110114", "E", "110122", REFUSED),
    Event.SIGNED_OUT: Coded("110114", "E", "110123"),
    Event.DENIED: Coded("110113", "E", "110132", REFUSED),
    Event.ACCOUNT: Coded("110113", "U", "110137"),
    Event.PASSWORD: Coded("110113", "U", "110137"),
    Event.TOKEN: Coded("110113", "U", "110129"),
    Event.EXPORTED: Coded("110106", "R"),
    Event.SENT: Coded("110104", "R"),
}


def audit_event(entry: TrailEntry, site: str, record: str) -> Json:
    """Return the resource.

    Parameters
    ----------
    entry
        The row.
    site
        Address of the installation, as people type it.
    record
        Fingerprint of the key that the record is sealed with: it tells one record from another.
    """
    coded = CODES[entry.event]
    resource: Json = filled(
        {
            "resourceType": "AuditEvent",
            "id": f"audit-{entry.number}",
            "type": _dcm(coded.kind),
            "subtype": [_subtype(coded.subtype), coding(_code(entry.event), entry.event.value, f"{OURS}:event")],
            "action": coded.action,
            "recorded": instant(entry.at),
            "outcome": coded.outcome,
            "outcomeDesc": entry.detail,
            "agent": [_agent(entry)],
            "source": {
                "site": site,
                "observer": {
                    "identifier": {"system": f"{OURS}:record", "value": record},
                    "display": MANUFACTURER,
                },
                "type": [coding("4", "Application Server", f"{TERMINOLOGY}/security-source-type")],
            },
            "entity": [_study(entry.study_id)] if entry.study_id else [],
        }
    )
    return resource


def _agent(entry: TrailEntry) -> Json:
    program = entry.actor in PROGRAMS or entry.actor.startswith(PEER)
    kind = coding("dataprocessor", "data processor") if program else coding("humanuser", "human user")
    identifier = {"system": f"{OURS}:account", "value": entry.account} if entry.account else {}
    return {
        "type": {"coding": [kind | {"system": f"{TERMINOLOGY}/extra-security-role-type"}]},
        "who": {"identifier": identifier, "display": entry.actor},
        "name": entry.actor,
        "requestor": True,
        "network": {"address": entry.address, "type": _network(entry.address)} if entry.address else {},
    }


def _study(study_id: str) -> Json:
    return {
        "what": {"identifier": {"system": f"{OURS}:study", "value": study_id}},
        "type": coding("2", "System Object", f"{TERMINOLOGY}/audit-entity-type"),
        "role": coding("3", "Report", f"{TERMINOLOGY}/object-role"),
        "name": f"Study {study_id}",
    }


def _dcm(code: str) -> Json:
    return coding(code, MEANINGS[code], DCM)


def _subtype(code: str) -> Json:
    if not code:
        return {}
    return _dcm(code) if code in MEANINGS else coding(code, code, REST)


def _code(event: Event) -> str:
    return event.value.replace(" ", "-")


def _network(address: str) -> str:
    """Return the kind of a network address: a machine by its name, or an IP address."""
    try:
        ip_address(address)
    except ValueError:
        return "1"
    return "2"
