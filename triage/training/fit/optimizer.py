"""The optimizer of a stage and its learning rate. Tested in tests/training/fit/test_loop.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from triage.training.fit.layerwise import LayerwiseAdamW, shares_of

if TYPE_CHECKING:
    # Recipes need pydantic, which a machine that only trains may lack (`triage.training.elsewhere`).
    from triage.training.fit.recipe import Stage


def learning_rate_of(stage: Stage, total: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate, constant or over `total` steps."""
    if stage.schedule == "constant":
        return stage.learning_rate
    return keras.optimizers.schedules.CosineDecay(
        stage.learning_rate / 20, total, warmup_target=stage.learning_rate, warmup_steps=max(total // 16, 1)
    )


def optimizer_of(
    model: keras.Model, stage: Stage, rate: float | keras.optimizers.schedules.LearningRateSchedule
) -> keras.optimizers.Optimizer:
    """Return the optimizer of a network with its weight decay, clipping and moving average."""
    options = {"use_ema": stage.ema is not None, "ema_momentum": stage.ema or 0.99, "clipnorm": stage.clip}
    if stage.layer_decay:
        return LayerwiseAdamW(shares_of(model, stage.layer_decay), rate, weight_decay=stage.weight_decay, **options)
    if stage.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=stage.weight_decay, **options)
    return keras.optimizers.Adam(rate, **options)
