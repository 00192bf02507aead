"""The training curves of a run as a plot. Tested in tests/training/fit/test_loop.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from triage.training.fit.checkpoints import Row, atomic_write


def draw_curves(curve: Sequence[Row], path: Path) -> None:
    """Write a PNG with the losses on the left and all other values on the right, by epoch."""
    epochs = [row["epoch"] for row in curve]
    names = [name for name in curve[-1] if name not in ("epoch", "network_share", "seconds")]
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, wanted in zip(figure.subplots(1, 2), (True, False), strict=True):
        drawn = [name for name in names if ("loss" in name) is wanted]
        for name in drawn:
            axes.plot(epochs, [row.get(name, float("nan")) for row in curve], marker=".", label=name.replace("_", " "))
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        if drawn:
            axes.legend()
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=110)
