from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn import class_folders, drawn_volumes, head, manifest_set
from helpers import encode
from PIL import Image

from triage.training.data.splits import Parts, Sample, Split, cut, expanded, label_for
from triage.training.layouts import Dataset, Item, LayoutError, load_mask, read_dataset, with_volumes


def dataset_of(items: list[Item]) -> Dataset:
    return Dataset(Path(), "drawn", tuple(items))


def typed(count: int, label: str, **about: object) -> list[Item]:
    return [Item(f"{label}/{number}.png", "web", label, **about) for number in range(count)]  # type: ignore[arg-type]


def names(samples: tuple[Sample, ...]) -> set[str]:
    return {sample.item.name for sample in samples}


def disjoint(parts: Parts) -> bool:
    return not (names(parts.train) & names(parts.test) or names(parts.train) & names(parts.validation))


def test_every_class_is_split_three_to_one_to_one() -> None:
    parts = cut(dataset_of(typed(50, "glioma") + typed(20, "notumor")), "finding", Split.RANDOM, seed=1)
    for samples, expected in ((parts.train, (30, 12)), (parts.validation, (10, 4)), (parts.test, (10, 4))):
        counts = Counter(sample.item.label for sample in samples)
        assert (counts["glioma"], counts["notumor"]) == expected
    assert disjoint(parts)


def test_the_seed_determines_the_split() -> None:
    dataset = dataset_of(typed(50, "glioma") + typed(20, "notumor"))
    first, again, other = (cut(dataset, "finding", Split.RANDOM, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert names(first.test) != names(other.test)


def test_the_five_test_folds_cover_everything_once() -> None:
    dataset = dataset_of(typed(23, "glioma") + typed(11, "notumor"))
    tested = [names(cut(dataset, "finding", Split.RANDOM, seed=1, test_fold=fold).test) for fold in range(5)]
    assert sum(map(len, tested)) == len(set.union(*tested)) == 34


def test_two_pictures_of_a_class_are_one_for_training_and_one_for_test() -> None:
    parts = cut(dataset_of(typed(2, "glioma") + typed(20, "notumor")), "finding", Split.RANDOM, seed=3)
    assert [sample.item.label for sample in parts.train].count("glioma") == 1
    assert [sample.item.label for sample in parts.test].count("glioma") == 1


def test_no_patient_is_in_two_parts() -> None:
    items = [
        replace(item, patient=f"p{number // 4}", path=f"{item.label}/{number}")
        for label in ("glioma", "notumor")
        for number, item in enumerate(typed(40, label))
    ]
    numbered = [replace(item, cluster=number) for number, item in enumerate(items)]
    parts = cut(dataset_of(numbered), "finding", Split.PATIENTS, seed=1)
    sides = [{sample.item.patient for sample in samples} for samples in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, sides)) == len(set.union(*sides))


def test_a_split_by_patient_needs_recorded_patients() -> None:
    items = [replace(item, cluster=number) for number, item in enumerate(typed(9, "glioma") + typed(9, "notumor"))]
    with pytest.raises(LayoutError, match="Use --split deduplicated"):
        cut(dataset_of(items), "finding", Split.PATIENTS, seed=1)


def test_the_folds_of_a_manifest_are_kept_and_copies_left_out(tmp_path: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path, each=10, copies=3))
    parts = cut(dataset, "finding", Split.PATIENTS, seed=1, test_fold=2)
    assert {sample.item.fold for sample in parts.test} == {"2"}
    assert {sample.item.fold for sample in parts.validation} == {"3"}
    everyone = (*parts.train, *parts.validation, *parts.test)
    assert len(everyone) == len({sample.item.cluster for sample in everyone}) == 40
    assert {sample.item.source for sample in everyone if sample.item.label != "notumor"} == {"figshare"}
    assert "12 copies left out, one picture per cluster kept" in parts.notes


def test_volumes_are_assigned_to_folds_by_patient(tmp_path: Path) -> None:
    data = manifest_set(tmp_path, each=10)
    volumes = drawn_volumes(data / "scans" / "volumes", ("a", "b", "c", "d", "e", "f"))
    dataset = with_volumes(read_dataset(data), volumes)
    slices = [item for item in dataset.items if item.index is not None]
    assert {(item.patient, item.fold) for item in slices} == {*zip("abcdef", "012340", strict=True)}
    # Beside the tumour it is neither tumour nor none.
    empty = [(index, "notumor") for index in (0, 1, 2, 7, 8, 9)]
    shown = dict.fromkeys([*empty, (4, "glioma"), (5, "glioma")], 6)
    assert Counter((item.index, item.label) for item in slices) == shown
    parts = cut(dataset, "finding", Split.PATIENTS, seed=1, test_fold=1, validation_fold=False)
    assert {sample.item.patient for sample in parts.test} - {None} == {"b"}
    assert {sample.item.patient for sample in parts.train} - {None} == {"a", "c", "d", "e", "f"}
    mask = load_mask(data, next(item for item in slices if item.label == "glioma"))
    assert mask is not None
    assert mask.any()


