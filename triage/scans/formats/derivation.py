"""Derived images (PS3.3 C.7.6.1.1.2): which are still the acquired slices, which may stand in, which never."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from pydicom import Dataset

from triage.domain import Series
from triage.scans.formats.elements import functional, text, values

#: Reason of images that are scored only where the study holds nothing else: reformatted, filtered, written by a tool.
DERIVED = "Derived from other series"
#: Reason of images that are never scored: their gray values are no longer those of a head on MRI.
COMPUTED = "Computed map or projection"
SCORED_ALTHOUGH_DERIVED = "Marked as derived, and scored because the study holds nothing else to score"
#: Words of Image Type and Series Description (also of our own reason) that name such images.
COMPUTED_WORD = re.compile(
    r"e?adc|dadc|(col)?fa|md|rd|tensor|r?cbf|r?cbv|relcb[fv]|(rel)?mtt|ttp|tmax|pbp|perfusion|mip|minip|projection|"
    r"sub|subtract(ed|ion)?|maps?|computed|screen|screenshot|capture"
)
#: Words that tell a reformatted image from one that was only compressed.
REFORMATTED_WORD = re.compile(r"mpr|reformat(ted)?|resampled|averaged?|fused|composed")
COMPRESSION = re.compile(r"compress|lossy|lossless|jpe?g|jp2|j2k", re.IGNORECASE)
#: Derivation Code "Lossy Compression" (PS3.16 CID 7203).
LOSSY_COMPRESSION = "113040"


def derivation(header: Dataset) -> str:
    """Return why a derived image is not scored; "" for one that is not derived, or only by compression."""
    kind, *rest = _types(header, "ImageType")
    if kind != "DERIVED":
        return ""
    named = " ".join([*rest[1:], text(header, "SeriesDescription")])
    if _has_word(named, COMPUTED_WORD):
        return COMPUTED
    described = text(header, "DerivationDescription", 1024)
    if _has_word(f"{named} {described}", REFORMATTED_WORD):
        return DERIVED
    return "" if _is_by_compression(header, described) else DERIVED


def computed_frames(header: Dataset) -> set[int]:
    """Return the frames of an enhanced object that are computed maps, if others are not."""
    frames = range(len(header.get("PerFrameFunctionalGroupsSequence") or ()))
    found = set()
    for at in frames:
        kind, *rest = _types(functional(header, at, "MRImageFrameTypeSequence"), "FrameType")
        if kind == "DERIVED" and _has_word(" ".join(rest[1:]), COMPUTED_WORD):
            found.add(at)
    return found if len(found) < len(frames) else set()


def _types(described: Dataset, keyword: str) -> list[str]:
    return [str(value).upper() for value in values(described, keyword)] or [""]


def _has_word(described: str, word: re.Pattern[str]) -> bool:
    return any(word.fullmatch(part) for part in re.split(r"[^a-z0-9]+", described.lower()))


def _is_by_compression(header: Dataset, described: str) -> bool:
    if described:
        return COMPRESSION.search(described) is not None
    codes = {
        text(item, "CodeValue")
        for item in functional(header, 0, "DerivationImageSequence").get("DerivationCodeSequence") or ()
    }
    return codes == {LOSSY_COMPRESSION} if codes else text(header, "LossyImageCompression") == "01"


def without_stand_ins(series: Iterable[Series]) -> tuple[Series, ...]:
    """Set aside derived series that were decoded for want of others, if the study holds others after all.

    A decoder that sees a part of the files cannot know.
    """
    found = tuple(series)
    if not any(one.slices and not one.header.note for one in found):
        return found
    return tuple(
        Series(replace(one.header, note="", set_aside=DERIVED), ()) if one.header.note else one for one in found
    )
