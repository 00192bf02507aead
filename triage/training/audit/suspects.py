"""Pictures that are probably no MRI slices: for somebody to look at, not to be dropped unseen."""

from __future__ import annotations

import numpy as np

from triage.domain import Slice
from triage.scans.quality.gate import not_analysable
from triage.training.audit.descriptors import FRAME, Frames

#: Gray values, of 255, from which a pixel belongs to the head, and from which it may be bone on CT.
HEAD, BONE = 25, 240
#: Bone takes at least this share of the head on CT; fat under the scalp takes less on MRI.
BONE_SHARE = 0.05
#: Radius of the inner disc, where CT shows brain only: share of the frame.
INNER_RADIUS = 0.25
#: The brain's window on CT is narrow: this share of the inner disc lies near its median.
NEAR_MEDIAN, FLAT_SHARE = 25, 0.6
#: The skull is closed: bone in all but two of the directions seen from the middle.
DIRECTIONS, CLOSED = 16, 14


def suspicion(picture: Slice, frame: Frames) -> str | None:
    """Return why the picture is probably no MRI slice, or None.

    Parameters
    ----------
    picture
        The decoded picture.
    frame
        ``(FRAME, FRAME)`` its head.
    """
    reason = not_analysable(picture)
    if reason is None and _has_ring_of_bone(frame):
        return "Perhaps CT: a closed bright ring, as of bone, around an even inside"
    return reason


def _has_ring_of_bone(frame: Frames) -> bool:
    y, x = np.mgrid[:FRAME, :FRAME] - (FRAME - 1) / 2
    inner = frame[np.hypot(x, y) < INNER_RADIUS * FRAME].astype(np.float32)
    bone = frame >= BONE
    if bone.sum() < BONE_SHARE * max((frame > HEAD).sum(), 1) or (inner >= BONE).mean() > 0.01:
        return False
    flat = (np.abs(inner - np.median(inner)) < NEAR_MEDIAN).mean() >= FLAT_SHARE
    directions = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * DIRECTIONS).astype(int) % DIRECTIONS
    return bool(flat and len(np.unique(directions[bone])) >= CLOSED)
