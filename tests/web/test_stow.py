"""STOW-RS: every instance is answered for, with the status and the reason that PS3.18 has for it."""

from __future__ import annotations

import copy
import errno
import os
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from dicomweb import BOUNDARY, LIMIT, TOKEN, Peer, body, file, study
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian, MediaStorageDirectoryStorage, RLELossless, generate_uid
from sqlalchemy import select

from triage.domain import Finding, Resolution, StudyStatus
from triage.phantom_studies import phantom_study
from triage.records.tables import AuditRow, InstanceRow
from triage.records.worklist_views import WorklistFilter
from triage.web import multipart
from triage.web.stow import Reason

SOME = b"not a picture at all"


def module(response: requests.Response) -> Dataset:
    assert response.headers["Content-Type"] == "application/dicom+json"
    return Dataset.from_json(response.json())


def reasons(response: requests.Response) -> dict[str, int]:
    """The failure reasons by SOP Instance UID; of parts that say nothing, under ""."""
    said = module(response)
    failed = [*said.get("FailedSOPSequence", []), *said.get("OtherFailuresSequence", [])]
    return {item.get("ReferencedSOPInstanceUID", ""): item.FailureReason for item in failed}


def stored(response: requests.Response) -> set[str]:
    return {item.ReferencedSOPInstanceUID for item in module(response).get("ReferencedSOPSequence", [])}


def test_one_call_stores_a_study_and_it_is_ranked(peer: Peer) -> None:
    files = [data for _, data in phantom_study(Finding.GLIOMA, 3)]
    response = peer.store(files)
    assert response.status_code == 200
    said = module(response)
    assert len(said.ReferencedSOPSequence) == 4
    assert "FailedSOPSequence" not in said
    assert said.RetrieveURL.startswith(f"{peer.address}/studies/")
    assert said.ReferencedSOPSequence[0].RetrieveURL.startswith(said.RetrieveURL + "/series/")
    (row,) = peer.installation.queue.page(WorklistFilter(text="PH1000"), datetime.now(UTC)).rows
    assert peer.installation.wait([row.study_id], timeout=300) == []
    assert peer.installation.store.study(row.study_id).status is StudyStatus.RANKED


def test_what_is_here_already_is_a_success(peer: Peer) -> None:
    made = study(2)
    assert peer.store([file(made[0])]).status_code == 200
    response = peer.store([file(one) for one in made])
    assert response.status_code == 200
    assert stored(response) == {one.SOPInstanceUID for one in made}


def test_one_bad_instance_costs_no_other(peer: Peer) -> None:
    good, cut, stranger = *study(2), *study(1)
    parts = [SOME, file(cut)[:-5000], file(good), file(stranger), b""]
    response = peer.store(parts, good.StudyInstanceUID)
    assert response.status_code == 202
    assert stored(response) == {good.SOPInstanceUID}
    assert reasons(response) == {
        "": Reason.CANNOT_UNDERSTAND,
        cut.SOPInstanceUID: Reason.CANNOT_UNDERSTAND,
        stranger.SOPInstanceUID: Reason.DOES_NOT_MATCH,
    }
    assert len(module(response).OtherFailuresSequence) == 2
    with peer.installation.store.read() as session:
        named = session.scalars(select(InstanceRow.name).where(InstanceRow.sop_instance_uid == good.SOPInstanceUID))
        assert named.all() == ["2.dcm"]
        refused = session.scalars(
            select(AuditRow.detail).where(AuditRow.actor == "dicomweb 127.0.0.1", AuditRow.event == "refused")
        )
        assert sum(int(said.partition("(files: ")[2].rstrip(")") or 1) for said in refused) == 4


