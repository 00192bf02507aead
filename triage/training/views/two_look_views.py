"""Views for the two looks: whole slices and lesion crops, and slices that break the tie of source and disease.

In these data no slice of the scanners' source is without tumour and hardly any of the web is a glioma, so a network
can name the source and be right. Three kinds of view take that away: a lesion pasted onto another source's slice, a
lesion erased from its own, and crops of tumour slices away from the tumour. Two more imitate what no source shows: gray
values of another sequence, and heads without their skull.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.inference.views import MIN_SPAN
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK, STRIDE
from triage.training.views.augment import Frame, photometric
from triage.training.views.contrast import curved, reordered

NOTUMOR = np.array([finding is Finding.NOTUMOR for finding in Finding], np.float32)
#: Lesions that may be pasted anywhere in the head; a pituitary tumour has its one place.
PASTABLE = np.array([finding in (Finding.GLIOMA, Finding.MENINGIOMA) for finding in Finding], np.float32)
#: Share of the views that are second looks.
CLOSE = 0.45
#: Of the second looks at a slice with an outline, how many are taken away from the lesion.
AWAY = 0.2
#: Of the first looks at a slice with an outline, how many have the lesion erased.
ERASED = 0.15
#: Of the first looks at a slice without tumour, how many get a lesion pasted in.
PASTED = 0.25
#: Of all views, how many come of a slice with other gray values, and how many show a head without skull.
CURVED, PEELED = 0.25, 0.1
#: What is peeled off a head, as a share of the frame's side.
PEEL = (0.03, 0.09)
#: Up to this gray value it may be air.
AIR = 20
#: Dark gaps of so many pixels within a head, its skull above all, are no air.
BRIDGED = 25
#: A head is not peeled where more than this share of its lesion would go.
LOST = 0.1
#: Share of a second look that a lesion fills before the look counts as one at the tumour.
SEEN = 0.01
#: Side of a second look over the extent of the lesion; `triage.inference.views` crops at the middle of it.
CLOSE_SPAN = (1.5, 5.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A prepared slice for training.

    Attributes
    ----------
    frame
        ``(side, side)`` uint8.
    target
        ``(classes,)``: 1 for each class that the label allows.
    lesion
        ``(side, side)`` uint8, 255 inside the lesion; all 0 where there is none; None where nobody outlined it.
    suspect
        Centre x, y and extent in pixels of what a network outlines, of a tumour that nobody else did.
    """

    frame: NDArray[np.uint8]
    target: NDArray[np.float32]
    lesion: NDArray[np.uint8] | None
    suspect: tuple[float, float, float] | None = None

    @property
    def healthy(self) -> bool:
        """Whether the label allows no tumour, and nothing else."""
        return bool((self.target == NOTUMOR).all())

    @property
    def outlined(self) -> bool:
        """Whether somebody drew the lesion."""
        return self.lesion is not None and bool(self.lesion.any())


@dataclass(frozen=True, slots=True)
class View:
    """What the network sees and what it should say; `mask` is None where nobody knows it."""

    frame: Frame
    target: NDArray[np.float32]
    mask: Frame | None


