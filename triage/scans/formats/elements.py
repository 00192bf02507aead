"""Elements of a DICOM object, read as one has to: any of them may be missing, or hold anything."""

from __future__ import annotations

import math
import unicodedata
import warnings
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pydicom import Dataset
from pydicom.multival import MultiValue

from triage.errors import RefusedError

MAX_TEXT = 255
DAMAGED = "The DICOM file is damaged or cut short. Send it again from the PACS."
#: Unicode categories that cannot be shown, or that change how what follows is shown.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}

P = ParamSpec("P")
T = TypeVar("T")


def quietly(call: Callable[P, T]) -> Callable[P, T]:
    """Let a function look into what a stranger wrote: pydicom's remarks are dropped, its errors name the remedy.

    Elements are converted when first read, and hostile ones raise anything; it becomes a `RefusedError`.
    """

    @wraps(call)
    def quiet(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return call(*arguments, **options)
        except (RefusedError, MemoryError):
            raise
        except Exception as error:
            raise RefusedError(DAMAGED) from error

    return quiet


def text(header: Dataset, keyword: str, limit: int = MAX_TEXT) -> str:
    """Return an element as one line that can be shown, "" where it is missing."""
    value = header.get(keyword)
    joined = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")
    if not (joined.isascii() and joined.isprintable()):  # few, and looked through one character at a time
        joined = "".join(c for c in joined if unicodedata.category(c) not in UNSEEN)
    return joined.strip()[:limit]


def values(header: Dataset, keyword: str) -> list[Any]:
    """Return an element's values; none where it is missing or empty."""
    value = header.get(keyword)
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]


def numbers(header: Dataset, keyword: str, count: int) -> list[float] | None:
    """Return exactly so many finite numbers, or None."""
    try:
        found = [float(value) for value in values(header, keyword)]
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def integer(header: Dataset, keyword: str, default: int) -> int:
    """Return a whole number, or the default where there is none."""
    try:
        return int(header.get(keyword) or default)
    except (TypeError, ValueError):
        return default


def person(header: Dataset) -> str:
    """Return the patient's name as family name, given name."""
    parts = text(header, "PatientName", 200).split("=")[0].split("^")
    return ", ".join(part.strip() for part in parts[:2] if part.strip())


def day(header: Dataset, keyword: str) -> date | None:
    """Return a date, or None where it is missing or is none."""
    try:
        return datetime.strptime(text(header, keyword)[:8], "%Y%m%d").date()
    except ValueError:
        return None


def meta(header: Dataset, keyword: str) -> str:
    """Return an element of the file meta information, "" where it is missing."""
    return str(getattr(header, "file_meta", Dataset()).get(keyword) or "")


def functional(header: Dataset, frame: int, macro: str) -> Dataset:
    """Return where a functional group's elements stand: in the frame's item, the shared one, or the object itself."""
    for keyword, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = header.get(keyword)
        if groups and index < len(groups) and groups[index].get(macro):
            item: Dataset = groups[index][macro].value[0]
            return item
    return header
