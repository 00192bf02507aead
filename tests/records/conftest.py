"""The worklist of an empty record."""

from __future__ import annotations

import pytest
from queue_samples import LIMITS

from triage.records.queue import Queue
from triage.records.store import Store


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store.read, LIMITS)
