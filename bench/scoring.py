"""Scoring end to end (decode, preprocess, score, map) beside ``keras.predict`` on the same files."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from triage.inference.card import KERAS
from triage.inference.preprocess import prepare
from triage.inference.runtime import Runtime
from triage.phantoms import phantoms
from triage.scans.formats.raster import decode
from triage.settings import Settings

ROUNDS = 5


def measure(count: int = 40) -> list[str]:
    """Return lines of a Markdown table: images per second of each way, and the ratio round by round."""
    import keras

    import triage.networks.twolook  # noqa: F401 - its layers, which loading looks up by name

    settings = Settings()
    files = [phantom.png for phantom in phantoms(count)]
    runtime = Runtime(settings.model, settings.threads)
    model = keras.saving.load_model(settings.model / KERAS, compile=False)
    size = runtime.card.input_size

    def ours() -> None:
        for data in files:
            runtime.score(decode(data).pixels)

    def one_by_one() -> None:
        for data in files:
            model.predict(prepare(decode(data).pixels, size)[0][None, ..., None], verbose=0)

    ours()
    one_by_one()
    pairs = [(_seconds(ours), _seconds(one_by_one)) for _ in range(ROUNDS)]
    ratios = [theirs / mine for mine, theirs in pairs]
    return [
        "| way | images/s, median | ms an image |",
        "|---|---|---|",
        _row("NeuroTriage: two views, map and mask", [mine for mine, _ in pairs], count),
        _row("`keras.predict`: one view, the same network", [theirs for _, theirs in pairs], count),
        "",
        f"Ratio, round by round: median {statistics.median(ratios):.1f}, {min(ratios):.1f} to {max(ratios):.1f} "
        f"(target: 4 or more; {count} phantom files, input {size} px, decode and preprocessing included in both; ours "
        "runs the network up to twice a slice, on one thread; `keras.predict` once, on all). Target a slice: 25 ms.",
    ]


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _row(name: str, seconds: Sequence[float], count: int) -> str:
    middle = statistics.median(seconds)
    return f"| {name} | {count / middle:.1f} | {1000 * middle / count:.1f} |"
