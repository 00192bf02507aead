"""Data sets as they come: every layout that we know is read into the same items.

`read_dataset` recognises the layout, `load_picture` and `load_mask` open one item. What cannot be read is skipped and
listed in `Dataset.skipped`; what a trainer would stumble over stands in `Dataset.warnings`.
"""

from __future__ import annotations

from triage.training.layouts.items import FINDINGS, GUARD, PUBLISHED, UNTYPED, Dataset, Item, LayoutError, Skipped
from triage.training.layouts.loading import Channel, load_mask, load_picture, load_slice
from triage.training.layouts.recognise import read_dataset
from triage.training.layouts.volumes import EDGE, with_volumes

__all__ = [
    "EDGE",
    "FINDINGS",
    "GUARD",
    "PUBLISHED",
    "UNTYPED",
    "Channel",
    "Dataset",
    "Item",
    "LayoutError",
    "Skipped",
    "load_mask",
    "load_picture",
    "load_slice",
    "read_dataset",
    "with_volumes",
]
