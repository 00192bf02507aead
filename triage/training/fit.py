"""Fine-tune one network on some folds and watch it on others."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from triage.networks.checkpoint import imagenet_lite0
from triage.networks.lite0 import build_lite0, freeze_batch_norm, load_imagenet
from triage.training.batches import BalancedViews, load_frames, load_training_frames
from triage.training.evaluate import summarise
from triage.training.manifest import Example, in_folds, read_manifest, typed

#: How often each group is drawn. Web pituitary tumours and gliomas are a handful: they would be learnt by heart.
SHARES = {
    "glioma/scanner": 0.27,
    "glioma/web": 0.004,
    "meningioma/scanner": 0.15,
    "meningioma/web": 0.09,
    "pituitary/scanner": 0.166,
    "pituitary/web": 0.02,
    "notumor/web": 0.20,
    "tumor/web": 0.10,
}


@dataclass(frozen=True)
class FitConfig:
    """What a run depends on besides the data; written to its folder."""

    train_folds: tuple[int, ...] = (2, 3, 4)
    watch_folds: tuple[int, ...] = (1,)
    size: int = 224
    epochs: int = 16
    steps: int = 75
    batch: int = 32
    learning_rate: float = 4e-4
    weight_decay: float = 0.02
    ema: float = 0.99
    seed: int = 20
    shares: dict[str, float] = field(default_factory=lambda: dict(SHARES))


def fit(root: Path, folder: Path, config: FitConfig) -> keras.Model:
    """Train and leave ``model.keras``, ``config.json`` and ``curve.json`` in `folder`.

    Parameters
    ----------
    root
        The data folder with its manifest.
    folder
        Where the run is written; made if missing. The checkpoint is replaced after every epoch.
    config
        Folds, size, schedule and seed.

    Returns
    -------
    keras.Model
        The network with averaged weights. The number of epochs is fixed beforehand, so nothing is chosen by looking
        at the watched folds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2))
    keras.utils.set_random_seed(config.seed)
    examples = read_manifest(root)
    train = in_folds(examples, config.train_folds)
    views = BalancedViews(
        *load_training_frames(root, train, config.size),
        train,
        config.shares,
        config.size,
        config.batch,
        config.steps,
        config.seed,
    )
    model = build_lite0(size=config.size)
    load_imagenet(model, imagenet_lite0())
    freeze_batch_norm(model)
    total = config.epochs * config.steps
    schedule = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 20, total, warmup_target=config.learning_rate, warmup_steps=total // 16
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=config.weight_decay, use_ema=True, ema_momentum=config.ema, clipnorm=1.0
    )
    model.compile(optimizer, allowed_classes_loss)
    watched = typed(in_folds(examples, config.watch_folds))
    watch = Watch(folder, watched, load_frames(root, watched, config.size))
    model.fit(
        views, epochs=config.epochs, callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True), watch], verbose=2
    )
    return keras.saving.load_model(folder / "model.keras", compile=False)


def allowed_classes_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy of "one of the allowed classes": -log of their summed probability.

    With one allowed class it is the usual cross-entropy. An untyped tumour allows the three tumour classes, so it
    teaches tumour against none without pretending to know its type.
    """
    allowed = ops.where(target > 0, logits, -1e9)
    return ops.logsumexp(logits, axis=-1) - ops.logsumexp(allowed, axis=-1)


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """After every epoch: figures on the watched folds, the curve and the checkpoint, each on disk."""

    def __init__(self, folder: Path, examples: list[Example], frames: NDArray[np.uint8]) -> None:
        super().__init__()
        self.folder, self.examples, self.frames = folder, examples, frames
        self.curve: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score the watched examples with the averaged weights and save."""
        self.model.save(self.folder / "next.keras")
        (self.folder / "next.keras").replace(self.folder / "model.keras")
        row = {"epoch": epoch + 1, "loss": float((logs or {})["loss"])}
        if self.examples:
            logits = self.model.predict(self.frames[..., None].astype(np.float32), batch_size=64, verbose=0)
            row |= summarise(logits, self.examples)
        self.curve.append(row)
        (self.folder / "curve.json").write_text(json.dumps(self.curve, indent=1))
        print(json.dumps(row), flush=True)
