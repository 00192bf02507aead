from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn import FOLDERS, head
from site_samples import Signed, write_export

from bench.loop.attacks import patient_in
from triage.inference.card import Card
from triage.learning.parts import Part
from triage.settings import ROOT
from triage.training.retrain.site import OF_ONE_SERIES, SiteError, read_site

PARENT = Card.model_validate_json((ROOT / "models" / "two-look-v6.1" / "card.json").read_text())


def studies(count: int = 2, **changed: object) -> list[Signed]:
    """Return so many studies of each class, the first of each for training and the others for the test part."""
    return [
        replace(
            Signed(f"{label}-{number}", label, (head(label, 10 * kind + number),), Part.TEST if number else Part.TRAIN),
            **changed,
        )
        for kind, label in enumerate(FOLDERS)
        for number in range(count)
    ]


def test_slices_come_by_part_with_their_readers(tmp_path: Path) -> None:
    site = read_site(write_export(tmp_path / "a.zip", studies(readers=2)), PARENT)
    assert {part: len(slices) for part, slices in site.parts.items()} == {"train": 4, "validation": 0, "test": 4}
    assert {one.readers for one in site.slices} == {2}
    assert [one.item.label for one in site.parts["train"]] == list(FOLDERS)
    assert site.notes == ()


def test_of_a_tumour_study_only_the_marked_slice_has_a_label(tmp_path: Path) -> None:
    series = tuple(head("glioma", seed) for seed in range(20, 31))
    lone = Signed("lone", "glioma", series, Part.TRAIN, lone=True)
    healthy = Signed("well", "notumor", tuple(head("notumor", seed) for seed in range(40, 60)), Part.TRAIN)
    site = read_site(write_export(tmp_path / "a.zip", [*studies(), lone, healthy]), PARENT)
    train = site.parts["train"]
    assert [one.item.path for one in train if one.study == "lone"] == ["slices/lone/01-0006.png"]
    assert len(site.unlabelled) == 4
    assert {sample.item.patient for sample in site.unlabelled} == {patient_in(Part.TRAIN, "lone")}
    chosen = [one.item.path for one in train if one.study == "well"]
    assert len(chosen) == OF_ONE_SERIES
    assert chosen[0].endswith("0001.png")
    assert chosen[-1].endswith("0020.png")


def test_what_looks_like_a_slice_that_is_held_back_is_not_learned_from(tmp_path: Path) -> None:
    """Copies of the web under another name, brightened: the judgement would say that the test part was trained on."""
    held = Signed("held", "glioma", (head("glioma", 500),), Part.TEST)
    brighter = np.clip(head("glioma", 500).astype(float) * 1.1 + 3, 0, 255).astype(np.uint8)
    copy = Signed("copy", "glioma", (brighter,), Part.TRAIN)
    unmarked = Signed("unmarked", "glioma", (brighter, head("glioma", 600), head("glioma", 601)), Part.TRAIN, lone=True)
    site = read_site(write_export(tmp_path / "a.zip", [*studies(), held, copy, unmarked]), PARENT)
    assert "copy" not in {one.study for one in site.parts["train"]}
    assert "held" in {one.study for one in site.parts["test"]}
    assert [sample.item.path for sample in site.unlabelled] == ["slices/unmarked/01-0003.png"]
    (note,) = site.notes
    assert note.startswith("2 slices left out")
    assert "looks like a slice of the validation part or the test part" in note


def test_contradictory_labels_on_copies_are_left_out_and_too_many_refused(tmp_path: Path) -> None:
    some = [*studies(6), Signed("copy", "glioma", (head("glioma", 999),), Part.TRAIN, contradicted=True)]
    site = read_site(write_export(tmp_path / "some.zip", some), PARENT)
    assert site.notes == ("1 slices left out: a copy of the picture has another label",)
    many = [replace(one, contradicted=number % 2 == 0) for number, one in enumerate(studies(6))]
    with pytest.raises(SiteError, match=r"12 of 24 labels contradict a copy.*amend the readings, then export again"):
        read_site(write_export(tmp_path / "many.zip", many), PARENT)


def test_an_export_without_training_or_test_part_is_refused(tmp_path: Path) -> None:
    for part, missing in ((Part.TRAIN, "be measured on"), (Part.TEST, "learn from")):
        with pytest.raises(SiteError, match=f"nothing to {missing}.*sign studies of more patients"):
            read_site(write_export(tmp_path / f"{part}.zip", studies(split=part)), PARENT)


def test_an_export_of_another_installation_is_refused_unless_it_is_wanted(tmp_path: Path) -> None:
    foreign = write_export(tmp_path / "a.zip", studies(model_sha256="f" * 64))
    with pytest.raises(SiteError, match=r"an export of another installation.*--any-model"):
        read_site(foreign, PARENT)
    assert len(read_site(foreign, PARENT, any_model=True).slices) == 8
    own = write_export(tmp_path / "b.zip", studies(model_sha256=PARENT.sha256))
    assert len(read_site(own, PARENT).slices) == 8


def test_damaged_exports_are_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = write_export(tmp_path / "a.zip", studies())
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(SiteError, match=r"[Ee]xport"):
        read_site(cut, PARENT)
    with zipfile.ZipFile(whole) as file:
        file.extractall(tmp_path / "folder")
    for one in sorted((tmp_path / "folder" / "slices").rglob("*.png"))[:6]:
        one.write_bytes(b"no picture")
    with pytest.raises(SiteError, match=r"6 pictures of the export are missing, altered or damaged. Export"):
        read_site(tmp_path / "folder", PARENT)
    with pytest.raises(SiteError, match=r"does not exist|missing"):
        read_site(tmp_path / "nowhere.zip", PARENT)


def test_a_picture_that_was_altered_teaches_nothing(tmp_path: Path) -> None:
    packed = write_export(tmp_path / "a.zip", studies())
    with zipfile.ZipFile(packed) as file:
        file.extractall(tmp_path / "folder")
    one, other = sorted((tmp_path / "folder" / "slices").rglob("*.png"))[:2]
    one.write_bytes(other.read_bytes())  # a picture as good as the other, of another head
    site = read_site(tmp_path / "folder", PARENT)
    assert site.notes == ("1 slices left out: the file is missing, altered or damaged",)
    assert len(site.slices) == len(read_site(packed, PARENT).slices) - 1


def test_a_zip_and_its_folder_teach_the_same(tmp_path: Path) -> None:
    packed = write_export(tmp_path / "a.zip", studies(mask=np.eye(64, dtype=np.uint8)))
    with zipfile.ZipFile(packed) as file:
        file.extractall(tmp_path / "folder")
    one, other = read_site(packed, PARENT), read_site(tmp_path / "folder", PARENT)
    assert (one.digest, one.parts, one.unlabelled) == (other.digest, other.parts, other.unlabelled)
    assert all(each.item.mask for each in one.slices)
