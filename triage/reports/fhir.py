"""The report of a study as a FHIR R4 DiagnosticReport in JSON, with everything that it refers to contained in it."""

from __future__ import annotations

import html
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from triage import __version__
from triage.domain import AIResult, Finding, Reading
from triage.reading import meaning, standing
from triage.records.marked import Measurement, described
from triage.records.views import Study
from triage.reports.sources import MANUFACTURER, MR_BRAIN, RESEARCH
from triage.reports.study_report import StudyReport, concluded, moment
from triage.text import one_line, readable_name

Json = dict[str, Any]
#: System of our own codes.
OURS = "urn:neurotriage"
UCUM = "http://unitsofmeasure.org"
SEXES = {"M": "male", "F": "female", "O": "other"}
#: UCUM codes of the numbers of a measurement; the others have the unit of the gray values.
UNITS = {"mm": "mm", "mm2": "mm2", "degrees": "deg", "px": "{pixels}", "px2": "{pixels}", "pixels": "{pixels}"}


def diagnostic_report(report: StudyReport, page: bytes) -> Json:
    """Return the resource.

    Parameters
    ----------
    report
        What it says.
    page
        The report as PDF, which is attached.
    """
    study, result = report.study, report.study.result
    latest = study.readings[-1] if study.readings else None
    observations = [
        *(_readings(study)),
        *(_probabilities(result, study.arrived_at) if result else ()),
        *(_measurements(report)),
    ]
    contained = [_patient(report), _imaging_study(report), *([_device(result)] if result else []), *observations]
    issued = latest.signed_at if latest else report.made_at
    resource: Json = filled(
        {
            "resourceType": "DiagnosticReport",
            "id": study.study_id,
            "meta": {"tag": [coding("research-use-only", RESEARCH)]},
            "text": {"status": "generated", "div": _narrative(report)},
            "contained": contained,
            "identifier": [_accession(study.header.accession_number)] if study.header.accession_number else [],
            # Without a reading it holds what no person has verified.
            "status": str(standing(latest, study.readings, study.status)) if latest else "partial",
            "category": [{"coding": [coding("RAD", "Radiology", "http://terminology.hl7.org/CodeSystem/v2-0074")]}],
            "code": {
                "coding": [coding(MR_BRAIN.value, MR_BRAIN.meaning, "http://loinc.org")],
                "text": "MRI of the brain",
            },
            "subject": {"reference": "#patient"},
            "effectiveDateTime": f"{study.header.study_date:%Y-%m-%d}" if study.header.study_date else "",
            "issued": instant(issued),
            "resultsInterpreter": [{"display": name} for name in dict.fromkeys(one.reader for one in study.readings)],
            "result": [{"reference": f"#{one['id']}"} for one in observations],
            "imagingStudy": [{"reference": "#study"}],
            "conclusion": _conclusion(latest, result),
            "conclusionCode": [_said(latest)] if latest else [],
            "presentedForm": [
                {
                    "contentType": "application/pdf",
                    "data": b64encode(page).decode(),
                    "title": f"{MANUFACTURER} report. {RESEARCH}",
                    "creation": instant(report.made_at),
                }
            ],
        }
    )
    return resource


def _patient(report: StudyReport) -> Json:
    header = report.study.header
    return {
        "resourceType": "Patient",
        "id": "patient",
        "identifier": [{"value": header.mrn, "assigner": {"display": header.issuer}}] if header.mrn else [],
        "name": [{"text": readable_name(header.patient_name)}] if header.patient_name else [],
        "gender": SEXES.get(header.sex.upper(), "unknown"),
        "birthDate": f"{header.birth_date:%Y-%m-%d}" if header.birth_date else "",
    }


def _imaging_study(report: StudyReport) -> Json:
    study = report.study
    uid = [{"system": "urn:dicom:uid", "value": f"urn:oid:{study.header.uid}"}] if study.header.uid else []
    return {
        "resourceType": "ImagingStudy",
        "id": "study",
        "identifier": uid,
        "status": "available",
        "subject": {"reference": "#patient"},
        "started": f"{study.header.study_date:%Y-%m-%d}" if study.header.study_date else "",
        "numberOfSeries": len(study.series),
        "description": study.header.description,
    }


def _device(result: AIResult) -> Json:
    return {
        "resourceType": "Device",
        "id": "model",
        "identifier": [{"system": f"{OURS}:model-sha256", "value": result.model_sha256}],
        "manufacturer": MANUFACTURER,
        "deviceName": [{"name": result.model, "type": "model-name"}],
        "version": [{"type": {"text": "software"}, "value": __version__}],
    }


