"""Losses and metrics: in keras ops for training, in NumPy for validation."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from triage.domain import Finding
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK

#: Avoids a division by 0 for empty masks.
SMOOTH = 1.0
#: Share of gliomas among gliomas and meningiomas: counted on the outlined slices, one of each cluster. Pituitary
#: tumours are left out, because they occur in one place only.
GLIOMA_SHARE = 0.69
#: Share of a teacher's answers in the loss; the rest is that of labels and outlines.
TEACHER_SHARE = 0.7
#: The overlap of a mask is part of the loss from this sum of pixel values on: that of smaller lesions is too noisy.
MIN_LESION_PIXELS = 4.0


def allowed_classes_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy of "one of the allowed classes": -log of the sum of their probabilities.

    For one allowed class this is the usual cross-entropy. A tumour without a recorded type allows the three tumour
    classes, so it trains tumour against no tumour and no type.
    """
    allowed = ops.where(target > 0, logits, -1e9)
    return ops.logsumexp(logits, axis=-1) - ops.logsumexp(allowed, axis=-1)


def hedged_classes_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """`allowed_classes_loss`, plus for an untyped tumour the cross-entropy of glioma and meningioma to `GLIOMA_SHARE`.

    The summed probability alone reinforces the type that the network already prefers. On a sequence whose typed
    tumours are all of one type (in these data, meningiomas on T2 and FLAIR), the network would become certain of it.
    """
    glioma, meningioma = (list(Finding).index(finding) for finding in (Finding.GLIOMA, Finding.MENINGIOMA))
    untyped = target[..., glioma] * target[..., meningioma]
    lean = logits[..., glioma] - logits[..., meningioma]
    return allowed_classes_loss(target, logits) + untyped * (ops.softplus(lean) - GLIOMA_SHARE * lean)


def allowed_accuracy(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Return 1 where the most probable class is one that the label allows, else 0."""
    classes = logits.shape[-1]
    likeliest = ops.one_hot(ops.argmax(logits, axis=-1), classes)
    return ops.max(likeliest * target[..., :classes], axis=-1)


def taught_classes_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Mean of `hedged_classes_loss` and of the cross-entropy to a teacher's probabilities, see `TEACHER_SHARE`.

    The teacher answers for the same view (Beyer et al., "Knowledge distillation: A good teacher is patient and
    consistent", CVPR 2022).

    Parameters
    ----------
    target
        ``(batch, 2 * classes)``: 1 for each class that the label allows, then the teacher's probabilities.
    logits
        ``(batch, classes)``.
    """
    classes = logits.shape[-1]
    label, answer = target[..., :classes], target[..., classes:]
    taught = -ops.sum(answer * ops.log_softmax(logits, axis=-1), axis=-1)
    return (1 - TEACHER_SHARE) * hedged_classes_loss(label, logits) + TEACHER_SHARE * taught


def mask_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy of the pixels plus 1 - soft Dice of each mask (Milletari et al., 3DV 2016)."""
    entropy = ops.mean(ops.binary_crossentropy(target, logits, from_logits=True), axis=(1, 2, 3))
    drawn = ops.sigmoid(logits)
    both = ops.sum(drawn * target, axis=(1, 2, 3))
    total = ops.sum(drawn, axis=(1, 2, 3)) + ops.sum(target, axis=(1, 2, 3))
    return entropy + 1 - (2 * both + SMOOTH) / (total + SMOOTH)


def known_mask_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy of the pixels, plus 1 - soft Dice where there is a lesion; 0 where the mask is not known.

    Parameters
    ----------
    target
        ``(batch, rows, columns, 2)``: the mask, and 1 where it is known, else 0.
    logits
        ``(batch, rows, columns, 1)``.
    """
    mask, known = target[..., :1], target[..., 1:]
    entropy = ops.mean(ops.binary_crossentropy(mask, logits, from_logits=True) * known, axis=(1, 2, 3))
    drawn = ops.sigmoid(logits) * known
    both = ops.sum(drawn * mask, axis=(1, 2, 3))
    total = ops.sum(drawn + mask * known, axis=(1, 2, 3))
    lesion = ops.cast(ops.sum(mask * known, axis=(1, 2, 3)) > MIN_LESION_PIXELS, logits.dtype)
    return 4 * entropy + 0.5 * lesion * (1 - (2 * both + 1) / (total + 1))


def with_answers(targets: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
    """Return the targets of a network that is taught: those of labels and outlines, and a teacher's outputs."""
    probabilities = {LOGITS: ops.softmax(answers[LOGITS]), MASK: ops.sigmoid(answers[MASK])}
    return {name: ops.concatenate([targets[name], probabilities[name]], axis=-1) for name in targets}


def taught_mask_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Mean of `known_mask_loss` and of the same loss to a teacher's mask, which is known everywhere.

    Parameters
    ----------
    target
        ``(batch, rows, columns, 3)``: the mask, 1 where it is known, and the teacher's probability.
    logits
        ``(batch, rows, columns, 1)``.
    """
    answer = target[..., 2:]
    taught = known_mask_loss(ops.concatenate([answer, ops.ones_like(answer)], axis=-1), logits)
    return (1 - TEACHER_SHARE) * known_mask_loss(target[..., :2], logits) + TEACHER_SHARE * taught


def allowed_loss_of(logits: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
    """Mean of `allowed_classes_loss`."""
    return float(np.asarray(ops.mean(allowed_classes_loss(targets, logits))))


def mask_loss_of(logits: NDArray[np.float32], masks: NDArray[np.bool_]) -> float:
    """Mean of `mask_loss`, computed slice by slice to save memory."""
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
