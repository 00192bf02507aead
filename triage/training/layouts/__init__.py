"""Layouts of data sets: each known layout is read into the same items.

`read_dataset` recognises the layout, `load_picture` and `load_mask` open one item. `Dataset.skipped` lists what cannot
be read, and `Dataset.warnings` what prevents training.
"""

from __future__ import annotations

from triage.training.layouts.items import (
    ALWAYS_TRAIN,
    FINDINGS,
    GUARD,
    PUBLISHED,
    STRANGER,
    UNTYPED,
    Dataset,
    Item,
    LayoutError,
    Skipped,
)
from triage.training.layouts.loading import Channel, load_mask, load_picture, load_slice
from triage.training.layouts.manifest import joined
from triage.training.layouts.recognise import read_dataset
from triage.training.layouts.volumes import EDGE, with_volumes

__all__ = [
    "ALWAYS_TRAIN",
    "EDGE",
    "FINDINGS",
    "GUARD",
    "PUBLISHED",
    "STRANGER",
    "UNTYPED",
    "Channel",
    "Dataset",
    "Item",
    "LayoutError",
    "Skipped",
    "joined",
    "load_mask",
    "load_picture",
    "load_slice",
    "read_dataset",
    "with_volumes",
]
