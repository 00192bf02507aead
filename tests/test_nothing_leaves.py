"""Nothing leaves the hospital: every connection and name look-up of a running server under load is watched.

`strace` sees the system calls of the server and of all its children, also of libraries that are not Python: connect,
sendto, sendmsg, sendmmsg. It does not see what goes through io_uring, which nothing here uses, nor what would be sent
only after hours.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from dicomweb import KIND, body
from helpers import free_port

from triage.domain import Finding
from triage.phantom_studies import phantom_study
from triage.settings import ROOT

TOKEN = "a token of thirty-two characters"
#: An address of the internet, or a question to a name server, even one on this computer.
OUTSIDE = re.compile(r'sin_port=htons\((\d+)\).*?inet_addr\("([^"]+)"\)|sin6_port=htons\((\d+)\).*?"([0-9a-f:.]+)"')


def outside(trace: str) -> list[str]:
    found = []
    for line in trace.splitlines():
        for port4, host4, port6, host6 in OUTSIDE.findall(line):
            port, host = port4 or port6, host4 or host6
            here = host.startswith("127.") or host in ("::1", "::ffff:127.0.0.1")
            if not here or port == "53":
                found.append(line)
    return found


def test_what_is_outside_is_seen() -> None:
    away = 'connect(5, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.1")}, 16) = 0'
    name = 'sendto(5, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 1'
    six = 'connect(5, {sa_family=AF_INET6, sin6_port=htons(443), inet_pton(AF_INET6, "2001:db8::1", &a)}, 28) = 0'
    here = 'connect(5, {sa_family=AF_INET, sin_port=htons(8501), sin_addr=inet_addr("127.0.0.1")}, 16) = 0'
    assert outside("\n".join((away, name, six, here))) == [away, name, six]


def test_onnx_runtime_is_told_before_it_is_imported() -> None:
    code = "import triage.inference.network, os; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)
    init = (ROOT / "triage" / "__init__.py").read_text()
    assert "onnxruntime" not in init.lower().replace("onnx runtime", "")


def test_a_server_under_load_connects_to_nothing(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    port, trace = free_port(), tmp_path / "trace"
    # A home of its own: the telemetry of ONNX Runtime keeps a device ID and what waits below the cache of the home.
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment |= {"TRIAGE_HOME": str(tmp_path / "data"), "TRIAGE_TOKEN": TOKEN, "HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    watch = [strace, "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace)]
    command = [*watch, sys.executable, "-m", "triage", "serve", "--port", str(port)]
    base = f"http://localhost:{port}"
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) as process:
        try:
            deadline = time.monotonic() + 180
            while _waiting(base) != 0:
                assert process.poll() is None, "strace may not watch here, or the server ended"
                assert time.monotonic() < deadline
                time.sleep(0.5)
            files = [data for _, data in phantom_study(Finding.GLIOMA, 5)]
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": KIND, "Accept": "application/dicom+json"}
            stored = requests.post(f"{base}/dicom-web/studies", data=body(files), headers=headers, timeout=120)
            assert stored.status_code == 200
            # What made Streamlit ask the internet for its own address.
            upgrade = {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            }
            for origin in ("https://evil.example", "null", "http://localhost:1", "https://192.0.2.1"):
                for host in (f"localhost:{port}", "evil.example"):
                    sent = upgrade | {"Origin": origin, "Host": host}
                    begin = time.monotonic()
                    assert requests.get(f"{base}/_stcore/stream", headers=sent, timeout=60).status_code == 403
                    assert time.monotonic() - begin < 5
            for path in ("/", "/_stcore/host-config", "/worklist/rows", "/static/missing.js", "/favicon.png"):
                answer = requests.get(base + path, timeout=60)
                assert not re.search(r"streamlit\.(io|app)|devd\.io", answer.text) or path == "/"
            assert requests.get(f"{base}/_stcore/host-config", timeout=60).json()["allowedOrigins"] == []
            deadline = time.monotonic() + 180
            while _waiting(base) != 0:
                assert time.monotonic() < deadline
                time.sleep(0.5)
            time.sleep(5)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    seen = trace.read_text(errors="replace")
    assert "connect(" in seen or "send" in seen  # the watch was awake
    assert outside(seen) == []
    kept = [path.name for path in (tmp_path / "home").rglob("*")]
    assert not [name for name in kept if re.search("onnx|1ds|telemetry", name, re.IGNORECASE)]


def _waiting(base: str) -> int:
    """Return the number of studies without a score, -1 while the server does not answer."""
    try:
        return int(requests.get(f"{base}/health", timeout=5).json()["waiting_for_a_score"])
    except (requests.RequestException, ValueError, KeyError):
        return -1
