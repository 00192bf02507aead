"""The DiagnosticReport against the rules of FHIR R4 that a receiver checks: elements, codes, references, formats."""

from __future__ import annotations

import base64
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from reports.report_samples import report

from triage.domain import Finding, ReadingState
from triage.reports.fhir import diagnostic_report
from triage.reports.key_images import LeftOut
from triage.reports.study_report import StudyReport

#: Elements of FHIR R4 that we use, by resource; those that must be there, with an asterisk.
ELEMENTS = {
    "DiagnosticReport": "*status *code meta text contained identifier category subject effectiveDateTime issued "
    "resultsInterpreter result imagingStudy conclusion conclusionCode presentedForm",
    "Patient": "identifier name gender birthDate",
    "ImagingStudy": "*status *subject identifier started numberOfSeries description",
    "Device": "identifier manufacturer deviceName version",
    "Observation": "*status *code subject effectiveDateTime performer device valueQuantity valueCodeableConcept "
    "valueString note component",
}
STATUS = {
    "DiagnosticReport": {"registered", "partial", "preliminary", "final", "amended"},
    "Observation": {"registered", "preliminary", "final", "amended"},
    "ImagingStudy": {"registered", "available"},
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def made(one: StudyReport) -> dict[str, Any]:
    return json.loads(json.dumps(diagnostic_report(one, b"%PDF-1.4"), allow_nan=False))


def parts(value: Any) -> Iterator[Any]:
    yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(part)


def check(resource: dict[str, Any]) -> None:
    """Fail if a receiver would refuse the resource."""
    inside = {one["id"] for one in resource["contained"]}
    assert len(inside) == len(resource["contained"])
    for one in (resource, *resource["contained"]):
        elements = ELEMENTS[one["resourceType"]].split()
        assert {name[1:] for name in elements if name[0] == "*"} <= set(one)
        assert set(one) <= {name.lstrip("*") for name in elements} | {"resourceType", "id"}, one["resourceType"]
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", one["id"])
        assert one.get("status", "") in STATUS.get(one["resourceType"], {""})
        assert one.get("gender", "unknown") in {"male", "female", "other", "unknown"}
        assert len([name for name in one if name.startswith("value")]) <= 1
        assert INSTANT.fullmatch(one.get("issued", "2026-01-10T00:00:00Z"))
        for name in ("effectiveDateTime", "started", "birthDate"):
            assert name not in one or INSTANT.fullmatch(one[name]) or DAY.fullmatch(one[name])
    referred = set()
    for part in parts(resource):
        assert part not in ("", [], {}, None)
        assert not isinstance(part, str) or part == part.strip()
        if isinstance(part, dict) and "reference" in part:
            referred.add(part["reference"].removeprefix("#"))
        if isinstance(part, dict) and "system" in part:
            assert part["system"].startswith(("http://", "urn:"))
    assert referred == inside  # all that is contained is referred to (dom-3), and nothing else
    assert ET.fromstring(resource["text"]["div"]).tag == "{http://www.w3.org/1999/xhtml}div"


def test_a_report_keeps_the_rules_and_says_everything() -> None:
    resource = made(report())
    check(resource)
    assert (resource["status"], resource["conclusionCode"][0]["coding"][0]["code"]) == ("final", "glioma")
    by_id = {one["id"]: one for one in resource["contained"]}
    assert by_id["patient"]["name"] == [{"text": "Müller, Ada"}]
    assert by_id["study"]["identifier"][0]["value"] == "urn:oid:1.2.3"
    assert by_id["model"]["identifier"][0]["value"] == "a" * 64
    assert by_id["p-glioma"]["valueQuantity"]["value"] == pytest.approx(0.7)
    assert by_id["not-ruled-out"]["valueString"] == "Glioma, Meningioma"
    assert by_id["reading-1"]["performer"] == [{"display": "Dr. A"}]
    assert by_id["measurement-1"]["component"][0]["valueQuantity"]["unit"] == "mm"
    assert base64.b64decode(resource["presentedForm"][0]["data"]) == b"%PDF-1.4"
    assert "Research use only" in resource["text"]["div"]
    assert re.search(r"<p>AI \([^)]+\): Glioma 70\.0%", resource["text"]["div"]), "whose the numbers are"
    assert resource["meta"]["tag"][0]["code"] == "research-use-only"


def test_what_was_measured_on_a_slice_without_a_picture_is_there() -> None:
    full = report()
    left = LeftOut("Series 2, slice 9 of 20", full.images[0].measurements)
    resource = made(replace(full, left_out=(left,)))
    check(resource)
    notes = [one["note"][0]["text"] for one in resource["contained"] if one["id"].startswith("measurement-")]
    assert notes == [f"{place}: 12.5 mm" for place in ("Series 2, slice 3 of 20 · axial T1", left.place)]


@pytest.mark.parametrize("state", list(ReadingState))
def test_the_state_is_that_of_the_latest_reading(state: ReadingState) -> None:
    full = report()
    latest = replace(full.study.readings[0], state=state, finding=Finding.NOTUMOR)
    resource = made(replace(full, study=replace(full.study, readings=(*full.study.readings, latest))))
    check(resource)
    assert (resource["status"], resource["conclusion"].split(".")[0]) == (str(state), "No tumour")


def test_a_study_that_nobody_read_is_partial() -> None:
    full = report()
    resource = made(replace(full, study=replace(full.study, readings=()), signed=(), images=()))
    check(resource)
    assert (resource["status"], resource["conclusion"]) == ("partial", "AI: Glioma. Not read yet.")
    assert "conclusionCode" not in resource


def test_what_is_not_known_is_left_out_and_no_text_is_markup() -> None:
    full = report()
    hostile = "<script>&\u202e\x00 \n"
    header = replace(full.study.header, uid="", patient_name="", mrn="", accession_number="", study_date=None, sex="X")
    reading = replace(full.study.readings[0], comment=hostile, reader=hostile)
    bare = replace(full.study, header=replace(header, birth_date=None, description=hostile), readings=(reading,))
    resource = made(replace(full, study=replace(bare, results=())))
    check(resource)
    assert "<script>" not in resource["text"]["div"]
