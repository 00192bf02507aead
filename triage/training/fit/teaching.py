"""Batches in which a trained network, the teacher, answers for the same views.

Tested in tests/training/fit/test_lineage.py, and against training elsewhere in tests/training/elsewhere/test_train.py.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from triage.errors import TriageError
from triage.networks.twolook import MASK
from triage.training.fit.loop import Batches
from triage.training.fit.losses import with_answers


class TeacherError(TriageError):
    """The network cannot teach."""


class TaughtBatches:
    """The batches of others, with a teacher's answers beside the targets.

    Parameters
    ----------
    batches
        Batches for a two-look network.
    teacher
        A two-look network for the same input size.

    Raises
    ------
    TeacherError
        If it is another network, or for another size.
    """

    def __init__(self, batches: Batches, teacher: keras.Model, size: int) -> None:
        if not isinstance(teacher.output, dict) or MASK not in teacher.output or teacher.input_shape[1] != size:
            raise TeacherError(f"The teacher is no two-look network for pictures of {size} px. Name another --teacher.")
        self.batches, self.teacher, self.steps = batches, teacher, batches.steps

    def make(self, epoch: int, step: int) -> tuple[Any, Any]:
        """Return pictures and targets, see `triage.training.fit.losses.with_answers`."""
        pictures, targets = self.batches.make(epoch, step)
        taught = with_answers(targets, self.teacher(pictures, training=False))
        return pictures, {name: np.asarray(values, np.float32) for name, values in taught.items()}
