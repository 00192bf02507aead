"""Training views for the two looks: whole slices, lesion crops, and slices that decouple the source from the disease.

In these data every slice from scanners has a tumour, and hardly any slice from the web shows a glioma, so a network can
be right by recognising the source. Three kinds of view prevent that: a lesion pasted onto a slice of another source, a
lesion erased from its slice, and crops of tumour slices away from the tumour. Two more imitate what no source shows:
the contrast of other sequences, and heads after skull stripping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK, STRIDE
from triage.training.views.affine import affine, lesion_matrix, warp, whole_slice_matrix
from triage.training.views.augment import Frame, photometric
from triage.training.views.contrast import remap_intensities, reorder_contrast

NOTUMOR = np.array([finding is Finding.NOTUMOR for finding in Finding], np.float32)
#: Classes whose lesions may be pasted anywhere in the head; pituitary tumours occur in one place only.
PASTABLE = np.array([finding in (Finding.GLIOMA, Finding.MENINGIOMA) for finding in Finding], np.float32)
#: Share of the views that are second looks.
SECOND_LOOK_SHARE = 0.45
#: Share of the second looks at an outlined slice that are taken away from the lesion.
OFF_LESION_SHARE = 0.2
#: Share of the first looks at an outlined slice in which the lesion is erased.
ERASED_SHARE = 0.15
#: Share of the views of a slice without tumour into which a lesion is pasted.
PASTED_SHARE = 0.25
#: Share of all views with remapped gray values.
REMAPPED_SHARE = 0.25
#: Depth of the removed layer in skull stripping, as a share of the frame's side.
STRIP_DEPTH = (0.03, 0.09)
#: Gray values up to this one may be air.
MAX_AIR_GRAY = 20
#: Dark gaps in a head of up to this many pixels are not air, but mostly skull.
MAX_GAP = 25
#: A head is not stripped if more than this share of its lesion would be lost.
MAX_LESION_LOSS = 0.1
#: A second look shows the tumour if the lesion fills at least this share of it.
MIN_LESION_SHARE = 0.01


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
        ``(side, side)`` uint8, 255 inside the lesion; all 0 without a lesion; None if it has no outline.
    located
        Centre x, y and extent in pixels of a tumour without an outline, by a box around it or by a network.
    made_of
        Numbers, given by the caller, of the picture itself and of the one whose lesion was pasted into it.
    """

    frame: NDArray[np.uint8]
    target: NDArray[np.float32]
    lesion: NDArray[np.uint8] | None
    located: tuple[float, float, float] | None = None
    made_of: tuple[int, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether the label is no tumour."""
        return bool((self.target == NOTUMOR).all())

    @property
    def outlined(self) -> bool:
        """Whether the lesion has an outline."""
        return self.lesion is not None and bool(self.lesion.any())


@dataclass(frozen=True, slots=True)
class View:
    """One input of the network and its targets; `mask` is None if it is not known, `made_of` that of the picture."""

    frame: Frame
    target: NDArray[np.float32]
    mask: Frame | None
    made_of: tuple[int, ...] = ()

    def known_mask(self, side: int) -> NDArray[np.float32]:
        """Return ``(side, side, 2)``: the lesion, 0 to 1, and whether it is known."""
        both = np.zeros((side, side, 2), np.float32)
        if self.mask is not None:
            both[..., 0] = cv2.resize(self.mask, (side, side), interpolation=cv2.INTER_AREA) / 255
            both[..., 1] = 1
        return both


class TwoLookViews:
    """Training batches of both looks; each depends only on the seed, the epoch and the step.

    Parameters
    ----------
    pictures
        Prepared slices.
    weights
        Probability of each picture; they sum to 1.
    size
        Side of the network's input in pixels.
    batch
        Views per batch.
    seed
        Seed of the batches.
    steps
        Batches per epoch; by default as many as it takes to draw as many views as there are pictures.
    reordered
        Share of the views in which the tissues change their order of brightness.
    stripped
        Share of the views that imitate skull stripping.
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
        stripped: float = 0.1,
    ) -> None:
        self.pictures, self.weights, self.size = pictures, weights, size
        self.reordered, self.stripped = reordered, stripped
        self.batch, self.seed, self.steps = batch, seed, steps or -(-len(pictures) // batch)
        self.donors = [picture for picture in pictures if picture.outlined and (picture.target @ PASTABLE)]

    def make(self, epoch: int, step: int) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Return one batch ``(batch, size, size, 1)`` and the targets of both outputs.

        The target of the mask has two channels: the lesion, and whether it is known.
        """
        return self.packed(self.drawn(epoch, step))

    def drawn(self, epoch: int, step: int) -> list[View]:
        """Return the views of one batch."""
        rng = np.random.default_rng((self.seed, epoch, step))
        chosen = rng.choice(len(self.pictures), self.batch, p=self.weights)
        return [self.view(self.pictures[index], rng) for index in chosen]

    def packed(self, views: Sequence[View]) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Return views as one batch, see `make`."""
        masks = np.stack([view.known_mask(self.size // STRIDE) for view in views])
        pictures = np.stack([view.frame for view in views])[..., None]
        return pictures, {LOGITS: np.stack([view.target for view in views]), MASK: masks}

    def view(self, picture: Picture, rng: np.random.Generator) -> View:
        """Return one random view of a picture."""
        close = rng.random() < SECOND_LOOK_SHARE
        picture = vary_appearance(self._with_lesion_changed(picture, close, rng), rng, self.stripped)
        frame, side = picture.frame.astype(np.float32), picture.frame.shape[0]
        target, lesion = picture.target, picture.lesion
        if not close or not (picture.outlined or picture.healthy or picture.located):
            # A close-up could miss a lesion of unknown location.
            matrix = whole_slice_matrix(side, self.size, rng)
        elif picture.located:
            matrix = lesion_matrix(picture.located, side, self.size, rng)
        elif picture.outlined and rng.random() >= OFF_LESION_SHARE:
            assert lesion is not None
            matrix = lesion_matrix(extent(lesion), side, self.size, rng)
        else:
            matrix = lesion_matrix(region_off_lesion(lesion, side, rng), side, self.size, rng)
            if lesion is not None and picture.outlined and _lesion_share(lesion, matrix, self.size) < MIN_LESION_SHARE:
                target = NOTUMOR
        mask = None if lesion is None else warp(lesion.astype(np.float32), matrix, self.size)
        shown = warp(frame, matrix, self.size)
        if rng.random() < self.reordered:
            shown = reorder_contrast(shown, rng)
        return View(photometric(shown, rng), target, mask, picture.made_of)

    def _with_lesion_changed(self, picture: Picture, close: bool, rng: np.random.Generator) -> Picture:
        """Return the picture, at random with its lesion erased or with one pasted in."""
        if picture.outlined and not close and rng.random() < ERASED_SHARE:
            return erase_lesion(picture) or picture
        if picture.healthy and self.donors and rng.random() < PASTED_SHARE:
            return paste_lesion(picture, self.donors[rng.integers(len(self.donors))], rng) or picture
        return picture


def extent(lesion: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return centre x, y and the longer side of the bounding box of a lesion, in pixels."""
    rows, columns = np.flatnonzero(lesion.any(axis=1)), np.flatnonzero(lesion.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return (left + right) / 2, (top + bottom) / 2, float(max(bottom - top, right - left))


def erase_lesion(picture: Picture) -> Picture | None:
    """Cover a lesion with the mirrored opposite side; return None if the lesion crosses the midline."""
    assert picture.lesion is not None
    frame = picture.frame.astype(np.float32)
    wide = cv2.dilate(picture.lesion, np.ones((17, 17), np.uint8))
    if (wide & wide[:, ::-1]).any():
        return None
    alpha = cv2.GaussianBlur(wide.astype(np.float32) / 255, (0, 0), 4)
    mixed = frame * (1 - alpha) + frame[:, ::-1] * alpha
    erased = np.rint(mixed).astype(np.uint8)
    return Picture(erased, NOTUMOR, np.zeros_like(picture.lesion), made_of=picture.made_of)


def paste_lesion(picture: Picture, donor: Picture, rng: np.random.Generator) -> Picture | None:
    """Paste the lesion of a donor, rotated, scaled and matched in gray, onto a slice without one.

    Returns
    -------
    Picture or None
        The slice with the donor's label; None if the lesion would not be inside the head.
    """
    assert donor.lesion is not None
    frame = picture.frame.astype(np.float32)
    side = frame.shape[0]
    x, y, _ = extent(donor.lesion)
    scale = np.exp(rng.uniform(-0.35, 0.3))
    place = side * (0.5 + rng.uniform(-0.27, 0.27, 2))
    matrix = affine(np.array([x, y]), side / scale, rng.uniform(-180, 180), rng.choice([-1, 1], 2), side, rng)
    matrix[:, 2] -= matrix[:, :2] @ (place - side / 2)  # move the lesion's centre from the middle to `place`
    lesion = (warp(donor.lesion.astype(np.float32), matrix, side) > 127).astype(np.uint8) * 255
    head = cv2.erode((cv2.GaussianBlur(frame, (0, 0), 6) > 30).astype(np.uint8), np.ones((15, 15), np.uint8))
    if not lesion.any() or (head[lesion > 0] == 0).mean() > 0.05:
        return None
    moved = warp(donor.frame.astype(np.float32), matrix, side)
    wide = cv2.dilate(lesion, np.ones((7, 7), np.uint8))
    ring = (cv2.dilate(wide, np.ones((15, 15), np.uint8)) > 0) & (wide == 0)
    donor_ring, own_ring = moved[ring], frame[ring]
    gain = np.clip((own_ring.std() + 8) / (donor_ring.std() + 8), 0.7, 1.4) * rng.uniform(0.85, 1.15)
    matched = (moved - np.median(donor_ring)) * gain + np.median(own_ring)
    alpha = cv2.GaussianBlur(wide.astype(np.float32) / 255, (0, 0), rng.uniform(1.5, 4))
    mixed = np.clip(frame * (1 - alpha) + matched * alpha, 0, 255)
    pasted = np.rint(mixed).astype(np.uint8)
    return Picture(pasted, donor.target, lesion, made_of=picture.made_of + donor.made_of)


def vary_appearance(picture: Picture, rng: np.random.Generator, stripped: float) -> Picture:
    """Imitate skull stripping in some pictures and another sequence in some; leave most unchanged."""
    frame = picture.frame
    if rng.random() < stripped:
        frame = strip_skull(frame, picture.lesion, rng)
    if rng.random() < REMAPPED_SHARE:
        frame = remap_intensities(frame, rng)
    return replace(picture, frame=frame)


def strip_skull(
    frame: NDArray[np.uint8], lesion: NDArray[np.uint8] | None, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Remove the outer layers of a head, roughly as skull stripping does, unless much of the lesion would be lost."""
    head = np.pad(
        (cv2.GaussianBlur(frame, (0, 0), 4) > MAX_AIR_GRAY).astype(np.uint8), MAX_GAP
    )  # outside the frame is air
    head = cv2.morphologyEx(head, cv2.MORPH_CLOSE, np.ones((MAX_GAP, MAX_GAP), np.uint8))
    depth = cv2.distanceTransform(head, cv2.DIST_L2, 3)[MAX_GAP:-MAX_GAP, MAX_GAP:-MAX_GAP]
    kept = np.clip(depth - rng.uniform(*STRIP_DEPTH) * frame.shape[0], 0, 1)
    if lesion is not None and lesion.any() and (kept[lesion > 0] < 1).mean() > MAX_LESION_LOSS:
        return frame
    return np.asarray(frame * kept, np.uint8)


def region_off_lesion(
    lesion: NDArray[np.uint8] | None, side: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Return a random x, y in the head, outside the lesion, and a random extent like that of a lesion."""
    length = side * np.exp(rng.uniform(np.log(0.08), np.log(0.35)))
    for _ in range(8):
        x, y = side * rng.uniform(0.22, 0.78, 2)
        if lesion is None or not lesion[int(y), int(x)]:
            break
    return x, y, length


def _lesion_share(lesion: NDArray[np.uint8], matrix: NDArray[np.float64], size: int) -> float:
    return float((warp(lesion.astype(np.float32), matrix, size) > 127).mean())
