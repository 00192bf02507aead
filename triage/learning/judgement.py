"""The judgement of a candidate: may it serve in place of the model that does? Stored beside its card."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from hmac import compare_digest
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from triage.errors import ModelError, storage_error
from triage.inference.files import read_file

JUDGEMENT = "judgement.json"
#: Version of the file; a judgement by other rules must be made again.
RULES = 1
#: Largest file that is read: bytes.
MAX_SIZE = 2**20
#: Makes the message authentication code of bytes with the key of a record.
Mac = Callable[[bytes], str]


class Place(StrEnum):
    """The studies that a check is made on."""

    SITE = "this site"
    REFERENCE = "reference set"


class Verdict(StrEnum):
    """What a check found; `NOT_ENOUGH` where there are too few patients to tell."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ENOUGH = "not enough"


class Check(BaseModel):
    """One row of a judgement.

    Attributes
    ----------
    name
        What was checked, and where.
    verdict
        What was found.
    said
        The same in a sentence, with what would help.
    figures
        Numbers by name; None for what could not be measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    verdict: Verdict
    said: str
    figures: dict[str, float | None] = {}


#: What is checked; the place is added by `named`.
SENSITIVITY = "Gliomas at the operating point"
DISCRIMINATION = "Gliomas told from the rest"
LEAK = "No test study in the training"


def named(topic: str, place: Place) -> str:
    """Return the name of a check on the studies of a place."""
    return f"{topic}, {place}"


#: Checks that must be passed: here it is not enough that no loss was shown.
REQUIRED = (LEAK, *(named(topic, place) for place in Place for topic in (SENSITIVITY, DISCRIMINATION)))


class Judgement(BaseModel):
    """All checks of a candidate against one serving model.

    Attributes
    ----------
    rules
        `RULES` of the version that judged.
    created
        When, in UTC.
    candidate, serving, data_set
        Digest of both cards and of the export that was judged on.
    checks
        At least one.
    seal
        Message authentication code over all else with the key of the record that the candidate is for; empty if it was
        judged where that key is not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: int = RULES
    created: str
    candidate: str
    serving: str
    data_set: str
    checks: tuple[Check, ...]
    seal: str = ""

    def sealed(self, mac: Mac) -> Judgement:
        """Return it with a seal."""
        return self.model_copy(update={"seal": self._code(mac)})

    def is_sealed(self, mac: Mac) -> bool:
        """Tell whether it was judged where the key is, and was not changed since."""
        return compare_digest(self.seal.encode(), self._code(mac).encode())

    def _code(self, mac: Mac) -> str:
        # No other text that the key seals begins so.
        return mac(b"judgement " + self.model_copy(update={"seal": ""}).model_dump_json().encode())

    def passes(self, candidate: str, serving: str) -> bool:
        """Tell whether this candidate may serve in place of this model, named by the digests of their cards."""
        return (self.candidate, self.serving) == (candidate, serving) and not self.against

    @property
    def against(self) -> tuple[Check, ...]:
        """The checks that stop the candidate: those that failed, and those of `REQUIRED` that did not pass."""
        return tuple(
            check
            for check in self.checks
            if check.verdict is Verdict.FAILED or (check.name in REQUIRED and check.verdict is not Verdict.PASSED)
        ) + tuple(_missing(name) for name in REQUIRED if name not in {check.name for check in self.checks})


def write_judgement(judgement: Judgement, folder: Path) -> None:
    """Write a judgement beside the card of its candidate, whole or not at all.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    part = folder / f"{JUDGEMENT}.part"
    try:
        part.write_text(judgement.model_dump_json(indent=1) + "\n")
        part.replace(folder / JUDGEMENT)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise storage_error(error) from error


def read_judgement(folder: Path) -> Judgement | None:
    """Return the judgement of a candidate; None if it was not judged yet.

    Raises
    ------
    ModelError
        If the file is no judgement, or was written by other rules.
    """
    path = folder / JUDGEMENT
    try:
        judgement = Judgement.model_validate_json(read_file(path, MAX_SIZE), strict=True)
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ModelError(f"{path} is not a judgement. Judge the candidate again.") from error
    if judgement.rules != RULES or not judgement.checks:
        raise ModelError(f"{path} was written by other rules. Judge the candidate again.")
    return judgement


def _missing(name: str) -> Check:
    return Check(name=name, verdict=Verdict.NOT_ENOUGH, said="This was not checked. Judge the candidate again.")
