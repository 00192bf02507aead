"""The roles of people, the rights of DICOMweb peers, and which right each role has: one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a person is in the department; an account may have several. The values are stored."""

    TECHNICIAN = "technician"
    RADIOLOGIST = "radiologist"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """One thing that a person may do; the values complete the sentence "You may not ..."."""

    WORKLIST = "see the worklist"
    UPLOAD = "upload studies"
    READ = "open studies and their readings"
    SIGN = "sign readings"
    CONFLICTS = "decide about conflicts of identity"
    INSIGHTS = "see the figures of the department"
    MODEL = "see the model that serves"
    MONITORING = "see the monitoring of drift"
    BASELINE = "set the baseline of the monitoring"
    PROMOTE = "choose which model serves"
    RETRAIN = "retrain the model"
    LIST = "take the worklist away as a table"
    EXPORT_OWN = "export your own readings"
    EXPORT_ALL = "export the readings of everybody"
    SEND = "send reports to the PACS"
    USERS = "manage accounts and tokens"
    AUDIT = "see the audit trail"


class PeerRight(StrEnum):
    """What a DICOMweb peer may do; the values are stored."""

    STORE = "store"
    QUERY = "query"
    RETRIEVE = "retrieve"


_EVERYBODY = {Right.WORKLIST}
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.TECHNICIAN: frozenset(_EVERYBODY | {Right.UPLOAD}),
    Role.RADIOLOGIST: frozenset(
        _EVERYBODY
        | {Right.UPLOAD, Right.READ, Right.SIGN, Right.CONFLICTS, Right.INSIGHTS, Right.MODEL}
        | {Right.MONITORING, Right.LIST, Right.EXPORT_OWN, Right.SEND}
    ),
    Role.ADMINISTRATOR: frozenset(
        _EVERYBODY
        | {Right.CONFLICTS, Right.INSIGHTS, Right.MODEL, Right.LIST}
        | {Right.RETRAIN, Right.MONITORING, Right.BASELINE, Right.PROMOTE}
        | {Right.EXPORT_ALL, Right.USERS, Right.AUDIT}
    ),
}


def holders(right: Right) -> list[Role]:
    """Return the roles that have a right."""
    return [role for role in Role if right in RIGHTS[role]]