class LookViews:
    """Batches of both looks, each a function of the seed, the epoch and its place in it.

    Parameters
    ----------
    pictures
        Prepared slices.
    weights
        How often each is drawn, in the long run; they sum to 1.
    size
        Side of the network's input in pixels.
    reordered
        In which share of the views the tissues change their order of brightness.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        weights: NDArray[np.float64],
        *,
        size: int,
        batch: int,
        seed: int,
        steps: int | None = None,
        reordered: float = 0.0,
    ) -> None:
        self.pictures, self.weights, self.size, self.reordered = pictures, weights, size, reordered
        self.batch, self.seed, self.steps = batch, seed, steps or -(-len(pictures) // batch)
        self.donors = [picture for picture in pictures if picture.outlined and (picture.target @ PASTABLE)]

    def make(self, epoch: int, step: int) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Return one batch: ``(batch, size, size, 1)`` and the targets of both outputs.

        The mask's target has two channels: the lesion, and whether it is known.
        """
        rng = np.random.default_rng((self.seed, epoch, step))
        chosen = rng.choice(len(self.pictures), self.batch, p=self.weights)
        views = [self.view(self.pictures[index], rng) for index in chosen]
        side = self.size // STRIDE
        masks = np.zeros((self.batch, side, side, 2), np.float32)
        for row, view in zip(masks, views, strict=True):
            if view.mask is not None:
                row[..., 0] = cv2.resize(view.mask, (side, side), interpolation=cv2.INTER_AREA) / 255
                row[..., 1] = 1
        pictures = np.stack([view.frame for view in views])[..., None]
        return pictures, {LOGITS: np.stack([view.target for view in views]), MASK: masks}

    def view(self, picture: Picture, rng: np.random.Generator) -> View:
        """Return one random view of a picture."""
        close = rng.random() < CLOSE
        picture = another_look(self._changed(picture, close, rng), rng)
        frame, side = picture.frame.astype(np.float32), picture.frame.shape[0]
        target, lesion = picture.target, picture.lesion
        if not close or not (picture.outlined or picture.healthy or picture.suspect):
            # A close-up could miss a lesion that nobody outlined.
            matrix = first_look(side, self.size, rng)
        elif picture.suspect:
            matrix = second_look(picture.suspect, side, self.size, rng)
        elif picture.outlined and rng.random() >= AWAY:
            assert lesion is not None
            matrix = second_look(extent(lesion), side, self.size, rng)
        else:
            matrix = second_look(elsewhere(lesion, side, rng), side, self.size, rng)
            if lesion is not None and picture.outlined and _share_seen(lesion, matrix, self.size) < SEEN:
                target = NOTUMOR
        mask = None if lesion is None else warp(lesion.astype(np.float32), matrix, self.size)
        seen = warp(frame, matrix, self.size)
        if rng.random() < self.reordered:
            seen = reordered(seen, rng)
        return View(photometric(seen, rng), target, mask)

    def _changed(self, picture: Picture, close: bool, rng: np.random.Generator) -> Picture:
        """Return the picture, its lesion erased, or another's pasted in."""
        if picture.outlined and not close and rng.random() < ERASED:
            return erased(picture) or picture
        if picture.healthy and self.donors and rng.random() < PASTED:
            return pasted(picture, self.donors[rng.integers(len(self.donors))], rng) or picture
        return picture


