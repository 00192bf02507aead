"""Whether two headers under one Study Instance UID can be of one patient."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from triage.domain import StudyHeader

#: What files can leave out and still agree.
IDENTITY = ("patient_name", "birth_date", "sex", "issuer")
#: Between the components of a name, as DICOM and as earlier versions wrote it.
SEPARATORS = re.compile(r"[\^,\s]+")


def agree(one: StudyHeader, other: StudyHeader) -> bool:
    """Return whether nothing speaks against one patient.

    The MRN has to be the same, or missing in both; without one, so has the name. Issuer, birth date, sex, and the name
    beside an MRN, count where both state them: scanners leave them out.
    """
    if one.mrn != other.mrn:
        return False
    if not one.mrn and bool(one.patient_name) != bool(other.patient_name):
        return False
    stated = (
        (_words(one.issuer), _words(other.issuer)),
        (one.birth_date, other.birth_date),
        (_words(one.sex), _words(other.sex)),
        # Alphabetic, ideographic and phonetic (PS3.5 6.2.1.2): each against its own kind.
        *zip(map(_words, one.patient_name.split("=")), map(_words, other.patient_name.split("=")), strict=False),
    )
    return all(mine == theirs for mine, theirs in stated if mine and theirs)


def completed(one: StudyHeader, other: StudyHeader) -> StudyHeader:
    """Return the first header with what it leaves out of the identity, so that later ones are held against all."""
    return replace(one, **{name: getattr(one, name) or getattr(other, name) for name in IDENTITY})


def _words(text: str) -> str:
    """Return a text without case, accents and the places of its spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return SEPARATORS.sub("", letters)
