"""The two-look policy: look at the whole slice, then again at the likeliest lesion. The same for all who ask.

What serves (`triage.inference.network`), a Keras model in training and every evaluation call `look_twice`, so that what
is measured is what serves.
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

#: From this probability of no tumour on, at the first look, there is no second one: of 3,269 tumours of the data set
#: two are passed over so, and half of the slices without one. Chosen on trials, see docs/model-log.md.
SURE = 0.9
#: Where no class reaches this probability at the first look, the middle of the slice is looked at closer before the
#: second look is placed: true of a fifth of the data set. Chosen on trials too.
DOUBT = 0.85
#: Columns of the network's answers.
GLIOMA, NOTUMOR = list(Finding).index(Finding.GLIOMA), list(Finding).index(Finding.NOTUMOR)
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """What a network answers about one view of a slice.

    Attributes
    ----------
    box
        What the view shows of the frame.
    log_probabilities
        ``(classes,)``.
    mask
        ``(rows, columns)`` probability of tumour.
    """

    box: Box
    log_probabilities: Floats
    mask: Floats


L = TypeVar("L", bound=Look)
#: Answers about what a box shows of each frame: frames ``(slices, FRAME, FRAME)`` of any number type, a box for each.
Ask = Callable[[NDArray[np.generic], Sequence[Box]], Sequence[L]]


def look_twice(ask: Ask[L], frames: NDArray[np.generic]) -> list[tuple[L, L]]:
    """Look at whole prepared slices, then at the likeliest lesion of each.

    Parameters
    ----------
    ask
        The network.
    frames
        ``(slices, FRAME, FRAME)`` gray, 0 to 255, as `triage.inference.preprocess.prepare` makes them.

    Returns
    -------
    list of (Look, Look)
        Of each slice. The same look twice where the first is `SURE` that there is no tumour. Where the first is in
        `DOUBT`, its log-probabilities and its mask are the mean with those of a look at the `MIDDLE`.
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
    """Return the log-probabilities ``(slices, classes)`` of the first looks and of the second ones."""
    return (
        np.stack([first.log_probabilities for first, _ in looks]),
        np.stack([second.log_probabilities for _, second in looks]),
    )


def deciding_look(first: L, second: L, answer: int) -> L:
    """Return the look that the answer, an index of the classes, rests on.

    That is the second, which sees the lesion closer, unless its likeliest class is another than the answer.
    """
    return second if second.log_probabilities.argmax() == answer else first


def _with_closer(first: L, closer: L) -> L:
    mean = log_softmax((first.log_probabilities + closer.log_probabilities) / 2)
    return replace(first, log_probabilities=mean, mask=with_middle(first.mask, closer.mask))
