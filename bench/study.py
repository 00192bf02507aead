"""A study of 200 slices from its files to its rank, in a process of its own: wall time, CPU time, peak of memory."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from triage.domain import Finding
from triage.settings import ROOT

SLICES = 200
SIDES = (256, 512)
ROUNDS = 3
#: Received and judged file by file, by `pydicom.dcmread` and `keras.predict`: what one would write first.
WAYS = {"NeuroTriage": "ours", "`pydicom` and `keras.predict`, slice by slice": "plain"}


def measure() -> list[str]:
    """Return a Markdown table, a row for each size of slices and way, and the ratio of the two ways."""
    lines = ["| slices | way | wall time | CPU time | peak memory |", "|---|---|---|---|---|"]
    ratios = []
    for side in SIDES:
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), side)
            seconds = {}
            for name, way in WAYS.items():
                rounds = [_run(way, Path(folder)) for _ in range(ROUNDS)]
                wall, cpu, peak = (statistics.median(column) for column in zip(*rounds, strict=True))
                seconds[way] = cpu
                lines.append(f"| {SLICES} of {side} x {side} | {name} | {wall:.1f} s | {cpu:.1f} s | {peak:.0f} MB |")
        ratios.append(f"{seconds['plain'] / seconds['ours']:.1f} ({side} x {side})")
    return [
        *lines,
        "",
        f"Medians of {ROUNDS}, each in a fresh process that is warm (model loaded, decoders started), its decoders "
        "included; the peak is the sum of the peaks of all of them. NeuroTriage also looks at each file, hashes it, "
        "writes it with fsync, and files the result; the other way keeps nothing. Ratio of CPU time: "
        f"{', '.join(ratios)}. Target: 5 s on two free cores, under 1 GB.",
    ]


def _write(folder: Path, side: int) -> None:
    for name, data in _files(side):
        (folder / name).write_bytes(data)


def _files(side: int) -> Iterator[tuple[str, bytes]]:
    """The phantom study with its slices resampled to a side."""
    import io

    import pydicom

    from triage.phantom_studies import phantom_study

    for name, data in phantom_study(Finding.GLIOMA, SLICES):
        header = pydicom.dcmread(io.BytesIO(data))
        if "LOCALIZER" in header.ImageType:
            continue
        picture = Image.fromarray(header.pixel_array.astype(np.int32)).resize((side, side), Image.Resampling.BILINEAR)
        header.PixelSpacing = [float(header.PixelSpacing[0]) * header.Rows / side] * 2
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


def _ours(paths: list[Path]) -> tuple[float, float]:
    from triage.phantoms import phantoms
    from triage.pipeline import Incoming, Pipeline
    from triage.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        pipeline = Pipeline(Settings(home=Path(home)))
        (first,) = phantoms(1)
        (receipt,) = pipeline.receive([Incoming("warm.png", data=first.png)], actor="bench")
        pipeline.wait([str(receipt.study_id)])
        start, used = time.perf_counter(), _cpu()
        receipts = pipeline.receive([Incoming(path.name, path=path) for path in paths], actor="bench")
        left = pipeline.wait({str(receipt.study_id) for receipt in receipts}, timeout=600)
        assert not left
        seconds = time.perf_counter() - start, _cpu() - used
        pipeline.close()
    return seconds


def _plain(paths: list[Path]) -> tuple[float, float]:
    import keras
    import pydicom

    from triage.inference.card import KERAS
    from triage.inference.preprocess import prepare
    from triage.inference.runtime import Runtime
    from triage.settings import Settings

    settings = Settings()
    model = keras.saving.load_model(settings.model / KERAS, compile=False)
    size = Runtime(settings.model, settings.threads).card.input_size

    def look(path: Path) -> None:
        model.predict(prepare(pydicom.dcmread(path).pixel_array, size)[0][None, ..., None], verbose=0)

    look(paths[0])
    start, used = time.perf_counter(), time.process_time()
    for path in paths:
        look(path)
    return time.perf_counter() - start, time.process_time() - used


def _cpu() -> float:
    """CPU seconds of this process and of its decoders."""
    import psutil

    children = psutil.Process().children(recursive=True)
    return time.process_time() + sum(sum(child.cpu_times()[:2]) for child in children)


def main(way: str, folder: str) -> None:
    """Run one way over a folder and print its figures as JSON."""
    paths = sorted(Path(folder).iterdir())
    wall, cpu = _ours(paths) if way == "ours" else _plain(paths)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Two decoders at most; the kernel keeps the larger one's peak.
    decoders = 2 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if way == "ours" else 0
    print(json.dumps([wall, cpu, (own + decoders) / 1024]))


if __name__ == "__main__":
    main(*sys.argv[1:])
