from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from drawn import manifest_set

from triage.training.evaluate.external_validation import searched_for_copies, unseen_samples
from triage.training.layouts import read_dataset


def test_unseen_samples_are_one_per_cluster_without_copies_of_known_sources(tmp_path: Path) -> None:
    """Sartaj has two copies of each class, those without tumour of a source that is as new as itself."""
    dataset = read_dataset(manifest_set(tmp_path, each=10, copies=2, others=3))
    samples, copies = unseen_samples(dataset, searched_for_copies(dataset), {"figshare"})
    assert sorted(sample.item.label for sample in samples) == (
        ["glioma"] * 3 + ["meningioma"] * 3 + ["notumor"] * 13 + ["pituitary"] * 3
    )
    assert {sample.item.source for sample in samples} == {"br35h", "sartaj"}
    assert copies == 6


def test_a_copy_missing_from_the_clusters_is_found(tmp_path: Path) -> None:
    """Each copy in Sartaj has a cluster of its own there."""
    dataset = read_dataset(manifest_set(tmp_path, each=10, copies=2))
    alone = tuple(
        replace(item, cluster=2000 + number) if item.source == "sartaj" else item
        for number, item in enumerate(dataset.items)
    )
    apart = replace(dataset, items=alone)
    samples, copies = unseen_samples(apart, searched_for_copies(apart), {"figshare"})
    assert {sample.item.label for sample in samples} == {"notumor"}
    assert copies == 6
