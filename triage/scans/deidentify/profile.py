"""PS3.15, Basic Application Confidentiality Profile, with the option to retain intervals between modified dates.

The rules by tag, and their actions, are those of dicom-anonymizer. Its own loop covers only the top level of a dataset;
this one covers every sequence. It is stricter than the profile in one way: elements that the profile does not name are
kept only if they cannot hold free text, or are in `KEPT_ELEMENTS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.tag import BaseTag

from triage.scans.deidentify.pseudonym import Identity, Key, Pseudonym

Rule = Callable[[Dataset, tuple[int, int]], None]

#: Root of the UIDs of the standard, which identify no hospital.
STANDARD_UIDS = "1.2.840.10008."
#: Value representations with free text.
TEXT_VRS = {"AE", "AS", "LO", "LT", "PN", "SH", "ST", "UC", "UN", "UR", "UT"}
BINARY_VRS = {"OB", "OB or OW", "OD", "OF", "OL", "OV", "OW"}
#: Free text and bytes that the profile does not name, and that are needed to show or describe the image.
KEPT_ELEMENTS = {
    tag_for_keyword(keyword)
    for keyword in (
        "Manufacturer",
        "ManufacturerModelName",
        "CodeValue",
        "CodingSchemeDesignator",
        "PixelData",
        "LUTData",
        "RedPaletteColorLookupTableData",
        "GreenPaletteColorLookupTableData",
        "BluePaletteColorLookupTableData",
    )
}
#: Sequences that refer to other instances; they are kept, with the new UIDs.
REFERENCES = {tag_for_keyword("ReferencedImageSequence"), tag_for_keyword("SourceImageSequence")}
#: Curves and overlays, drawn by a person and often with a name.
DRAWN_GROUPS = (0x5000, 0x6000)
#: Valid values of code strings and of numbers as text (PS3.5 6.2).
VALUE_PATTERNS = {
    "CS": re.compile(r"[A-Z0-9_ ]{0,16}"),
    "DS": re.compile(r"[0-9+\-Ee. ]{0,16}"),
    "IS": re.compile(r"[0-9+\-. ]{0,12}"),
}
#: Codes of SNOMED (old and new) and DICOM; a code of a site could be any text.
PUBLIC_CODE = re.compile(r"\d{5,18}|[A-Z]\w?-[0-9A-F]{4,6}")
PUBLIC_SCHEMES = {"SCT", "SRT", "SNM3", "DCM"}


def identifiers(dataset: Dataset) -> set[Key]:
    """Return the identifiers to replace by pseudonyms: the patient, the accession number, and every local UID."""
    found: set[Key] = {(Identity.PATIENT, patient_of(dataset))}
    if accession := str(dataset.get("AccessionNumber") or ""):
        found.add((Identity.ACCESSION, accession))
    for element in _all_elements(dataset):
        if element.VR == "UI":
            found |= {(Identity.UID, uid) for uid in _values(element) if _is_local(uid)}
    return found


def patient_of(dataset: Dataset) -> str:
    """Return the key of the patient: the ID, otherwise name and birth date, otherwise the study."""
    issuer = str(dataset.get("IssuerOfPatientID") or "")
    if number := str(dataset.get("PatientID") or "").strip():
        return f"{number}^^^{issuer}" if issuer else number
    named = [str(dataset.get(keyword) or "") for keyword in ("PatientName", "PatientBirthDate")]
    return " ".join(named) if named[0] else f"study {dataset.get('StudyInstanceUID') or ''}"


def deidentify(dataset: Dataset, pseudonyms: Mapping[Key, Pseudonym]) -> None:
    """Remove everything from a dataset, including its sequences, that identifies the patient.

    Parameters
    ----------
    dataset
        Changed in place.
    pseudonyms
        One for each of `identifiers(dataset)`.
    """
    patient = pseudonyms[Identity.PATIENT, patient_of(dataset)]
    accession = pseudonyms.get((Identity.ACCESSION, str(dataset.get("AccessionNumber") or "")))
    _clean(dataset, pseudonyms, patient.shift)
    dataset.PatientName = dataset.PatientID = patient.replacement
    dataset.PatientBirthDate = dataset.PatientSex = dataset.StudyID = ""
    dataset.AccessionNumber = accession.replacement if accession else ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.DeidentificationMethod = "DICOM PS3.15 Basic Profile, dates moved"
    dataset.DeidentificationMethodCodeSequence = [
        _code(codes.DCM.BasicApplicationConfidentialityProfile),
        _code(codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption),
    ]


def moved(value: str, shift: int) -> str:
    """Return a DA or DT value as a date (YYYYMMDD), `shift` days earlier; empty if it is invalid."""
    try:
        day = datetime.strptime(value.replace(".", "")[:8], "%Y%m%d")
        return f"{day - timedelta(days=shift):%Y%m%d}".rjust(8, "0")
    except (ValueError, OverflowError):
        return ""


def _clean(dataset: Dataset, pseudonyms: Mapping[Key, Pseudonym], shift: int) -> None:
    for element in _elements(dataset):
        tag, rule = element.tag, _rules().get((element.tag.group, element.tag.element))
        if tag.is_private or tag.group < 8 or (tag.group & 0xFF00) in DRAWN_GROUPS or not element.keyword:
            del dataset[tag]
        elif element.VR == "SQ":
            _clean_sequence(dataset, element, rule, pseudonyms, shift)
        elif element.VR in {"DA", "DT"}:
            suffix = "000000" if element.VR == "DT" else ""
            element.value = [day + suffix if (day := moved(value, shift)) else "" for value in _values(element)]
        elif element.VR == "UI":
            uids = _values(element)
            element.value = [pseudonyms[Identity.UID, uid].replacement if _is_local(uid) else uid for uid in uids]
        elif rule is not None:
            _apply(rule, dataset, tag)
        elif not _harmless(element):
            element.value = b"" if element.VR in BINARY_VRS or element.VR == "UN" else ""
    if "CodeMeaning" in dataset:
        # The meaning is free text but required (type 1), so it is replaced by the code.
        dataset.CodeMeaning = dataset.get("CodeValue") or "withheld"


def _clean_sequence(
    dataset: Dataset, element: DataElement, rule: Rule | None, pseudonyms: Mapping[Key, Pseudonym], shift: int
) -> None:
    if rule is not None and element.tag not in REFERENCES:
        if rule.__name__ == "delete":
            del dataset[element.tag]
        else:
            element.value = Sequence()
        return
    element.value = Sequence([item for item in element.value if "CodeMeaning" not in item or _is_public(item)])
    for item in element.value:
        _clean(item, pseudonyms, shift)


def _apply(rule: Rule, dataset: Dataset, tag: BaseTag) -> None:
    try:
        rule(dataset, (tag.group, tag.element))
    except NotImplementedError:  # there is no dummy value for this representation
        del dataset[tag]


def _harmless(element: DataElement) -> bool:
    if element.tag in KEPT_ELEMENTS:
        return True
    if pattern := VALUE_PATTERNS.get(element.VR):
        return all(pattern.fullmatch(value) for value in _values(element))
    return element.VR not in TEXT_VRS | BINARY_VRS | {"TM"}


def _is_public(item: Dataset) -> bool:
    scheme, value = item.get("CodingSchemeDesignator"), str(item.get("CodeValue") or "")
    return scheme in PUBLIC_SCHEMES and PUBLIC_CODE.fullmatch(value) is not None


def _is_local(uid: str) -> bool:
    return bool(uid) and not uid.startswith(STANDARD_UIDS)


def _values(element: DataElement) -> list[str]:
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    return [str(value) for value in values if value is not None]


def _all_elements(dataset: Dataset) -> Iterator[DataElement]:
    for element in _elements(dataset):
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from _all_elements(item)


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    """Yield the elements; one that cannot be read is removed, since its content is unknown."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # an invalid value can make pydicom raise anything
            del dataset[tag]
        else:
            yield element


def _code(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


@cache
def _rules() -> dict[Any, Rule]:
    # Slow to import, and needed only if de-identification is on.
    from dicomanonymizer.simpledicomanonymizer import initialize_actions_2024b

    rules: dict[Any, Rule] = initialize_actions_2024b()
    return rules
