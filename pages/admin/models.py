"""The models: which one serves and which could, their cards, curves, errors and changes; promote and roll back."""

from triage.access.roles import Right
from triage.ui import models, state

state.require(Right.MODEL)
models.show()
