"""Pictures that are probably not MRI slices. They are listed for a person to check, not left out."""

from __future__ import annotations

import numpy as np

from triage.copies.descriptors import FRAME, Frames
from triage.domain import Slice
from triage.scans.quality.gate import not_analysable, unlike_a_head

#: Least gray value of a pixel of the head, of 255.
HEAD_GRAY = 25
#: Least gray value of a pixel that can be bone on CT, of 255.
BONE_GRAY = 240
#: Least share of the head that is bone on CT; the fat of the scalp on MRI has less.
MIN_BONE = 0.05
#: Largest share of the inner disc that is as bright as bone on CT.
MAX_INNER_BONE = 0.01
#: Radius of the inner disc, in which CT shows only brain: share of the frame.
INNER_RADIUS = 0.25
#: On CT, at least this share of the inner disc has a gray value near its median.
MIN_NEAR_MEDIAN = 0.6
#: Largest distance of such a gray value from the median.
NEAR_MEDIAN = 25
#: Number of sectors around the centre in which bone is looked for.
SECTORS = 16
#: The skull is closed: at least this number of sectors has bone.
MIN_SECTORS = 14


def suspicion(picture: Slice, frame: Frames) -> str | None:
    """Return why the picture is probably not an MRI slice, or None.

    Parameters
    ----------
    picture
        The decoded picture.
    frame
        Its head, ``(FRAME, FRAME)``.
    """
    reason = not_analysable(picture) or unlike_a_head(picture)
    if reason is None and _has_ring_of_bone(frame):
        return "Perhaps CT: a closed bright ring like bone around an inside of even gray"
    return reason


def _has_ring_of_bone(frame: Frames) -> bool:
    y, x = np.mgrid[:FRAME, :FRAME] - (FRAME - 1) / 2
    inner = frame[np.hypot(x, y) < INNER_RADIUS * FRAME].astype(np.float32)
    bone = frame >= BONE_GRAY
    if bone.sum() < MIN_BONE * max((frame > HEAD_GRAY).sum(), 1) or (inner >= BONE_GRAY).mean() > MAX_INNER_BONE:
        return False
    even = (np.abs(inner - np.median(inner)) < NEAR_MEDIAN).mean() >= MIN_NEAR_MEDIAN
    sectors = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
    return bool(even and len(np.unique(sectors[bone])) >= MIN_SECTORS)
