"""Whether two headers under one Study Instance UID can be of one patient."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from itertools import zip_longest

from triage.domain import StudyHeader

#: What files can leave out and still agree.
IDENTITY = ("patient_name", "birth_date", "sex", "issuer")
#: Components that tell people apart: family, given and middle name; prefix and suffix follow.
TELLING = 3
SEXES = {"f": "f", "female": "f", "m": "m", "male": "m", "o": "o", "other": "o"}
#: Between the components of a name, as DICOM and as earlier versions wrote it.
SEPARATORS = re.compile(r"[\^,\s]+")


def agree(one: StudyHeader, other: StudyHeader) -> bool:
    """Return whether nothing speaks against one patient.

    The MRN has to be the same, or missing in both; without one, so has the name. Issuer, birth date, sex, and the name
    beside an MRN, count where both state them: scanners leave them out, also a prefix or suffix of it.
    """
    if one.mrn != other.mrn:
        return False
    if not one.mrn and bool(one.patient_name) != bool(other.patient_name):
        return False
    stated = (
        (_words(one.issuer), _words(other.issuer)),
        (one.birth_date, other.birth_date),
        (_sex(one.sex), _sex(other.sex)),
    )
    # Alphabetic, ideographic and phonetic (PS3.5 6.2.1.2): each against its own kind.
    names = zip(one.patient_name.split("="), other.patient_name.split("="), strict=False)
    return all(mine == theirs for mine, theirs in stated if mine and theirs) and all(
        _are_alike(mine, theirs, untitled=bool(one.mrn)) for mine, theirs in names if _words(mine) and _words(theirs)
    )


def completed(one: StudyHeader, other: StudyHeader) -> StudyHeader:
    """Return the first header with what it leaves out of the identity, so that later ones are held against all."""
    return replace(one, **{name: getattr(one, name) or getattr(other, name) for name in IDENTITY})


def _are_alike(one: str, other: str, *, untitled: bool) -> bool:
    """Return whether two names are the same, but for how they are written; with an MRN, one may lack a title."""
    if _words(one) == _words(other):
        return True
    parts = list(zip_longest(map(_words, one.split("^")), map(_words, other.split("^")), fillvalue=""))
    return (
        untitled
        and len(parts) > TELLING
        and all(mine == theirs for mine, theirs in parts[:TELLING])
        and all(mine == theirs for mine, theirs in parts[TELLING:] if mine and theirs)
    )


def _sex(stated: str) -> str:
    """Return what is one of the defined terms (F, M, O) or a word for it; others, as U for unknown, say nothing."""
    return SEXES.get(_words(stated), "")


def _words(text: str) -> str:
    """Return a text without case, accents and the places of its spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return SEPARATORS.sub("", letters)
