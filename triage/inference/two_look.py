"""The two-look policy: a first look at the whole slice, a second one at the most probable lesion.

The deployed network (`triage.inference.network`), a Keras model in training and every evaluation use `look_twice`, so
that the measured policy is the deployed one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.inference.calibration import log_softmax
from triage.inference.views import MIDDLE, WHOLE, Box, second_look, with_middle

#: From this P(no tumour) of the first look on, there is no second look: that skips 2 of the 3,269 tumours of the data
#: set, and half of the slices without one. Chosen on validation folds, see docs/model-log.md.
SURE = 0.9
#: If no class reaches this probability in the first look, a closer look at the middle is averaged in before the second
#: look is placed: a fifth of the data set. Also chosen on validation folds.
DOUBT = 0.85
#: Column of P(glioma) in the output of the network.
GLIOMA = list(Finding).index(Finding.GLIOMA)
#: Column of P(no tumour).
NOTUMOR = list(Finding).index(Finding.NOTUMOR)
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """Output of a network for one view of a slice.

    Attributes
    ----------
    box
        The part of the frame in the view.
    log_probabilities
        ``(classes,)``.
    mask
        ``(rows, columns)`` probability of tumour.
    """

    box: Box
    log_probabilities: Floats
    mask: Floats


L = TypeVar("L", bound=Look)
#: A network: frames ``(slices, FRAME, FRAME)`` of any number type and one box per frame to one look per frame.
Ask = Callable[[NDArray[np.generic], Sequence[Box]], Sequence[L]]


def look_twice(ask: Ask[L], frames: NDArray[np.generic]) -> list[tuple[L, L]]:
    """Look at whole prepared slices, then at the most probable lesion of each.

    Parameters
    ----------
    ask
        The network.
    frames
        ``(slices, FRAME, FRAME)`` gray, 0 to 255, as `triage.inference.preprocess.prepare` makes them.

    Returns
    -------
    list of (Look, Look)
        First and second look of each slice. They are the same if the first is `SURE` of no tumour. If it is below
        `DOUBT`, its log-probabilities and its mask are averaged with those of a look at the `MIDDLE`.
    """
    first = list(ask(frames, [WHOLE] * len(frames)))
    again = [at for at, look in enumerate(first) if look.log_probabilities[NOTUMOR] < np.log(SURE)]
    doubtful = [at for at in again if np.exp(first[at].log_probabilities.max()) < DOUBT]
    if doubtful:
        for at, closer in zip(doubtful, ask(frames[doubtful], [MIDDLE] * len(doubtful)), strict=True):
            first[at] = _with_closer(first[at], closer)
    second = list(first)
    if again:
        boxes = [second_look(first[at].mask) for at in again]
        for at, look in zip(again, ask(frames[again], boxes), strict=True):
            second[at] = look
    return list(zip(first, second, strict=True))


def log_probabilities(looks: Sequence[tuple[Look, Look]]) -> tuple[Floats, Floats]:
    """Return the log-probabilities ``(slices, classes)`` of all first and of all second looks."""
    return (
        np.stack([first.log_probabilities for first, _ in looks]),
        np.stack([second.log_probabilities for _, second in looks]),
    )


def deciding_look(first: L, second: L, answer: int) -> L:
    """Return the look that explains the answer, a class index.

    That is the second look, which shows the lesion larger, unless its most probable class differs from the answer.
    """
    return second if second.log_probabilities.argmax() == answer else first


def _with_closer(first: L, closer: L) -> L:
    mean = log_softmax((first.log_probabilities + closer.log_probabilities) / 2)
    return replace(first, log_probabilities=mean, mask=with_middle(first.mask, closer.mask))
