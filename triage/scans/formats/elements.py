"""Safe access to the elements of a DICOM object: any of them may be missing, or hold anything."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_description, dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from triage.errors import RefusedError
from triage.text import visible

MAX_TEXT = 255
#: Longest name of a person with all components and representations: characters.
MAX_PERSON = 1000
#: Numbers beyond this are no counts or positions, and the record cannot hold them.
MAX_INTEGER = 2**31 - 1
#: Numbers of the first block of private elements in a group, and one beyond those that are met.
FIRST_BLOCK = 0x10
MAX_BLOCK = 0x20
DAMAGED = "The DICOM file is damaged or cut short. Send it again from the PACS."

P = ParamSpec("P")
T = TypeVar("T")


def quietly(call: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that reads untrusted elements: no pydicom warnings, and its errors become a `RefusedError`.

    pydicom converts an element when it is first read, and a hostile one can raise any exception. The error names the
    element of an object among the arguments that cannot be converted.
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
            raise RefusedError(_trouble(arguments)) from error

    return quiet


def _trouble(arguments: tuple[object, ...]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unreadable = (_unreadable(header) for header in arguments if isinstance(header, Dataset))
        tag = next((tag for tag in unreadable if tag is not None), None)
    if tag is None:
        return DAMAGED
    return f"{named(tag)} cannot be read: its value is malformed. Correct or remove it, or send the file again."


def _unreadable(header: Dataset) -> BaseTag | None:
    """Return the first element that cannot be converted, also within sequences."""
    for tag in header.keys():  # noqa: SIM118 - iterating over a Dataset converts its elements
        try:
            element = header[tag]
            items = element.value if isinstance(element, DataElement) and element.VR == "SQ" else ()
            within = next((found for item in items if (found := _unreadable(item)) is not None), None)
        except Exception:
            return tag
        if within is not None:
            return within
    return None


def named(tag: BaseTag) -> str:
    """Return the name and the number of an element, for a message."""
    name = dictionary_description(tag) if dictionary_has_tag(tag) else "The private element"
    return f"{name} ({tag.group:04X},{tag.element:04X})"


def text(header: Dataset, keyword: str, limit: int = MAX_TEXT) -> str:
    """Return an element as one line of visible text, "" if it is missing."""
    value = header.get(keyword)
    joined = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")
    return visible(joined, limit)


def values(header: Dataset, keyword: str) -> list[Any]:
    """Return the values of an element; an empty list if it is missing or empty."""
    value = header.get(keyword)
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]


def numbers(header: Dataset, keyword: str, count: int) -> list[float] | None:
    """Return the values as finite numbers, or None unless there are exactly `count`."""
    try:
        # Some programs write a comma where their country has one.
        found = [
            float(value.replace(",", ".") if isinstance(value, str) else value) for value in values(header, keyword)
        ]
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def integer(header: Dataset, keyword: str, default: int) -> int:
    """Return a whole number, or the default if there is none or it is beyond `MAX_INTEGER`."""
    try:
        found = int(header.get(keyword) or default)
    except (TypeError, ValueError, OverflowError):
        return default
    return found if abs(found) <= MAX_INTEGER else default


def forget_infinite_numbers(header: Dataset) -> None:
    """Empty whole numbers without bounds, as ``1e400``, before pydicom stops at them: they say nothing."""
    for element in list(header.elements()):
        if not isinstance(element, RawDataElement) or (element.VR or _dictionary_vr(element.tag)) != "IS":
            continue
        if element.value and any(map(_is_infinite, element.value.split(b"\\"))):
            header[element.tag] = element._replace(value=b"", length=0)


def _dictionary_vr(tag: BaseTag) -> str:
    return dictionary_VR(tag) if dictionary_has_tag(tag) else ""


def _is_infinite(number: bytes) -> bool:
    try:
        return math.isinf(float(number.strip(b"\0 ")))
    except ValueError:
        return False


def private(header: Dataset, creator: str, tag: tuple[int, int]) -> Any:
    """Return the value of a private element, wherever its block lies (PS3.5 7.8.1); None if it is missing.

    Parameters
    ----------
    header
        The object.
    creator
        Who defines the block.
    tag
        Group and element in the first block, which it also is if nobody is named.
    """
    group, element = tag
    creators = {at: header[group, at].value for at in range(FIRST_BLOCK, MAX_BLOCK) if (group, at) in header}
    block = next((at for at, name in creators.items() if str(name).strip() == creator), None)
    if block is None and FIRST_BLOCK not in creators:
        block = FIRST_BLOCK
    found = header.get((group, block << 8 | element & 0xFF)) if block else None
    return found.value if found is not None else None


def person(header: Dataset) -> str:
    """Return the patient's name as DICOM writes it: components between ``^``, representations between ``=``."""
    return text(header, "PatientName", MAX_PERSON)


def day(header: Dataset, keyword: str) -> date | None:
    """Return a date, or None if it is missing or invalid."""
    try:
        return datetime.strptime(text(header, keyword)[:8], "%Y%m%d").date()
    except ValueError:
        return None


def meta(header: Dataset, keyword: str) -> str:
    """Return an element of the file meta information, "" if it is missing."""
    return visible(str(getattr(header, "file_meta", Dataset()).get(keyword) or ""), MAX_TEXT)


def functional(header: Dataset, frame: int, macro: str) -> Dataset:
    """Return what holds the elements of a functional group: the item of the frame, the shared item, or the object."""
    for keyword, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = header.get(keyword)
        if groups and index < len(groups) and groups[index].get(macro):
            item: Dataset = groups[index][macro].value[0]
            return item
    return header
