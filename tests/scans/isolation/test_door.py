"""The door holds: what a decoder may do to its process costs one file, never the server."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from helpers import encode

from triage.domain import Kind
from triage.errors import RefusedError, StorageError, TriageError
from triage.phantoms import Phantom
from triage.scans.isolation import child as child_module
from triage.scans.isolation import door as door_module
from triage.scans.isolation.child import Limits
from triage.scans.isolation.door import Door
from triage.settings import ROOT


@pytest.fixture(scope="module", autouse=True)
def hostile_jobs_are_found() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT / "tests"))
        yield


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with Door(processes=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def hostile() -> Iterator[Door]:
    with Door(processes=1, jobs="scans.isolation.hostile", limits=Limits(memory=400 * 2**20)) as opened:
        yield opened


def processes() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "triage.scans.isolation.sandbox" in one.cmdline()]


def file_saying(folder: Path, word: str) -> Path:
    path = folder / word
    path.write_text(word)
    return path


def test_a_picture_comes_back_as_it_is(door: Door, slices: list[Phantom], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(slices[0].png)
    assert door.inspect(path).kind is Kind.PNG
    deep = (np.arange(100 * 90).reshape(100, 90) * 7).astype(np.uint16)
    path.write_bytes(encode(deep))
    series = door.decode([path, path])
    pixels = [one.pixels for each in series for one in each.slices]
    assert len(pixels) == 2
    for one in pixels:
        assert one.dtype == np.uint16
        assert np.array_equal(one, deep)


def test_a_refusal_keeps_its_words_and_the_process(door: Door, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="none of"):
        door.inspect(file_saying(tmp_path, "text"))
    before, empty = processes(), tmp_path / "empty"
    empty.touch()
    with pytest.raises(RefusedError, match="0 bytes"):
        door.inspect(empty)
    assert processes() == before


@pytest.mark.parametrize(
    ("word", "message"),
    [("eat", "limit of 400 MB"), ("flood", "more than the"), ("crash", "damaged"), ("fail", "damaged")],
)
def test_what_breaks_a_decoder_is_refused(
    hostile: Door, tmp_path: Path, caplog: pytest.LogCaptureFixture, word: str, message: str
) -> None:
    hostile.unpack(tmp_path, tmp_path)  # it has started
    before = processes()
    with caplog.at_level(logging.WARNING), pytest.raises(RefusedError, match=message):
        hostile.inspect(file_saying(tmp_path, word))
    assert "Doe" not in caplog.text
    hostile.unpack(tmp_path, tmp_path)  # the next job finds a process
    assert len(processes()) <= len(before)


def test_a_spinning_decoder_is_stopped_by_its_cpu_time(
    hostile: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "BASE_SECONDS", 1)
    monkeypatch.setattr(child_module, "WALL_PER_CPU", 60)
    with pytest.raises(RefusedError, match="longer than 1 s"):
        hostile.inspect(file_saying(tmp_path, "spin"))


def test_a_sleeping_decoder_is_stopped_by_the_clock(
    hostile: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "BASE_SECONDS", 1)
    monkeypatch.setattr(child_module, "WALL_PER_CPU", 2)
    hostile.unpack(tmp_path, tmp_path)  # it has started
    begun = time.monotonic()
    with pytest.raises(RefusedError, match="longer than 1 s"):
        hostile.inspect(file_saying(tmp_path, "sleep"))
    assert time.monotonic() - begun < 30


def test_a_warm_door_has_its_processes_and_replaces_those_that_died(tmp_path: Path) -> None:
    with Door(processes=2) as door:
        door.warm()
        first = set(door._children)
        assert len(first) == 2
        dead = first.pop()
        dead.end()
        door.warm()
        assert dead not in door._children
        assert first < door._children
        assert all(child.alive for child in door._children)


def test_a_full_disk_is_no_fault_of_the_file(hostile: Door, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Free disk space"):
        hostile.inspect(file_saying(tmp_path, "full"))


@pytest.mark.parametrize("word", ["instance", "short"])
def test_an_answer_that_makes_no_sense_is_refused(hostile: Door, tmp_path: Path, word: str) -> None:
    with pytest.raises(RefusedError, match="damaged"):
        hostile.decode([file_saying(tmp_path, word)])
    assert hostile.decode([file_saying(tmp_path, "right")])[0].slices[0].pixels.shape == (4, 4)


def test_the_child_knows_no_secret_and_loads_nothing_heavy(hostile: Door, tmp_path: Path) -> None:
    os.environ["TRIAGE_TOKEN"] = "secret"
    try:
        with Door(1, "scans.isolation.hostile") as fresh:
            names = {member.name for member in fresh.unpack(tmp_path, tmp_path).members}
    finally:
        del os.environ["TRIAGE_TOKEN"]
    assert not {"TRIAGE_TOKEN", "tensorflow", "sqlalchemy", "streamlit", "onnxruntime"} & names
    code = "import sys, triage.scans.isolation.jobs; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"tensorflow", "sqlalchemy", "streamlit", "onnxruntime", "pandas", "highdicom"}
    assert not heavy & set(loaded.stdout.split())


def test_two_hundred_slices_are_inspected_in_two_seconds(slices: list[Phantom], tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / str(number)).write_bytes(slices[number % 8].png)
    with Door(processes=1) as door:
        door.inspect(tmp_path / "0")
        process = next(one for one in processes() if one.cpu_times().user > 0)
        theirs, ours = sum(process.cpu_times()[:2]), time.process_time()
        for number in range(200):
            door.inspect(tmp_path / str(number))
        # Processor time, since tests share their cores.
        assert sum(process.cpu_times()[:2]) - theirs + time.process_time() - ours < 2


def test_many_threads_share_the_processes(slices: list[Phantom], tmp_path: Path) -> None:
    paths = []
    for number, phantom in enumerate(slices):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(phantom.png if number % 2 else b"nothing")
    with Door(processes=2) as door, ThreadPoolExecutor(8) as threads:

        def look(path: Path) -> str:
            try:
                return door.inspect(path).kind
            except RefusedError:
                return "refused"

        assert list(threads.map(look, paths * 5)) == ["refused", "PNG"] * 20


def test_it_outlives_the_thread_that_started_it(slices: list[Phantom], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(slices[0].png)
    with Door(processes=1) as door:
        thread = threading.Thread(target=door.inspect, args=[path])
        thread.start()
        thread.join()
        before = processes()
        door.inspect(path)
        assert processes() == before


@pytest.mark.parametrize("word", ["spin", "sleep"])
def test_no_orphan_is_left_when_the_server_is_killed(tmp_path: Path, word: str) -> None:
    code = (
        "import sys, threading, time, psutil\n"
        "from pathlib import Path\n"
        "from triage.scans.isolation.door import Door\n"
        "door = Door(1, 'scans.isolation.hostile')\n"
        "door.unpack(Path('.'), Path('.'))\n"
        "threading.Thread(target=door.inspect, args=[Path(sys.argv[1])], daemon=True).start()\n"
        "time.sleep(0.5)\n"
        "print(psutil.Process().children()[0].pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    path = str(file_saying(tmp_path, word))
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        orphan = psutil.Process(int(server.stdout.readline()))
        server.send_signal(signal.SIGKILL)
    psutil.wait_procs([orphan], timeout=5)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


def test_a_process_that_died_in_its_sleep_is_replaced(slices: list[Phantom], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(slices[0].png)
    with Door(processes=1) as door:
        known = processes()
        door.inspect(path)
        (mine,) = [one for one in processes() if one not in known]
        mine.kill()
        mine.wait()
        assert door.inspect(path).kind is Kind.PNG


def test_a_closed_door_leaves_nothing_and_takes_nothing(slices: list[Phantom], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(slices[0].png)
    known = processes()
    door = Door(processes=1)
    door.inspect(path)
    door.close()
    assert processes() == known
    with pytest.raises(TriageError, match="stopping"):
        door.inspect(path)


def test_a_process_that_cannot_start_is_not_the_fault_of_the_file(tmp_path: Path) -> None:
    with Door(1, jobs="scans.absent") as door, pytest.raises(TriageError, match="does not start") as error:
        door.unpack(tmp_path, tmp_path)
    assert not isinstance(error.value, RefusedError)
