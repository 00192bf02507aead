"""WADO-RS: what was stored comes back, byte for byte."""

from __future__ import annotations

import io

import pydicom
import pytest
from dicomweb import Peer, file, study
from drawn_dicom import instance
from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless, generate_uid

MULTIPART = 'multipart/related; type="application/dicom"'


@pytest.fixture(scope="module")
def images(peer: Peer) -> list[Dataset]:
    made = study(3)
    made[2].SeriesInstanceUID = generate_uid()
    made[0].add_new(0x00091001, "OB", bytes(5000))
    assert peer.store([file(one) for one in made]).status_code == 200
    return made


def addresses(one: Dataset) -> tuple[str, str, str]:
    study = f"studies/{one.StudyInstanceUID}"
    series = f"{study}/series/{one.SeriesInstanceUID}"
    return study, series, f"{series}/instances/{one.SOPInstanceUID}"


def parts(peer: Peer, address: str, accept: str = MULTIPART) -> list[bytes]:
    response = peer.get(address, accept=accept)
    assert response.status_code == 200
    boundary = response.headers["Content-Type"].rpartition("boundary=")[2].encode()
    found = response.content.split(b"\r\n--" + boundary)
    assert (found[0], found[-1]) == (b"", b"--\r\n")
    return [part.partition(b"\r\n\r\n")[2] for part in found[1:-1]]


def test_files_come_back_as_they_were_stored(peer: Peer, images: list[Dataset]) -> None:
    study, series, single = addresses(images[0])
    assert parts(peer, single) == [file(images[0])]
    assert parts(peer, series) == [file(images[0]), file(images[1])]
    assert sorted(parts(peer, study)) == sorted(file(one) for one in images)


def test_headers_come_without_pixels(peer: Peer, images: list[Dataset]) -> None:
    study, series, single = addresses(images[0])
    (found,) = peer.get(f"{single}/metadata").json()
    assert not {"7FE00010", "00091001"} & set(found)
    said = Dataset.from_json(found)
    assert (said.SOPInstanceUID, said.Rows) == (images[0].SOPInstanceUID, images[0].Rows)
    assert said.PatientName == images[0].PatientName
    assert len(peer.get(f"{series}/metadata").json()) == 2
    assert len(peer.get(f"{study}/metadata").json()) == 3


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("multipart/related", 200),
        (f"{MULTIPART}; transfer-syntax=*", 200),
        (f"{MULTIPART}; transfer-syntax=1.2.840.10008.1.2.4.50", 406),
        (f"{MULTIPART}; transfer-syntax=1.2.840.10008.1.2.4.50, {MULTIPART}; transfer-syntax=1.2.840.10008.1.2.1", 200),
        ('multipart/related; type="image/jpeg"', 406),
        ("application/dicom+json", 406),
    ],
)
def test_the_accept_header_is_kept_to(peer: Peer, images: list[Dataset], accept: str, status: int) -> None:
    assert peer.get(addresses(images[0])[2], accept=accept).status_code == status


def test_compressed_files_stay_compressed(peer: Peer) -> None:
    made = instance(syntax=JPEG2000Lossless, StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid())
    assert peer.store([file(made)]).status_code == 200
    assert parts(peer, addresses(made)[2]) == [file(made)]


@pytest.mark.parametrize("meta", [True, False], ids=["no preamble", "no file meta information"])
def test_a_file_without_its_beginning_comes_back_with_one(peer: Peer, meta: bool) -> None:
    made = instance(StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid())
    whole = file(made)
    bare = whole[132:] if meta else whole[144 + int.from_bytes(whole[140:144], "little") :]
    response = peer.store([bare])
    assert response.status_code == 200
    (found,) = parts(peer, addresses(made)[2])
    assert found.endswith(bare)
    read = pydicom.dcmread(io.BytesIO(found))
    assert read == made
    assert read.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert peer.get(f"{addresses(made)[2]}/metadata").status_code == 200


def test_what_is_not_here(peer: Peer, images: list[Dataset]) -> None:
    other = generate_uid()
    study, series, _ = addresses(images[0])
    for address in (f"studies/{other}", f"{study}/series/{other}", f"{series}/instances/{other}"):
        assert peer.get(address, accept=MULTIPART).status_code == 404
        assert peer.get(f"{address}/metadata").status_code == 404


def test_a_file_that_was_altered_is_not_sent(peer: Peer) -> None:
    made = study(1)[0]
    peer.store([file(made)])
    ((known,),) = peer.installation.store.arrivals.known([made.SOPInstanceUID]).values()
    path = peer.installation.files.path(known.sha256)
    path.write_bytes(b"altered")
    response = peer.get(addresses(made)[2], accept=MULTIPART)
    assert response.status_code == 404
    assert "backup" in response.text
    assert str(path) not in response.text
    path.write_bytes(file(made))
