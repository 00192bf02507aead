"""QIDO-RS: what a worklist client asks."""

from __future__ import annotations

import pytest
from dicomweb import Peer, file, study
from pydicom import Dataset
from pydicom.uid import generate_uid


@pytest.fixture(scope="module")
def studies(peer: Peer) -> list[Dataset]:
    """Three studies of two images each; the first object of each."""
    made = [
        study(2, PatientName="Ámos^Béla", PatientID="A_1", AccessionNumber="ACC1", StudyDate="20260301"),
        study(2, PatientName="Amos^Carl", PatientID="A%2", AccessionNumber="ACC2", StudyDate="20260302"),
        study(2, PatientName="Berg^Dora", PatientID="B2", AccessionNumber="ACC3", StudyDate="20260401", Modality="CT"),
    ]
    for one in made[0]:
        one.SpecificCharacterSet = "ISO_IR 192"
    assert peer.store([file(one) for images in made for one in images]).status_code == 200
    return [images[0] for images in made]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {0, 1, 2}),
        ("PatientName=amos*", {0, 1}),
        ("PatientName=AMOS^B%C3%89LA", {0}),
        ("PatientName=amos", {0, 1}),
        ("PatientName=Amos^C*", {1}),
        ("PatientName=*mos*", {0, 1}),
        ("PatientName=*", {0, 1, 2}),
        ("PatientID=***&ModalitiesInStudy=*", {0, 1, 2}),
        ("00100010=Berg^Dora", {2}),
        ("PatientName=Ber?^Dora", {2}),
        ("PatientID=A_1", {0}),
        ("PatientID=A%252", {1}),
        ("PatientID=A%25", set()),
        ("AccessionNumber=ACC3", {2}),
        ("StudyDate=20260302", {1}),
        ("StudyDate=20260302-", {1, 2}),
        ("StudyDate=-20260302", {0, 1}),
        ("StudyDate=20260302-20260402&PatientName=B*", {2}),
        ("ModalitiesInStudy=CT", {2}),
        ("StudyDescription=Head", {0, 1, 2}),
        ("PatientName=Nobody", set()),
        ("StudyInstanceUID={2}", {2}),
        ("StudyInstanceUID={0},{1}", {0, 1}),
        ("PatientID=", {0, 1, 2}),
        ("includefield=all&fuzzymatching=false", {0, 1, 2}),
    ],
)
def test_studies_are_matched(peer: Peer, studies: list[Dataset], query: str, expected: set[int]) -> None:
    uids = [one.StudyInstanceUID for one in studies]
    response = peer.get(f"studies?{query.format(*uids)}")
    assert response.status_code == (200 if expected else 204)
    found = [Dataset.from_json(item).StudyInstanceUID for item in response.json()] if expected else []
    assert {uids.index(uid) for uid in found} == expected
    assert "Warning" not in response.headers


def test_a_study_says_what_it_is(peer: Peer, studies: list[Dataset]) -> None:
    (found,) = peer.get("studies?PatientID=A_1").json()
    said = Dataset.from_json(found)
    assert str(said.PatientName) == "Ámos^Béla"
    assert (said.StudyDate, said.AccessionNumber) == ("20260301", "ACC1")
    assert (said.ModalitiesInStudy, said.NumberOfStudyRelatedSeries, said.NumberOfStudyRelatedInstances) == ("MR", 1, 2)
    assert said.RetrieveURL == f"{peer.address}/studies/{studies[0].StudyInstanceUID}"


def test_pages_of_studies(peer: Peer, studies: list[Dataset]) -> None:
    found = [peer.get(f"studies?limit=1&offset={place}").json()[0]["0020000D"]["Value"][0] for place in range(3)]
    assert set(found) == {one.StudyInstanceUID for one in studies}
    assert peer.get("studies?offset=3").status_code == 204


def test_series_and_instances_of_a_study(peer: Peer, studies: list[Dataset]) -> None:
    uid, series = studies[0].StudyInstanceUID, studies[0].SeriesInstanceUID
    (found,) = peer.get(f"studies/{uid}/series").json()
    said = Dataset.from_json(found)
    assert (said.SeriesInstanceUID, said.Modality, said.NumberOfSeriesRelatedInstances) == (series, "MR", 2)
    assert peer.get(f"studies/{uid}/series?Modality=CT").status_code == 204
    assert peer.get(f"studies/{uid}/series?SeriesInstanceUID={series}").status_code == 200
    for path in (f"studies/{uid}/instances", f"studies/{uid}/series/{series}/instances"):
        instances = [Dataset.from_json(item) for item in peer.get(path).json()]
        assert studies[0].SOPInstanceUID in {item.SOPInstanceUID for item in instances}
        assert len(instances) == 2
    assert len(peer.get(f"studies/{uid}/instances?SOPInstanceUID={studies[0].SOPInstanceUID}").json()) == 1
    assert peer.get(f"studies/{generate_uid()}/series").status_code == 204


