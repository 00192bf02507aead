"""Recognise DICOM data by its first elements in any of the three encodings, whatever stands before them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pydicom.datadict import dictionary_has_tag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

#: Elements that have to make sense; a single one also does if the data end with it.
CHECKED_ELEMENTS = 3
#: Groups that an object can begin with: file meta, directory, identity, patient, acquisition, relations, image, pixels.
FIRST_GROUPS = {0x0002, 0x0004, 0x0008, 0x0010, 0x0018, 0x0020, 0x0028, 0x7FE0}
UNDEFINED_LENGTH = 0xFFFFFFFF
#: Longest value at the start of a file without VRs: there, any number could be a length.
MAX_IMPLICIT_VALUE = 2**16
#: Length of the value of a group length.
GROUP_LENGTH_BYTES = 4
VRS = {str(vr).encode() for vr in VR if len(vr) == 2}
LONG_VRS = {str(vr).encode() for vr in EXPLICIT_VR_LENGTH_32}


class Encoding(NamedTuple):
    """Whether elements go without value representations, and whether their bytes are in little endian."""

    implicit: bool
    little: bool


def encoding(head: bytes) -> Encoding | None:
    """Return the encoding in which data begin with elements of a DICOM object; None if there is none.

    Parameters
    ----------
    head
        The start of a file, or of the data set in it.
    """
    found = {
        Encoding(implicit=False, little=True): _explicit(head, "<"),
        Encoding(implicit=False, little=False): _explicit(head, ">"),
        Encoding(implicit=True, little=True): _implicit(head),
    }
    return next((one for one, elements in found.items() if _makes_sense(list(elements))), None)


def _makes_sense(tags: list[int | None]) -> bool:
    known = [tag for tag in tags if tag is not None]
    return (
        bool(known)
        and len(known) == len(tags)
        and known[0] >> 16 in FIRST_GROUPS
        and known == sorted(set(known))
        and all(_is_known(tag) for tag in known)
    )


def _is_known(tag: int) -> bool:
    # A group length is in no dictionary, and the elements of odd groups are private.
    return tag & 0xFFFF == 0 or bool(tag >> 16 & 1) or dictionary_has_tag(tag)


def _explicit(head: bytes, order: str) -> Iterator[int | None]:
    """Give the first tags, and None for what is no element."""
    at = 0
    for _ in range(CHECKED_ELEMENTS):
        if len(head) < at + 6:
            return
        group, element, vr = struct.unpack_from(f"{order}HH2s", head, at)
        if vr not in VRS:
            yield None
            return
        yield group << 16 | element
        form, start = ("I", 8) if vr in LONG_VRS else ("H", 6)
        begin = at + start + struct.calcsize(form)
        if len(head) < begin:
            return
        (length,) = struct.unpack_from(f"{order}{form}", head, at + start)
        if length == UNDEFINED_LENGTH:
            return
        at = begin + length


def _implicit(head: bytes) -> Iterator[int | None]:
    """Give the first tags, and None for what is no element."""
    at = 0
    for _ in range(CHECKED_ELEMENTS):
        if len(head) < at + 8:
            return
        group, element, length = struct.unpack_from("<HHI", head, at)
        if length == UNDEFINED_LENGTH:
            yield group << 16 | element
            return
        if length % 2 or length > MAX_IMPLICIT_VALUE or (element == 0 and length != GROUP_LENGTH_BYTES):
            yield None
            return
        yield group << 16 | element
        at += 8 + length
