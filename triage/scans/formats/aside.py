"""The pictures of a study that are not scored, decoded to be looked at: localisers, derived images, CT."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from pydicom import Dataset

from triage.domain import Kind, Series
from triage.errors import RefusedError
from triage.scans.formats import dicom
from triage.scans.formats.derivation import COMPUTED
from triage.scans.formats.elements import quietly, text
from triage.scans.formats.gray_scale import Stored
from triage.scans.formats.inspect import kind_of
from triage.scans.formats.parsing import read
from triage.scans.formats.stacks import arrange


@quietly
def decode_aside(paths: Sequence[Path], shown: Collection[tuple[int, int]]) -> tuple[Series, ...]:
    """Decode what `triage.scans.formats.decode.decode_study` leaves out.

    A file that cannot be decoded is left out: nothing that is scored may depend on it.

    Parameters
    ----------
    paths
        DICOM files of one study; others have nothing that is set aside.
    shown
        File, as its index, and number in it of the slices that are shown already. Copies of those are left out.

    Returns
    -------
    tuple of Series
        By series number, with slices, and with the reason in the header.
    """
    files: dict[tuple[int, str, str], dict[int, Dataset]] = defaultdict(dict)
    decoded: dict[int, list[dicom.Picture]] = {}
    room = dicom.MAX_STUDY
    for index, path in enumerate(paths):
        if kind_of(path) is not Kind.DICOM:
            continue
        try:
            header = read(path)
            reason = dicom.not_scored(header) or (COMPUTED if any(at == index for at, _ in shown) else "")
            if not reason or not dicom.holds_picture(header):
                continue
            left = dicom.room_left(room, header)
            every = list(dicom.pictures(index, header, frozenset()))
        except RefusedError:
            continue
        room = left
        dicom.forget_pixels(header)
        decoded[index] = [_gray(one) for one in every if (index, one.number) not in shown]
        described = dicom.series_header([header])
        files[described.number, described.uid, reason][index] = header
    found: list[Series] = []
    for (_, _, reason), headers in sorted(files.items(), key=lambda item: item[0]):
        try:
            series = dicom.series_of(headers, decoded, reason)
        except RefusedError:
            continue
        header_of = [replace(one, header=replace(one.header, note="", set_aside=reason)) for one in series]
        found += [one for one in arrange(header_of) if one.slices]
    return tuple(found)


def _gray(one: dicom.Picture) -> dicom.Picture:
    """Return a coloured picture as bright as it looks; the viewer draws gray values."""
    stored = one.frame.stored
    if stored.ndim == 2:
        return one
    is_luminance = text(one.frame.header, "PhotometricInterpretation").startswith("YBR")
    gray: Stored = stored[..., 0] if is_luminance else stored.mean(axis=-1).astype(stored.dtype)
    return replace(one, frame=replace(one.frame, stored=gray))