def first_look(side: int, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Matrix from view to frame pixels: the whole slice, somewhat moved, turned, scaled and stretched."""
    span = side * np.exp(rng.uniform(-0.22, 0.22))
    angle = rng.normal(0, 12) if rng.random() < 0.85 else rng.uniform(-180, 180)
    centre = np.full(2, side / 2) + span * rng.uniform(-0.07, 0.07, 2)
    upside_down = -1 if rng.random() < 0.1 else 1
    return _matrix(centre, span, angle, np.array([rng.choice([-1, 1]), upside_down]), size, rng)


def second_look(box: tuple[float, float, float], side: int, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Matrix from view to frame pixels: around a lesion of centre x, y and extent, in any orientation."""
    x, y, length = box
    span = max(length * np.exp(rng.uniform(*np.log(CLOSE_SPAN))), MIN_SPAN * side)
    centre = np.array([x, y]) + span * rng.uniform(-0.12, 0.12, 2)
    return _matrix(centre, span, rng.uniform(-180, 180), rng.choice([-1, 1], 2), size, rng)


def extent(lesion: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Centre x, y and the longer side of the box around a lesion, in pixels."""
    rows, columns = np.flatnonzero(lesion.any(axis=1)), np.flatnonzero(lesion.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return (left + right) / 2, (top + bottom) / 2, float(max(bottom - top, right - left))


def erased(picture: Picture) -> Picture | None:
    """Cover a lesion with what lies opposite, mirrored; None where the lesion reaches over the midline."""
    assert picture.lesion is not None
    frame = picture.frame.astype(np.float32)
    wide = cv2.dilate(picture.lesion, np.ones((17, 17), np.uint8))
    if (wide & wide[:, ::-1]).any():
        return None
    alpha = cv2.GaussianBlur(wide.astype(np.float32) / 255, (0, 0), 4)
    mixed = frame * (1 - alpha) + frame[:, ::-1] * alpha
    return Picture(np.rint(mixed).astype(np.uint8), NOTUMOR, np.zeros_like(picture.lesion))


def pasted(picture: Picture, donor: Picture, rng: np.random.Generator) -> Picture | None:
    """Lay a donor's lesion, turned, scaled and matched in gray, onto a slice without one.

    Returns
    -------
    Picture or None
        With the donor's label; None where the lesion would not lie inside the head.
    """
    assert donor.lesion is not None
    frame = picture.frame.astype(np.float32)
    side = frame.shape[0]
    x, y, _ = extent(donor.lesion)
    scale = np.exp(rng.uniform(-0.35, 0.3))
    place = side * (0.5 + rng.uniform(-0.27, 0.27, 2))
    matrix = _matrix(np.array([x, y]), side / scale, rng.uniform(-180, 180), rng.choice([-1, 1], 2), side, rng)
    matrix[:, 2] -= matrix[:, :2] @ (place - side / 2)  # the donor's centre comes to `place`, not to the middle
    lesion = (warp(donor.lesion.astype(np.float32), matrix, side) > 127).astype(np.uint8) * 255
    head = cv2.erode((cv2.GaussianBlur(frame, (0, 0), 6) > 30).astype(np.uint8), np.ones((15, 15), np.uint8))
    if not lesion.any() or (head[lesion > 0] == 0).mean() > 0.05:
        return None
    moved = warp(donor.frame.astype(np.float32), matrix, side)
    wide = cv2.dilate(lesion, np.ones((7, 7), np.uint8))
    ring = (cv2.dilate(wide, np.ones((15, 15), np.uint8)) > 0) & (wide == 0)
    there, here = moved[ring], frame[ring]
    gain = np.clip((here.std() + 8) / (there.std() + 8), 0.7, 1.4) * rng.uniform(0.85, 1.15)
    matched = (moved - np.median(there)) * gain + np.median(here)
    alpha = cv2.GaussianBlur(wide.astype(np.float32) / 255, (0, 0), rng.uniform(1.5, 4))
    mixed = np.clip(frame * (1 - alpha) + matched * alpha, 0, 255)
    return Picture(np.rint(mixed).astype(np.uint8), donor.target, lesion)


def another_look(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return some pictures with the gray values of another sequence, and some without skull; most as they are."""
    frame = picture.frame
    if rng.random() < PEELED:
        frame = peeled(frame, picture.lesion, rng)
    if rng.random() < CURVED:
        frame = curved(frame, rng)
    return replace(picture, frame=frame)


def peeled(frame: NDArray[np.uint8], lesion: NDArray[np.uint8] | None, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Take the outer layers off a head, roughly as skull stripping does; not where much of the lesion would go."""
    head = np.pad((cv2.GaussianBlur(frame, (0, 0), 4) > AIR).astype(np.uint8), BRIDGED)  # beyond the frame lies air
    head = cv2.morphologyEx(head, cv2.MORPH_CLOSE, np.ones((BRIDGED, BRIDGED), np.uint8))
    depth = cv2.distanceTransform(head, cv2.DIST_L2, 3)[BRIDGED:-BRIDGED, BRIDGED:-BRIDGED]
    kept = np.clip(depth - rng.uniform(*PEEL) * frame.shape[0], 0, 1)
    if lesion is not None and lesion.any() and (kept[lesion > 0] < 1).mean() > LOST:
        return frame
    return np.asarray(frame * kept, np.uint8)


def elsewhere(lesion: NDArray[np.uint8] | None, side: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """A place in the head and an extent, as those of lesions are; away from the lesion where there is one."""
    length = side * np.exp(rng.uniform(np.log(0.08), np.log(0.35)))
    for _ in range(8):
        x, y = side * rng.uniform(0.22, 0.78, 2)
        if lesion is None or not lesion[int(y), int(x)]:
            break
    return x, y, length


def _share_seen(lesion: NDArray[np.uint8], matrix: NDArray[np.float64], size: int) -> float:
    return float((warp(lesion.astype(np.float32), matrix, size) > 127).mean())


def _matrix(
    centre: NDArray[np.float64],
    span: float,
    angle: float,
    mirror: NDArray[np.int64],
    size: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    stretch = np.exp(rng.uniform(-0.12, 0.12))
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    linear = rotation @ np.diag(mirror * span / size * np.array([stretch, 1 / stretch]))
    return np.column_stack([linear, centre - linear @ np.array([size / 2, size / 2])])


def warp(frame: Frame, matrix: NDArray[np.float64], size: int) -> Frame:
    """Draw what a matrix from view to frame pixels shows of a frame, ``(size, size)``, smoothed to its scale."""
    scale = float(np.hypot(*matrix[:, 0]))
    if scale > 1.5:
        frame = cv2.GaussianBlur(frame, (0, 0), 0.45 * scale)
    drawn = cv2.warpAffine(frame, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(drawn, np.float32)
