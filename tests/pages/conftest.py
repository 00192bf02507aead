"""The installation that pages find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from helpers import LastingDoor
from streamlit.components.v2 import manifest_scanner

from triage.pipeline.installation import Installation
from triage.ui import state


@pytest.fixture(scope="session", autouse=True)
def found_once() -> Iterator[None]:
    """Let Streamlit look for components among all installed packages once, which takes each `AppTest` a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture
def installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, furnished: Callable[[Path], Path], decoders: LastingDoor
) -> Iterator[Installation]:
    """The installation that the pages find: an empty one of this test's own."""
    monkeypatch.setenv("TRIAGE_HOME", str(furnished(tmp_path / "home")))
    st.cache_resource.clear()
    st.cache_data.clear()
    installation = state.installation()
    installation.door = decoders
    yield installation
    installation.close()
    st.cache_resource.clear()
