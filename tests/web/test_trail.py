"""The audit trail of DICOMweb: who asked for what, one row a request, and nothing is handed out without it."""

from __future__ import annotations

import pytest
from dicomweb import Peer, file, study
from sqlalchemy import select

from triage.errors import StorageError
from triage.records.tables import AuditRow, StudyRow

PEER = "dicomweb 127.0.0.1"
MULTIPART = 'multipart/related; type="application/dicom"'


def noted(peer: Peer, uid: str) -> list[tuple[str, str, str]]:
    """Return actor, event and detail of the rows of a study, without those of its scoring."""
    with peer.installation.store.read() as session:
        query = (
            select(AuditRow)
            .join(StudyRow, StudyRow.id == AuditRow.study_id)
            .where(StudyRow.study_uid == uid, AuditRow.actor != "ai")
            .order_by(AuditRow.id)
        )
        return [(row.actor, row.event, row.detail) for row in session.scalars(query)]


def test_one_row_a_request_says_who_and_which_study(peer: Peer) -> None:
    made = study(3)
    uid = made[0].StudyInstanceUID
    assert peer.store([file(one) for one in made]).status_code == 200
    assert peer.get(f"studies/{uid}/instances?limit=2").status_code == 200
    assert peer.get(f"studies/{uid}", accept=MULTIPART).status_code == 200
    assert peer.get(f"studies/{uid}/metadata").status_code == 200
    received, *asked = noted(peer, uid)
    assert received[:2] == (PEER, "received")
    assert asked == [
        (PEER, "searched", "instances: 2 found"),
        (PEER, "retrieved", "3 files"),
        (PEER, "retrieved", "3 headers"),
    ]


def test_a_search_is_noted_without_the_values_that_were_looked_for(peer: Peer) -> None:
    assert peer.get("studies?PatientName=Nobody*&PatientID=0815").status_code == 204
    with peer.installation.store.read() as session:
        row = session.scalars(select(AuditRow).where(AuditRow.event == "searched").order_by(AuditRow.id.desc())).first()
    assert row is not None
    assert (row.actor, row.study_id, row.detail) == (PEER, None, "studies by PatientID, PatientName: 0 found")


def test_what_cannot_be_noted_is_not_handed_out(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(1)[0]
    address = f"studies/{made.StudyInstanceUID}"
    assert peer.store([file(made)]).status_code == 200

    def full(*_: object, **__: object) -> None:
        raise StorageError("Not stored: the disk is full.")

    monkeypatch.setattr(peer.installation.store.audit, "requested", full)
    for path, accept in ((address, MULTIPART), (f"{address}/metadata", "*/*"), ("studies", "*/*")):
        response = peer.get(path, accept=accept)
        assert response.status_code == 503
        assert "disk is full" in response.text