def test_one_object_by_two_ways_is_a_success(peer: Peer) -> None:
    """A disc first, then the archive with its own file meta, implicit and compressed."""
    (made,) = study(1)
    assert peer.store([file(made)]).status_code == 200
    for syntax in (ImplicitVRLittleEndian, RLELossless):
        again = copy.deepcopy(made)
        again.file_meta.SourceApplicationEntityTitle = "ARCHIVE"
        if syntax.is_encapsulated:
            again.compress(syntax, generate_instance_uid=False)
        again.file_meta.TransferSyntaxUID = syntax
        response = peer.store([file(again)])
        assert (response.status_code, stored(response)) == (200, {made.SOPInstanceUID})


@pytest.mark.parametrize(
    "changed",
    [
        {"PatientID": "OTHER", "SOPInstanceUID": generate_uid()},
        {"PatientID": "", "SOPInstanceUID": generate_uid()},
        {"PatientName": "Roe^Richard", "SOPInstanceUID": generate_uid()},
        {"SeriesDescription": "other"},
    ],
)
def test_what_is_set_aside_is_stored_with_a_warning(peer: Peer, changed: dict[str, str]) -> None:
    made = study(2)
    assert peer.store([file(made[0])]).status_code == 200
    other = copy.deepcopy(made[0])
    for keyword, value in changed.items():
        setattr(other, keyword, value)
    other.file_meta.MediaStorageSOPInstanceUID = other.SOPInstanceUID
    for _ in range(2):
        response = peer.store([file(other), file(made[1])])
        assert response.status_code == 202
        aside, whole = module(response).ReferencedSOPSequence
        assert (aside.ReferencedSOPInstanceUID, aside.WarningReason) == (other.SOPInstanceUID, Reason.COERCED)
        assert not aside.RetrieveURL
        assert "WarningReason" not in whole
    (conflict,) = [one for one in peer.installation.store.conflicts.open() if one.uid == made[0].StudyInstanceUID]
    assert (conflict.first.files, conflict.second.files) == (2, 1)
    found = peer.get(f"studies/{made[0].StudyInstanceUID}/instances").json()
    assert len(found) == 2  # those of the first patient only


def test_what_was_discarded_says_by_whom_when_and_why(peer: Peer) -> None:
    made = study(1)[0]
    other = copy.deepcopy(made)
    other.PatientID = "OTHER"
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    peer.store([file(made), file(other)])
    (conflict,) = [one for one in peer.installation.store.conflicts.open() if one.uid == made.StudyInstanceUID]
    discarded = conflict.second.study_id
    peer.installation.resolve(discarded, Resolution.DISCARD_SECOND, by="Dr. Müller", reason="wrong label")
    response = peer.store([file(other)])
    (item,) = module(response).ReferencedSOPSequence
    assert (response.status_code, item.WarningReason) == (202, Reason.COERCED)
    assert item.ErrorComment == f"Discarded by Dr. Müller on {datetime.now(UTC):%Y-%m-%d}: wrong label"
    assert not item.RetrieveURL


@pytest.mark.parametrize("keyword", ["SeriesNumber", "InstanceNumber", "NumberOfFrames"])
def test_a_number_beyond_all_bounds_costs_no_other(peer: Peer, keyword: str) -> None:
    """The number counts as unknown; the pixels themselves say how many frames there are."""
    good, odd = study(2)
    odd.SeriesInstanceUID = generate_uid()
    setattr(odd, keyword, "1234567890")
    data = file(odd).replace(b"IS\x0a\x001234567890", b"IS\x14\x00" + b"9" * 20)
    response = peer.store([data, file(good)])
    assert (response.status_code, stored(response)) == (200, {good.SOPInstanceUID, odd.SOPInstanceUID})


