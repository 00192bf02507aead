"""The chain of seals as pure functions: how one follows from the one before, and what is wrong where it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

#: Stands for the digest of a row that was removed, and for the code before the first seal.
NOTHING = "0" * 64
Mac = Callable[[bytes], str]


class Kind(StrEnum):
    """Kinds of damage."""

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    SPLICED = "spliced from another record"
    MISSING = "file missing"
    ALTERED = "file altered"
    ORPHANED = "refers to a row that is not there"
    UNBOUND = "signature does not fit what was signed"
    MODEL = "model folder not as accepted"
    PLANTED = "not made by this product"
    UNTRUE = "does not have what is in its table"
    DROPPED = "dropped from the database"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was sealed; names no patient.

    Attributes
    ----------
    what, key
        Table and key of the row, or the file.
    """

    kind: Kind
    what: str
    key: str

    def __str__(self) -> str:
        return f"{self.what} {self.key}: {self.kind}"


@dataclass(frozen=True, slots=True)
class Link:
    """Number and code of a seal."""

    number: int
    mac: str


@dataclass(frozen=True)
class Seal:
    """One sealed fact: at this time, this row had this content."""

    number: int
    at: datetime
    what: str
    key: str
    digest: str
    mac: str

    def message(self, before: str, number: int | None = None) -> bytes:
        """Return what the code is computed over, after a seal with the code `before`."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        number = self.number if number is None else number
        return "\n".join((str(number), at, self.what, self.key, self.digest, before)).encode()

    def follows(self, mac: Mac, before: str) -> bool:
        """Whether its code is the right one after a seal with the code `before`."""
        return mac(self.message(before)) == self.mac


@dataclass(frozen=True, slots=True)
class Suspect:
    """A seal whose code is not right.

    Attributes
    ----------
    before
        Code of the seal before it.
    following
        The seal after it, if there is one.
    """

    seal: Seal
    before: str
    following: Seal | None


def judge(suspects: Sequence[Suspect], mac: Mac) -> list[Damage]:
    """Return what was done to seals whose codes are not right, in their order.

    Parameters
    ----------
    suspects
        Some of them, in their order.
    mac
        Makes a code, `Key.mac`.
    """
    # What may have stood before a seal: what does, or what would if only the code had been edited.
    codes = {code for one in suspects for code in (one.seal.mac, one.before, mac(one.seal.message(one.before)))}
    numbers = {one.seal.number for one in suspects}
    found = []
    for one in suspects:
        seal, following = one.seal, one.following
        if any(seal.follows(mac, code) for code in codes):
            continue  # only what stands before it was changed
        places = {mac(seal.message(code, number)) for code in codes for number in numbers}
        expected = mac(seal.message(one.before))
        if places & {other.seal.mac for other in suspects}:
            kind = Kind.REORDERED
        elif following is None or any(following.follows(mac, code) for code in (seal.mac, expected)):
            kind = Kind.EDITED
        else:
            kind = Kind.SPLICED
        found.append(Damage(kind, "seal", f"{seal.number} ({seal.what} {seal.key})"))
    return found
