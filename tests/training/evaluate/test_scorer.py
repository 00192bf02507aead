"""Slices that may be of one patient are resampled together."""

from __future__ import annotations

from triage.training.evaluate.scorer import SLICES_PER_BLOCK, resampling_groups
from triage.training.layouts import Item


def item(number: int, source: str = "figshare", patient: str | None = None, cluster: int | None = 0) -> Item:
    return Item(f"{source}/images/{number}.jpg", source, "glioma", patient=patient, cluster=cluster)


def test_recorded_patients_are_the_groups() -> None:
    assert resampling_groups([item(1, patient="a"), item(2, patient="b")]) == (["a", "b"], "patient")


def test_without_clusters_every_picture_is_its_own() -> None:
    groups, unit = resampling_groups([item(1, cluster=None), item(2, cluster=None)])
    assert len(set(groups)) == 2
    assert unit == "picture"


def test_successive_slices_of_an_ordered_source_are_one_group() -> None:
    near, far, web = (
        item(SLICES_PER_BLOCK, cluster=1),
        item(2 * SLICES_PER_BLOCK, cluster=2),
        item(SLICES_PER_BLOCK, "sartaj", cluster=3),
    )
    groups, unit = resampling_groups([near, item(SLICES_PER_BLOCK + 1, cluster=4), far, web])
    assert groups[0] == groups[1]
    assert len(set(groups)) == 3
    assert unit.startswith("cluster")
    assert str(SLICES_PER_BLOCK) in unit
    assert resampling_groups([web]) == (["3"], "cluster")


def test_recorded_patients_stay_together_beside_pictures_without_one() -> None:
    """Two slices of a patient are two clusters; counted as independent they would narrow every interval."""
    groups, unit = resampling_groups(
        [item(1, "lgg", "3", cluster=8), item(2, "lgg", "3", cluster=9), item(3, "sartaj", cluster=3)]
    )
    assert groups[0] == groups[1]
    assert groups[2] not in groups[:2], "cluster 3 is not patient 3"
    assert unit == "patient, where it is not recorded by cluster"