def test_text_around_the_parts_is_no_part(peer: Peer) -> None:
    made = study(1)[0]
    response = peer.post(b"A preamble.\r\n" + body([file(made)]) + b"An epilogue.\r\n")
    assert (response.status_code, stored(response)) == (200, {made.SOPInstanceUID})
    quoted = 'multipart/related; type="application/dicom"; boundary="between"'
    assert peer.store([file(made)], Content_Type=quoted).status_code == 200


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("SOPClassUID", MediaStorageDirectoryStorage, Reason.SOP_CLASS_NOT_SUPPORTED),
        ("SOPClassUID", None, Reason.DOES_NOT_MATCH),
        ("SOPInstanceUID", None, Reason.DOES_NOT_MATCH),
        ("StudyInstanceUID", None, Reason.DOES_NOT_MATCH),
        ("SeriesInstanceUID", None, Reason.DOES_NOT_MATCH),
    ],
)
def test_nothing_stored_is_a_conflict(peer: Peer, keyword: str, value: str | None, reason: Reason) -> None:
    made = study(1)[0]
    if value is None:
        delattr(made, keyword)
    else:
        setattr(made, keyword, value)
    response = peer.store([file(made)])
    assert response.status_code == 409
    assert set(reasons(response).values()) == {reason}
    assert not stored(response)


@pytest.mark.parametrize("uid", [b"../../etc/passwd", b"1.2.3.4/x?y=<b>;"])
def test_what_is_no_uid_is_not_repeated(peer: Peer, uid: bytes) -> None:
    made = study(1)[0]
    made.SOPInstanceUID = "1.2.3.4.5.6.7.89"
    response = peer.store([file(made).replace(b"1.2.3.4.5.6.7.89", uid)])
    assert (response.status_code, reasons(response)) == (409, {"": Reason.DOES_NOT_MATCH})
    assert uid not in response.content


def test_an_unknown_transfer_syntax_is_read_by_its_bytes(peer: Peer) -> None:
    made = study(1)[0]
    assert peer.store([file(made).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0")]).status_code == 200


def test_a_transfer_syntax_that_is_not_supported(peer: Peer) -> None:
    made = study(1)[0]
    data = file(made).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0")  # pixels in big endian, of GE
    response = peer.store([data])
    assert (response.status_code, reasons(response)) == (
        409,
        {made.SOPInstanceUID: Reason.TRANSFER_SYNTAX_NOT_SUPPORTED},
    )


def test_a_uid_of_another_study_is_stored_with_a_warning(peer: Peer) -> None:
    first, second = study(1)[0], study(1)[0]
    second.SOPInstanceUID = first.SOPInstanceUID
    assert peer.store([file(first)]).status_code == 200
    response = peer.store([file(second)])
    assert (response.status_code, reasons(response), stored(response)) == (202, {}, {first.SOPInstanceUID})
    (digest,) = [
        one.sha256
        for one in peer.installation.store.arrivals.known([first.SOPInstanceUID])[first.SOPInstanceUID]
        if not one.claimed
    ]
    assert peer.installation.files.get(digest) == file(first)


def test_a_full_disk_is_not_the_senders_fault(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    made = study(1)[0]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        response = peer.store([file(made)])
    assert (response.status_code, reasons(response)) == (503, {made.SOPInstanceUID: Reason.OUT_OF_RESOURCES})
    assert peer.store([file(made)]).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "application/dicom",
        "multipart/form-data; boundary=between",
        'multipart/related; type="application/dicom+json"; boundary=between',
        'multipart/related; type="application/dicom+xml"; boundary=between',
    ],
)
def test_other_media_types_are_not_taken(peer: Peer, kind: str) -> None:
    response = peer.store([file(study(1)[0])], Content_Type=kind)
    assert (response.status_code, "Send DICOM files as" in response.text) == (415, True)


def test_a_compressed_body_is_not_taken(peer: Peer) -> None:
    assert peer.store([b""], Content_Encoding="gzip").status_code == 415


@pytest.mark.parametrize(
    "kind", ["multipart/related; boundary=between", "Multipart/Related; Type=application/DICOM; boundary=between"]
)
def test_media_types_are_read_as_http_has_them(peer: Peer, kind: str) -> None:
    assert peer.store([file(study(1)[0])], Content_Type=kind).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no boundary anywhere",
        f"--{BOUNDARY}--\r\n".encode(),
        body([SOME])[:-10],
        f"--{BOUNDARY}\r\nno header\r\n\r\n".encode(),
    ],
)
def test_a_malformed_body_is_said_to_be_one(peer: Peer, data: bytes) -> None:
    assert peer.post(data).status_code == 400


