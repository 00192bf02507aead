"""A study of 200 slices from its files to its rank, in a process of its own: wall time, CPU time, peak memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain import Finding, StudyStatus
from triage.phantoms import phantoms
from triage.settings import ROOT

SLICES = 200
#: Number of series, millimetres between slices, pixels of their sides: a volume of the whole head, of which NeuroTriage
#: scores every second slice, and the series of a protocol, of which it scores all.
STUDIES = ((1, 0.9, 256), (1, 0.9, 512), (8, 5.0, 256), (8, 5.0, 512))
ROUNDS = 3
#: A round counts if other virtual machines took less than this share of the time of the cores.
MAX_STEAL = 0.01
MAX_ROUNDS = 6
#: File handed over before the clock starts.
WARM = "warm.png"
#: Both ways of judging a study; the second one is the simplest program: `pydicom.dcmread` and `keras.predict`.
WAYS = {"NeuroTriage": "ours", "`pydicom` and `keras.predict`, slice by slice": "plain"}


def measure() -> list[str]:
    """Return a Markdown table with a row for each study and way, and the ratios of the two ways."""
    lines = ["| study | way | wall time | CPU time | peak memory | rounds |", "|---|---|---|---|---|---|"]
    ratios = []
    for series, apart, side in STUDIES:
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), series, apart, side)
            seconds = {}
            for name, way in WAYS.items():
                if way == "plain" and series > 1:
                    continue  # it ignores series: the same as for the volume
                rounds, tried = _rounds(way, Path(folder))
                wall, cpu, peak = (statistics.median(column) for column in zip(*rounds, strict=True))
                seconds[way] = cpu
                walls = sorted(round[0] for round in rounds)
                lines.append(
                    f"| {series} x {SLICES // series} slices of {side} x {side}, {apart} mm apart | {name} | "
                    f"{wall:.1f} s ({walls[0]:.1f} to {walls[-1]:.1f}) | {cpu:.1f} s | "
                    f"{peak:.0f} MB | {len(rounds)} of {tried} |"
                )
        if series == 1:
            ratios.append(f"{seconds['plain'] / seconds['ours']:.1f}")
    return [
        *lines,
        "",
        "Medians of the rounds, each in a fresh process that is warm (model loaded, decoders started), its decoders "
        "included; the peak is the sum of the peaks of all of them. A round counts if the cores were free for us for "
        f"{1 - MAX_STEAL:.0%} of the time; if none was, the disturbed rounds are listed. NeuroTriage also inspects, "
        "hashes and syncs each file, and files the result; the other way stores nothing, and scores every "
        f"slice. Ratio of CPU time for the volumes: {', '.join(ratios)}. Target: 5 s on two free cores, "
        "under 1 GB.",
    ]


def _rounds(way: str, folder: Path) -> tuple[list[tuple[float, float, float]], int]:
    """Return the rounds that count, and the number of rounds run."""
    import psutil

    counting, disturbed = [], []
    while len(counting) < ROUNDS and len(counting) + len(disturbed) < MAX_ROUNDS:
        before, start = psutil.cpu_times(), time.perf_counter()
        figures = _run(way, folder)
        taken = getattr(psutil.cpu_times(), "steal", 0.0) - getattr(before, "steal", 0.0)
        share = taken / (time.perf_counter() - start) / (psutil.cpu_count() or 1)
        (counting if share < MAX_STEAL else disturbed).append(figures)
    return counting or disturbed, len(counting) + len(disturbed)


def _write(folder: Path, series: int, apart: float, side: int) -> None:
    (folder / WARM).write_bytes(next(iter(phantoms(1))).png)
    for name, data in files(series, apart, side):
        (folder / name).write_bytes(data)


def files(series: int, apart: float, side: int) -> Iterator[tuple[str, bytes]]:
    """Give the slices of the phantom study, distributed over series and resampled to a side."""
    import io

    import pydicom
    from pydicom.uid import generate_uid

    from triage.phantom_studies import phantom_study

    for number, (name, data) in enumerate(phantom_study(Finding.GLIOMA, SLICES)):
        header = pydicom.dcmread(io.BytesIO(data))
        if "LOCALIZER" in header.ImageType:
            continue
        picture = Image.fromarray(header.pixel_array.astype(np.int32)).resize((side, side), Image.Resampling.BILINEAR)
        header.PixelSpacing = [float(header.PixelSpacing[0]) * header.Rows / side] * 2
        header.ImagePositionPatient[2], header.SliceThickness = number // series * apart, apart
        header.SeriesNumber = 2 + number % series
        header.SeriesInstanceUID = generate_uid(entropy_srcs=[f"{header.StudyInstanceUID} {header.SeriesNumber}"])
        header.Rows = header.Columns = side
        header.PixelData = np.asarray(picture).astype(np.uint16).tobytes()
        buffer = io.BytesIO()
        header.save_as(buffer, enforce_file_format=True)
        yield name, buffer.getvalue()


def _run(way: str, folder: Path) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and megabytes of one round."""
    command = [sys.executable, "-m", "bench.study", way, str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    wall, cpu, peak = json.loads(done.stdout.splitlines()[-1])
    return wall, cpu, peak


def _ours(warm: Path, paths: list[Path]) -> tuple[float, float, float]:
    from triage.pipeline.installation import Installation
    from triage.pipeline.spool import Incoming
    from triage.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        installation = Installation(Settings(home=Path(home)))
        (receipt,) = installation.receive([Incoming(warm.name, path=warm)], actor="bench")
        installation.wait([str(receipt.study_id)])
        start, used = time.perf_counter(), _cpu()
        receipts = installation.receive([Incoming(path.name, path=path) for path in paths], actor="bench")
        pending = installation.wait({str(receipt.study_id) for receipt in receipts}, timeout=600)
        figures = time.perf_counter() - start, _cpu() - used, _peak()
        assert not pending
        # A study that was given up would be quick too.
        assert all(installation.store.study(str(receipt.study_id)).status is StudyStatus.RANKED for receipt in receipts)
        installation.close()
    return figures


def _plain(warm: Path, paths: list[Path]) -> tuple[float, float, float]:
    import keras
    import pydicom

    import triage.networks.twolook  # noqa: F401 - its layers, which loading looks up by name
    from triage.inference.card import KERAS
    from triage.inference.preprocess import prepare
    from triage.inference.runtime import Runtime
    from triage.scans.formats.raster import decode
    from triage.settings import Settings

    settings = Settings()
    model = keras.saving.load_model(settings.model / KERAS, compile=False)
    size = Runtime(settings.model, settings.threads).card.input_size

    def predict(pixels: NDArray[np.generic]) -> None:
        model.predict(prepare(pixels, size)[0][None, ..., None], verbose=0)

    predict(decode(warm.read_bytes()).pixels)
    start, used = time.perf_counter(), time.process_time()
    for path in paths:
        predict(pydicom.dcmread(path).pixel_array)
    return time.perf_counter() - start, time.process_time() - used, _peak()


def _cpu() -> float:
    """CPU seconds of this process and of its decoders."""
    import psutil

    children = psutil.Process().children(recursive=True)
    return time.process_time() + sum(sum(child.cpu_times()[:2]) for child in children)


def _peak() -> float:
    """Megabytes: the sum of the peaks of this process and of its decoders, as the kernel reports them."""
    import psutil

    own = psutil.Process()
    status = [Path(f"/proc/{one.pid}/status").read_text() for one in (own, *own.children(recursive=True))]
    return sum(int(text.partition("VmHWM:")[2].split()[0]) for text in status) / 1024


def main(way: str, folder: str) -> None:
    """Run one way over a folder and print its figures as JSON."""
    paths = sorted(path for path in Path(folder).iterdir() if path.name != WARM)
    print(json.dumps((_ours if way == "ours" else _plain)(Path(folder) / WARM, paths)))


if __name__ == "__main__":
    main(*sys.argv[1:])
