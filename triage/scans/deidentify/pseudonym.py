"""The words of de-identification: what identifies somebody, and what stands in its place."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import uuid4

#: Crockford's alphabet: no letter that is taken for a digit.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: 50 bits: among a million patients two alike are unlikely, and the map refuses them.
LENGTH = 10
#: Days by which a patient's dates move into the past.
SHIFTS = range(365, 3650)


class Identity(StrEnum):
    """Kinds of identifiers that are replaced, not removed, so that they can be found again."""

    PATIENT = "patient"
    ACCESSION = "accession"
    UID = "uid"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """What stands in the place of an identifier.

    Attributes
    ----------
    replacement
        Drawn by lot; nothing of the identifier can be computed from it.
    shift
        Days by which the dates of a patient move into the past; used with `Identity.PATIENT` only.
    """

    replacement: str
    shift: int


Key = tuple[Identity, str]


class PseudonymMap(Protocol):
    """Where pseudonyms are kept."""

    def replace(self, wanted: Collection[Key]) -> dict[Key, Pseudonym]:
        """Return the pseudonym of every identifier: the known one, or a new one that is kept before this returns."""


def draw(identity: Identity) -> Pseudonym:
    """Draw a new pseudonym; that nobody else has it is for the map to make sure."""
    shift = secrets.choice(SHIFTS)
    if identity is Identity.UID:
        return Pseudonym(f"2.25.{uuid4().int}", shift)  # PS3.5 B.2
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    prefix = {Identity.PATIENT: "NT-", Identity.ACCESSION: "A", Identity.NAME: "file-"}[identity]
    return Pseudonym(prefix + code, shift)