def test_a_boundary_must_be_named_and_short(peer: Peer) -> None:
    assert peer.store([SOME], Content_Type='multipart/related; type="application/dicom"').status_code == 400
    assert peer.store([SOME], Content_Type=f"multipart/related; boundary={'x' * 300}").status_code == 400


def test_a_body_beyond_the_limit(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    large = body([bytes(LIMIT)])
    assert peer.post(large[: LIMIT + 1]).status_code == 413
    # Without a length, it is noticed on the way.
    assert peer.post(large[start : start + 2**16] for start in range(0, len(large), 2**16)).status_code == 413
    monkeypatch.setattr(multipart, "MAX_PARTS", 2)
    assert peer.store([SOME] * 3).status_code == 413
    assert not list(peer.installation.settings.home.glob("incoming-*"))


def test_a_silent_sender_is_not_waited_for(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "SILENCE_LIMIT", 0.2)

    def silent() -> Any:
        yield body([SOME])[:20]
        import time

        time.sleep(2)
        yield b""

    assert peer.post(silent()).status_code == 408


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/dicom+xml", 406),
        ("application/dicom+json;q=0", 406),
        ("application/dicom+xml, application/json;q=0.5", 200),
        ("*/*", 200),
    ],
)
def test_the_answer_is_json_or_nothing_is_stored(peer: Peer, accept: str, status: int) -> None:
    made = study(1)[0]
    assert peer.store([file(made)], Accept=accept).status_code == status
    found = peer.get(f"studies/{made.StudyInstanceUID}/instances").status_code
    assert found == (200 if status == 200 else 204)


def test_nobody_stores_without_the_token(peer: Peer) -> None:
    data = body([file(study(1)[0])])
    for authorization in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Digest {TOKEN}"):
        response = peer.post(data, Authorization=authorization)
        assert response.status_code == 401
        assert "Basic" in response.headers["WWW-Authenticate"]
    answer = requests.post(f"{peer.address}/studies", data=data, auth=("orthanc", TOKEN), timeout=300)
    assert answer.status_code == 415  # let in, and then asked for its media type


def test_addresses_hold_uids_only(peer: Peer) -> None:
    assert peer.store([SOME], "..%2F..%2Fetc").status_code == 404
    assert peer.store([SOME], "1" * 65).status_code == 404
    assert peer.store([SOME], generate_uid()).status_code == 409


def test_what_was_de_identified_is_a_warning_to_its_sender(discreet_peer: Peer) -> None:
    made = study(2, AccessionNumber="ACCESSION77")  # a short one could stand in a pseudonym by chance
    for _ in range(2):
        response = discreet_peer.store([file(one) for one in made], made[0].StudyInstanceUID)
        assert response.status_code == 202
        said = module(response)
        assert {item.WarningReason for item in said.ReferencedSOPSequence} == {Reason.COERCED}
        assert stored(response) == {one.SOPInstanceUID for one in made}
        # The sender does not learn which pseudonyms stand for its patient.
        assert not any(item.RetrieveURL for item in [said, *said.ReferencedSOPSequence])
    answer = discreet_peer.get("studies")
    assert len(answer.json()) == 1
    known = (made[0].StudyInstanceUID, str(made[0].PatientName), made[0].PatientID, made[0].AccessionNumber)
    assert not any(identifier in answer.text for identifier in known)
    uid = answer.json()[0]["0020000D"]["Value"][0]
    header = discreet_peer.get(f"studies/{uid}/metadata").text
    assert not any(identifier in header for identifier in known)
