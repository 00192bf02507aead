"""Accept and Content-Type headers as peers write them."""

from __future__ import annotations

import json

import pytest
from pydicom import Dataset
from starlette.exceptions import HTTPException
from starlette.requests import Request

from triage.web.media import DicomJson, accepted_syntaxes, address, boundary_of, require_json


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    server = {"scheme": "https", "server": ("pacs.example", 443), "path": "/", "root_path": "", "query_string": b""}
    return Request({"type": "http", "method": "GET", "headers": raw, **server})


def refusal(call: object, *arguments: object) -> int:
    with pytest.raises(HTTPException) as error:
        call(*arguments)  # type: ignore[operator]
    assert error.value.detail
    return error.value.status_code


@pytest.mark.parametrize("accept", ["application/dicom+json", "*/*", "text/html, application/*;q=0.1", ""])
def test_json_is_accepted(accept: str) -> None:
    require_json(request(accept=accept))
    require_json(request())


@pytest.mark.parametrize("accept", ["application/dicom+xml", "application/json;q=0", "text/html, image/png"])
def test_json_is_not_accepted(accept: str) -> None:
    assert refusal(require_json, request(accept=accept)) == 406


@pytest.mark.parametrize(
    ("accept", "syntaxes"),
    [
        ('multipart/related; type="application/dicom"', {"*"}),
        ('multipart/related; type="application/dicom"; transfer-syntax=1.2.3', {"1.2.3"}),
        ("multipart/related; transfer-syntax=1.2.3, multipart/related; transfer-syntax=4.5", {"1.2.3", "4.5"}),
        ('multipart/related; type="image/jpeg", */*;q=0.5', {"*"}),
    ],
)
def test_transfer_syntaxes(accept: str, syntaxes: set[str]) -> None:
    assert accepted_syntaxes(request(accept=accept)) == syntaxes


@pytest.mark.parametrize("accept", ["application/dicom", 'multipart/related; type="image/jpeg"'])
def test_files_are_not_accepted(accept: str) -> None:
    assert refusal(accepted_syntaxes, request(accept=accept)) == 406


def test_the_boundary_of_a_body() -> None:
    kind = 'Multipart/Related; type="application/dicom"; boundary="a b"'
    assert boundary_of(request(content_type=kind)) == "a b"
    assert refusal(boundary_of, request(content_type="multipart/related")) == 400
    assert refusal(boundary_of, request(content_type='multipart/related; type="image/jpeg"; boundary=a')) == 415
    assert refusal(boundary_of, request(content_type=kind, content_encoding="gzip")) == 415
    assert refusal(boundary_of, request()) == 415


def test_addresses_lead_to_what_they_name() -> None:
    root = "https://pacs.example/dicom-web"
    assert address(request(), "1") == f"{root}/studies/1"
    assert address(request(), "1", "2", "3") == f"{root}/studies/1/series/2/instances/3"


def test_data_sets_become_dicom_json() -> None:
    dataset = Dataset()
    dataset.PatientID = "0815"
    expected = {"00100020": {"vr": "LO", "Value": ["0815"]}}
    assert json.loads(DicomJson(dataset).body) == expected
    answer = DicomJson([dataset, {"a": 1}], 202)
    assert json.loads(answer.body) == [expected, {"a": 1}]
    assert (answer.status_code, answer.media_type) == (202, "application/dicom+json")
