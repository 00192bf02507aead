from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from triage.access.access import Access
from triage.records.store import Store
from triage.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    roles = {"readers": "radiologist", "heads": "administrator", "it": "administrator"}
    return Settings(home=tmp_path / "home", oidc_roles=roles)


@pytest.fixture
def record(settings: Settings) -> Iterator[Store]:
    store = Store(settings.url)
    yield store
    store.engine.dispose()


@pytest.fixture
def access(record: Store, settings: Settings) -> Access:
    return Access(record, settings)
