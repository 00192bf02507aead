from __future__ import annotations

from pathlib import Path

import pytest

from triage.training.data.copies import one_per_cluster
from triage.training.layouts import GUARD, Item, read_dataset


def test_copies_that_disagree_are_left_out_and_counted() -> None:
    items = [
        Item("a", "web", "glioma", cluster=1),
        Item("b", "web", "meningioma", cluster=1),
        Item("c", "figshare", "glioma", cluster=2),
        Item("d", "web", "meningioma", cluster=2),
        Item("e", "br35h", "tumor", cluster=3),
        Item("f", "web", "pituitary", cluster=3),
    ]
    kept, conflicting = one_per_cluster(items)
    assert [(item.name, item.label) for item in kept] == [("c", "glioma"), ("e", "pituitary")]
    assert conflicting == 1


@pytest.mark.data
def test_no_cluster_of_the_real_data_spans_two_folds(data_folder: Path) -> None:
    rows = [item for item in read_dataset(data_folder, verify=False).items if item.fold != GUARD]
    folds = {item.cluster: item.fold for item in rows}
    assert all(folds[item.cluster] == item.fold for item in rows)
    assert set(folds.values()) == set("01234")
    kept, _ = one_per_cluster(rows)
    assert len(kept) > 3500
    assert sum(item.outline is not None for item in kept) > 2500
