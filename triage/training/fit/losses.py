"""Losses and the figures beside them, in keras ops for training and in NumPy for what is watched."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from triage.domain import Finding

#: Keeps a mask of nothing from dividing by nothing.
SMOOTH = 1.0
#: How often a tumour that is a glioma or a meningioma is a glioma: the share of the outlined slices, one of each
#: cluster. A pituitary tumour has its one place, so how often it is one says nothing elsewhere.
GLIOMA_SHARE = 0.69


def allowed_classes_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy of "one of the allowed classes": -log of their summed probability.

    With one allowed class it is the usual cross-entropy. An untyped tumour allows the three tumour classes, so it
    teaches tumour against none without pretending to know its type.
    """
    allowed = ops.where(target > 0, logits, -1e9)
    return ops.logsumexp(logits, axis=-1) - ops.logsumexp(allowed, axis=-1)


def hedged_classes_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """`allowed_classes_loss`, and for an untyped tumour the cross-entropy of glioma or meningioma with `GLIOMA_SHARE`.

    The sum alone makes the type that a network leans to likelier still. Where all typed tumours of a sequence are of
    one type, as on T2 and FLAIR the meningiomas of these data, it would become certain of that type.
    """
    glioma, meningioma = (list(Finding).index(finding) for finding in (Finding.GLIOMA, Finding.MENINGIOMA))
    untyped = target[..., glioma] * target[..., meningioma]
    lean = logits[..., glioma] - logits[..., meningioma]
    return allowed_classes_loss(target, logits) + untyped * (ops.softplus(lean) - GLIOMA_SHARE * lean)


def allowed_accuracy(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """1 where the most probable class is among those that the label allows."""
    likeliest = ops.one_hot(ops.argmax(logits, axis=-1), logits.shape[-1])
    return ops.max(likeliest * target, axis=-1)


def mask_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy of the pixels plus 1 - soft Dice of each mask (Milletari et al., 3DV 2016)."""
    entropy = ops.mean(ops.binary_crossentropy(target, logits, from_logits=True), axis=(1, 2, 3))
    drawn = ops.sigmoid(logits)
    both = ops.sum(drawn * target, axis=(1, 2, 3))
    total = ops.sum(drawn, axis=(1, 2, 3)) + ops.sum(target, axis=(1, 2, 3))
    return entropy + 1 - (2 * both + SMOOTH) / (total + SMOOTH)


def allowed_loss_of(logits: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
    """Mean of `allowed_classes_loss`."""
    return float(np.asarray(ops.mean(allowed_classes_loss(targets, logits))))


def mask_loss_of(logits: NDArray[np.float32], masks: NDArray[np.bool_]) -> float:
    """Mean of `mask_loss`, slice by slice so that many need no memory."""
    losses = [
        mask_loss(mask[None, ..., None].astype(np.float32), out[None]) for mask, out in zip(masks, logits, strict=True)
    ]
    return float(np.mean([np.asarray(loss) for loss in losses]))


def overlap(drawn: NDArray[np.bool_], masks: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Dice and IoU of each pair of masks ``(samples, side, side)``; 1 where both are empty."""
    both = (drawn & masks).sum(axis=(1, 2))
    either = (drawn | masks).sum(axis=(1, 2))
    total = drawn.sum(axis=(1, 2)) + masks.sum(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        return np.where(total == 0, 1.0, 2 * both / total), np.where(either == 0, 1.0, both / either)
