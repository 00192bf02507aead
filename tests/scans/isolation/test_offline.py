"""A decoding process has no network: it cannot open a socket, nor reach into another process for one."""

from __future__ import annotations

import errno
import os
import platform
import socket
import sys
from pathlib import Path

import pytest
from scans.isolation.hostile import WAYS

from triage.scans.isolation import offline
from triage.scans.isolation.child import Child, Limits

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() not in offline._KNOWN, reason="no filter for this system"
)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_out(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
    child = Child("scans.isolation.hostile", Limits())
    try:
        found, _ = child.ask("reach", [way], 20)
        assert found == errno.EPERM
        assert child.ask("unpack", ["", ""], 5)[0]["refused"] == []  # it goes on working
    finally:
        child.end()


def test_the_server_keeps_its_network() -> None:
    socket.socket().close()