def test_volumes_that_cannot_be_added_are_refused(tmp_path: Path) -> None:
    data = read_dataset(manifest_set(tmp_path / "data"))
    (tmp_path / "data" / "empty").mkdir()
    for folder in (drawn_volumes(tmp_path / "elsewhere"), tmp_path / "data" / "empty"):
        with pytest.raises(LayoutError, match="no volumes with masks, or is not inside"):
            with_volumes(data, folder)
    folders = class_folders(tmp_path / "folders")
    with pytest.raises(LayoutError, match="Add a manifest"):
        with_volumes(read_dataset(folders), drawn_volumes(folders / "volumes"))


def test_pictures_of_unknown_patients_are_always_trained_on(tmp_path: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path / "data"))
    always = {item.name for item in dataset.items if item.fold == "0"}
    items = [replace(item, fold="train") if item.name in always else item for item in dataset.items]
    for fold in (1, 2):
        parts = cut(replace(dataset, items=tuple(items)), "finding", Split.PATIENTS, seed=1, test_fold=fold)
        assert always & names(parts.train)
        assert not always & (names(parts.test) | names(parts.validation))


def test_guard_rows_are_trained_on_only_without_a_test_fold(tmp_path: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path / "data"))
    guards = {item.name for item in dataset.items if item.fold == "0"}
    items = [replace(item, fold="guard") if item.name in guards else item for item in dataset.items]
    guarded = replace(dataset, items=tuple(items))
    assert not guards & names(cut(guarded, "finding", Split.PATIENTS, seed=1, test_fold=1).train)
    everything = cut(guarded, "finding", Split.PATIENTS, seed=1, test_fold=None, validation_fold=False)
    assert guards & names(everything.train)


def test_without_a_test_fold_everything_is_trained_on(tmp_path: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path))
    parts = cut(dataset, "finding", Split.PATIENTS, seed=1, test_fold=None, validation_fold=False)
    assert len(parts.train) == 40
    assert not parts.test
    assert not parts.validation


def test_a_random_split_keeps_the_copies(tmp_path: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path, each=10, copies=3))
    parts = cut(dataset, "finding", Split.RANDOM, seed=1)
    assert len((*parts.train, *parts.validation, *parts.test)) == 52


def test_copies_are_found_in_data_without_clusters(tmp_path: Path) -> None:
    class_folders(tmp_path, each=6)
    for label in ("glioma", "notumor"):
        with Image.open(tmp_path / label / "0.png") as picture:
            mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            mirrored.save(tmp_path / label / "copy.jpg", quality=90)
    parts = cut(read_dataset(tmp_path), "finding", Split.DEDUPLICATED, seed=1)
    assert "2 copies left out, one picture per cluster kept" in parts.notes


def test_clusters_with_different_labels_are_left_out_and_noted(tmp_path: Path) -> None:
    class_folders(tmp_path, each=6)
    (tmp_path / "meningioma" / "relabelled.png").write_bytes((tmp_path / "glioma" / "0.png").read_bytes())
    parts = cut(read_dataset(tmp_path), "finding", Split.DEDUPLICATED, seed=1)
    assert "1 clusters left out because their copies have different labels" in parts.notes
    assert not {"glioma/0.png", "meningioma/relabelled.png"} & names((*parts.train, *parts.validation, *parts.test))


def published(root: Path, *parts: str, each: int = 5) -> Path:
    """Write a data set with its publisher's split; the first two heads of every part are the same."""
    for number, part in enumerate(parts):
        for index, label in enumerate(("glioma", "notumor")):
            (root / part / label).mkdir(parents=True)
            for head_number in range(each):
                seed = 100 * index + head_number + (20 * number if head_number > 1 else 0)
                (root / part / label / f"{head_number}.png").write_bytes(encode(head(label, seed)))
    return root


