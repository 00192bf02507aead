from __future__ import annotations

import pytest
from dicoms import head, item, mr

from triage.scans.deidentify import profile
from triage.scans.deidentify.pseudonym import Identity, Pseudonym, draw


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("20240301", "20240131"),
        ("2024.03.01", "20240131"),
        ("20240301123000.5", "20240131"),
        ("00010115", ""),
        ("March", ""),
        ("", ""),
    ],
)
def test_a_date_moves_into_the_past(value: str, result: str) -> None:
    assert profile.moved(value, 30) == result


@pytest.mark.parametrize(
    ("elements", "patient"),
    [
        ({"PatientID": " 12 "}, "12"),
        ({"PatientID": "12", "IssuerOfPatientID": "Ward"}, "12^^^Ward"),
        ({"PatientName": "Doe^Jane", "PatientBirthDate": "19700101"}, "Doe^Jane 19700101"),
        ({"StudyInstanceUID": "1.2.3"}, "study 1.2.3"),
    ],
)
def test_a_patient_is_told_from_others(elements: dict[str, object], patient: str) -> None:
    assert profile.patient_of(item(**elements)) == patient


def test_identifiers_are_replaced_at_every_depth_and_those_of_the_standard_kept() -> None:
    inner = item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.4", ReferencedSOPInstanceUID="1.2.3")
    dataset = mr(head(), ReferencedImageSequence=[inner], PatientName="Doe^Jane", PatientComments="Jane")
    found = profile.identifiers(dataset)
    assert (Identity.UID, "1.2.3") in found
    assert not [value for identity, value in found if identity is Identity.UID and value.startswith("1.2.840.10008.")]
    pseudonyms: dict[tuple[Identity, str], Pseudonym] = {key: draw(key[0]) for key in found}
    profile.deidentify(dataset, pseudonyms)
    (reference,) = dataset.ReferencedImageSequence
    assert reference.ReferencedSOPInstanceUID == pseudonyms[Identity.UID, "1.2.3"].replacement
    assert reference.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    assert "Jane" not in str(dataset)
    assert dataset.PatientIdentityRemoved == "YES"
