"""Identifiers and their pseudonyms. The map itself is tested in tests/records/test_pseudonyms.py."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import uuid4

#: Crockford's alphabet, without letters that look like digits.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: 50 bits: equal pseudonyms are unlikely among a million patients, and the map rejects them.
LENGTH = 10
#: Range of days by which the dates of a patient move into the past.
SHIFTS = range(365, 3650)


class Identity(StrEnum):
    """Kinds of identifiers that are replaced, not removed, so that they can be looked up."""

    PATIENT = "patient"
    ACCESSION = "accession"
    UID = "uid"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """The replacement of an identifier.

    Attributes
    ----------
    replacement
        Random; the identifier cannot be computed from it.
    shift
        Days by which the dates of a patient move into the past; used for `Identity.PATIENT` only.
    """

    replacement: str
    shift: int


Key = tuple[Identity, str]


class PseudonymMap(Protocol):
    """Storage of pseudonyms."""

    def replace(self, wanted: Collection[Key]) -> dict[Key, Pseudonym]:
        """Return the pseudonym of every identifier: the known one, or a new one, stored before this returns."""


def draw(identity: Identity) -> Pseudonym:
    """Draw a new random pseudonym; the map has to make sure that it is unique."""
    shift = secrets.choice(SHIFTS)
    if identity is Identity.UID:
        return Pseudonym(f"2.25.{uuid4().int}", shift)  # PS3.5 B.2
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    prefix = {Identity.PATIENT: "NT-", Identity.ACCESSION: "A", Identity.NAME: "file-"}[identity]
    return Pseudonym(prefix + code, shift)