def test_the_official_split_follows_the_publisher_and_notes_leaks(tmp_path: Path) -> None:
    parts = cut(read_dataset(published(tmp_path, "Training", "Testing")), "finding", Split.OFFICIAL, seed=1)
    assert {sample.item.split for sample in parts.test} == {"Testing"}
    assert {sample.item.split for sample in (*parts.train, *parts.validation)} == {"Training"}
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [8, 2, 10]
    assert disjoint(parts)
    assert "4 of 10 test pictures have a copy in the training or validation part" in parts.notes


def test_a_published_validation_part_is_used_for_validation(tmp_path: Path) -> None:
    parts = cut(read_dataset(published(tmp_path, "train", "valid", "test")), "finding", Split.OFFICIAL, seed=1)
    assert {sample.item.split for sample in parts.validation} == {"valid"}
    assert len(parts.train) == 10


@pytest.mark.parametrize("parts", [("Training",), ("Testing",)])
def test_the_official_split_needs_both_folders(tmp_path: Path, parts: tuple[str, ...]) -> None:
    with pytest.raises(LayoutError, match="Put them into Training/ and Testing/"):
        cut(read_dataset(published(tmp_path, *parts)), "finding", Split.OFFICIAL, seed=1)


def test_without_a_validation_fold_its_pictures_are_trained_on(tmp_path: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path, each=10))
    with_fold, without = (
        cut(dataset, "finding", Split.PATIENTS, seed=1, validation_fold=kept) for kept in (True, False)
    )
    assert not without.validation
    assert names(without.train) == names(with_fold.train) | names(with_fold.validation)
    assert without.test == with_fold.test


def test_augmenting_balances_the_classes() -> None:
    samples = [Sample(item) for item in typed(14, "glioma") + typed(6, "notumor")]
    grown = expanded(samples, 60, "tumour")
    assert Counter(label_for(sample.item, "tumour") for sample in grown) == {"tumor": 30, "notumor": 30}
    assert len({sample.name for sample in grown}) == 60


def test_augmentation_before_the_split_puts_variants_of_one_picture_in_both_parts() -> None:
    dataset = dataset_of(typed(20, "glioma") + typed(20, "notumor"))
    before = cut(dataset, "tumour", Split.RANDOM, seed=1, expand=400, before=True)
    after = cut(dataset, "tumour", Split.RANDOM, seed=1, expand=400)
    assert names(before.train) & names(before.test)
    assert disjoint(after)
    assert len(after.train) == 240
    assert {sample.variant for sample in (*after.validation, *after.test)} == {0}


def test_untyped_tumours_are_trained_on_only_if_requested() -> None:
    dataset = dataset_of(typed(20, "glioma") + typed(20, "notumor") + typed(20, "tumor"))
    without = cut(dataset, "finding", Split.RANDOM, seed=1)
    with_them = cut(dataset, "finding", Split.RANDOM, seed=1, untyped=True)
    assert not any(sample.item.label == "tumor" for sample in without.train)
    assert [sample.item.label for sample in with_them.train].count("tumor") == 12
    assert not any(sample.item.label == "tumor" for sample in (*with_them.validation, *with_them.test))
    assert [len(parts.untyped) for parts in (without, with_them)] == [0, 8]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (typed(20, "glioma") + typed(1, "notumor"), "The class notumor has one picture .*Add pictures"),
        (typed(20, "glioma"), "needs two classes, and the only one here is glioma"),
        (typed(2, "glioma") + typed(2, "notumor"), "too few pictures for a validation part"),
        (
            [replace(item, fold="2", cluster=number) for number, item in enumerate(typed(4, "glioma"))]
            + [
                replace(item, fold=str(number % 5), cluster=9 + number)
                for number, item in enumerate(typed(9, "notumor"))
            ],
            "the test part has no picture of glioma",
        ),
    ],
)
def test_a_class_that_cannot_be_trained_or_tested_is_named(items: list[Item], message: str) -> None:
    split = Split.PATIENTS if items[0].fold else Split.RANDOM
    with pytest.raises(LayoutError, match=message):
        cut(dataset_of(items), "finding", split, seed=1)


def test_an_empty_class_folder_is_named(tmp_path: Path) -> None:
    class_folders(tmp_path, each=3)
    (tmp_path / "pituitary" / "0.png").write_bytes(encode(np.zeros((8, 8), np.uint8))[:20])
    for number in range(1, 3):
        (tmp_path / "pituitary" / f"{number}.png").unlink()
    with pytest.raises(LayoutError, match="The class folder pituitary holds no readable picture"):
        cut(read_dataset(tmp_path), "finding", Split.RANDOM, seed=1)
