"""DICOMweb as it is served: on a port of the loopback address, from this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dicomweb import LIMIT, TOKEN, Peer, served

from triage.settings import Settings


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A client of an installation of this module's own."""
    with served(Settings(home=tmp_path_factory.mktemp("installation") / "home", token=TOKEN, stow_limit=LIMIT)) as one:
        yield one


@pytest.fixture
def discreet_peer(tmp_path: Path) -> Iterator[Peer]:
    """A client of an installation that keeps nobody's name."""
    # One process runs one queue; here nothing needs to be scored.
    with served(Settings(home=tmp_path / "home", token=TOKEN, deidentify=True, worker="separate")) as one:
        yield one
