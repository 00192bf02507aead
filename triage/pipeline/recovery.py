"""What is done at the start after whatever ended the last process: step by step, each until disk and database let it.

Tested in tests/pipeline/test_recovery.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from threading import Event

from triage.errors import StorageError

logger = logging.getLogger(__name__)

#: Seconds before a step is tried again.
AGAIN = 5.0


def carry_out(steps: Iterable[Callable[[], object]], stopped: Event) -> None:
    """Do the steps in their order; one that disk or database refuse is repeated until it is done or all is stopped."""
    for step in steps:
        while not stopped.is_set():
            try:
                step()
                break
            except (StorageError, OSError):
                logger.exception("cleaning up after the last process waits for disk or database")
                stopped.wait(AGAIN)