@pytest.mark.parametrize(
    "query",
    [
        "StudyDate=yesterday",
        "StudyDate=-",
        "limit=-1",
        "offset=x",
        "offset=" + "9" * 25,
        "Colour=blue",
        "FFFFFFFF=1",
        "PatientID=%00",
        "PatientID=A%0AB",
        "StudyInstanceUID=\\",
        "StudyInstanceUID=%5C",
        "StudyInstanceUID=,,",
        "StudyInstanceUID=*",
        "StudyInstanceUID=1.2.*",
        "StudyInstanceUID=" + "1" * 65,
        "0020000D=%5C%5C",
        "ModalitiesInStudy=%5C",
        "PatientName=%3D%3D",
        "PatientName=^^",
        "PatientID=??*",
        "StudyDescription=%25",
        "PatientName=%FF%FE",
        "PatientID=A&PatientID=B",
        "&".join(["limit=1"] * 5_000),
    ],
)
def test_a_question_that_makes_no_sense(peer: Peer, studies: list[Dataset], query: str) -> None:
    answer = peer.get(f"studies?{query}")
    assert answer.status_code == 400
    assert answer.text.endswith(".")
    path = f"studies/{studies[0].StudyInstanceUID}/series"
    for odd in ("SeriesInstanceUID=%5C", "Modality=%5C", "offset=" + "9" * 25):
        assert peer.get(f"{path}?{odd}").status_code == 400


def test_what_is_not_matched_is_said(peer: Peer, studies: list[Dataset]) -> None:
    response = peer.get("studies?ReferringPhysicianName=X&fuzzymatching=true")
    assert len(response.json()) == 3
    assert "not matched on ReferringPhysicianName" in response.headers["Warning"]
    assert "fuzzymatching" in response.headers["Warning"]


def test_answers_are_json(peer: Peer) -> None:
    for path in ("studies", "studies/1.2/series", "studies/1.2/instances"):
        assert peer.get(path, accept="application/dicom+xml").status_code == 406


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("SMITH^JOHN^A", "PatientName=smith^john*"),
        ("MILLER, JOHN A", "PatientName=miller, john a"),
        ("de la Tour^Ana María^Luz^Dra.^PhD", "PatientName=*tour^ana maria*"),
        ("Иванова^Анна", "PatientName=*иванова*"),
        ("Yamada^Taro=山田^太郎=やまだ^たろう", "PatientName=山田*"),
        ("=桜^花子", "00100010=桜^花?"),
        ("Çelik^İpek", "PatientName=CELIK^IPEK"),
    ],
)
def test_a_name_is_found_and_goes_back_out_as_it_came_in(peer: Peer, name: str, question: str) -> None:
    """Last in this module, since it adds studies."""
    (made,) = study(PatientName=name, SpecificCharacterSet="ISO_IR 192", PatientID="NAMED")
    assert peer.store([file(made)]).status_code == 200
    (found,) = peer.get(f"studies?{question}&PatientID=NAMED").json()
    assert str(Dataset.from_json(found).PatientName) == name
    (header,) = peer.get(f"studies/{made.StudyInstanceUID}/metadata").json()
    assert str(Dataset.from_json(header).PatientName) == name


@pytest.mark.parametrize(
    ("path", "keyword", "value"),
    [
        ("studies", "PatientBirthDate", "19000101"),
        ("studies", "StudyTime", "10"),
        ("studies", "Modality", "CT"),
        ("studies", "SeriesInstanceUID", "1.2"),
        ("studies/{uid}/series", "PatientID", "somebody"),
        ("studies/{uid}/instances", "Modality", "CT"),
    ],
)
def test_a_key_that_is_not_matched_is_said(
    peer: Peer, studies: list[Dataset], path: str, keyword: str, value: str
) -> None:
    response = peer.get(f"{path.format(uid=studies[0].StudyInstanceUID)}?{keyword}={value}")
    assert response.status_code == 200
    assert response.headers["Warning"] == f'299 NeuroTriage "not matched on {keyword}"'


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "StudyDescription", "StudyInstanceUID"])
def test_an_endless_value_is_refused(peer: Peer, keyword: str) -> None:
    response = peer.get(f"studies?{keyword}={'1' * 50_000}")
    assert response.status_code == 400
    assert "Shorten it" in response.text