def _readings(study: Study) -> list[Json]:
    return [
        _observation(f"reading-{number}", "Reading", str(standing(reading, study.readings, study.status)))
        | {
            "effectiveDateTime": instant(reading.signed_at),
            "performer": [{"display": reading.reader}],
            "valueCodeableConcept": _said(reading),
            "note": [
                {"text": text}
                for text in (
                    f"Signed: {meaning(reading)}",
                    " ".join(filter(None, (reading.decision, reading.reason))),
                    reading.comment,
                )
            ],
        }
        for number, reading in enumerate(study.readings, start=1)
    ]


def _probabilities(result: AIResult, arrived_at: datetime) -> list[Json]:
    filed = instant(result.filed_at or arrived_at)
    shared = {"effectiveDateTime": filed, "device": {"reference": "#model"}}
    made = [
        _observation(f"p-{finding}", f"Probability of {finding.label.lower()}", "preliminary")
        | shared
        | {"valueQuantity": _quantity(result.probabilities[finding], "1")}
        for finding in Finding
    ]
    if result.prediction_set:
        names = ", ".join(finding.label for finding in result.prediction_set)
        said = _observation("not-ruled-out", "Classes not ruled out at 95 % coverage", "preliminary")
        made.append(said | shared | {"valueString": names})
    return made


def _measurements(report: StudyReport) -> list[Json]:
    """Return all that the latest signed marks measure, whether it has a picture or not."""
    return [
        _observation(f"measurement-{number}", one.kind.capitalize(), "final")
        | {
            "effectiveDateTime": instant(report.signed[-1].signed_at),
            "performer": [{"display": report.signed[-1].reader}],
            "component": _components(one),
            "note": [{"text": f"{place}: {described(one)}"}],
        }
        for number, (place, one) in enumerate(report.measured, start=1)
    ]


def _components(one: Measurement) -> list[Json]:
    return [
        {"code": {"text": name}, "valueQuantity": _quantity(value, UNITS.get(name, "1"), one.unit)}
        for name, value in one.values.items()
    ]


def _observation(name: str, title: str, status: str) -> Json:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": status,
        "code": {"coding": [coding(name.rstrip("-0123456789"), title)], "text": title},
        "subject": {"reference": "#patient"},
    }


def _quantity(value: float, code: str, unit: str = "") -> Json:
    # Gray values can have a unit that UCUM does not know.
    if code == "1" and unit:
        return {"value": value, "unit": unit}
    return {"value": value, "unit": code, "system": UCUM, "code": code}


def _said(reading: Reading) -> Json:
    """Return what a reading concludes; the text of another lesion is the reader's own."""
    finding = reading.finding
    return {"coding": [coding(str(finding), finding.label, f"{OURS}:class")], "text": concluded(reading)}


def coding(code: str, display: str, system: str = OURS) -> Json:
    """Return a Coding."""
    return {"system": system, "code": code, "display": display}


def _accession(number: str) -> Json:
    kind = coding("ACSN", "Accession ID", "http://terminology.hl7.org/CodeSystem/v2-0203")
    return {"type": {"coding": [kind]}, "value": number}


def _conclusion(latest: Reading | None, result: AIResult | None) -> str:
    if latest:
        return f"{concluded(latest)}. {latest.comment}"
    said = f"AI: {result.predicted.label}. " if result else ""
    return f"{said}Not read yet."


def _narrative(report: StudyReport) -> str:
    study, result = report.study, report.study.result
    lines = [
        f"{RESEARCH}: not for clinical decisions.",
        _conclusion(study.readings[-1] if study.readings else None, result),
    ]
    if result:
        shares = ", ".join(f"{finding.label} {result.probabilities[finding]:.1%}" for finding in Finding)
        lines.append(f"AI ({result.model}): {shares}")
    for one in study.readings:
        state = standing(one, study.readings, study.status)
        lines.append(f"{concluded(one)}, {state}: {one.reader}, {moment(one.signed_at)}")
    paragraphs = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'


def instant(at: datetime) -> str:
    """Return a time in UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def filled(value: Any) -> Any:
    """Return a resource with every text on one line, without empty values, which FHIR does not allow."""
    if isinstance(value, dict):
        parts = {name: filled(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part not in ("", [], {}, None)}
    if isinstance(value, list):
        return [part for part in map(filled, value) if part not in ("", [], {}, None)]
    return one_line(value) if isinstance(value, str) else value
