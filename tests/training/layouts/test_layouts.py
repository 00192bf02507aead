"""Data sets in every layout that we read, drawn small, and what is said about the bad ones."""

from __future__ import annotations

import csv
import json
import os
import zipfile
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
from drawn import class_folders
from numpy.typing import NDArray
from PIL import Image

from triage.errors import RefusedError
from triage.learning.dataset import COLUMNS
from triage.training.layouts import Channel, LayoutError, load_mask, load_picture, read_dataset

DATA = Path(os.environ.get("TRIAGE_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the training data is not there (TRIAGE_DATA)")


def picture(path: Path, size: tuple[int, int] = (64, 48), seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, size[::-1], np.uint8)
    Image.fromarray(pixels).save(path)
    return path


class TestClassFolders:
    def test_four_classes_keep_their_splits(self, tmp_path: Path) -> None:
        for path in (
            "Training/glioma_tumor/a.jpg",
            "Training/no_tumor/b.jpg",
            "Testing/glioma_tumor/a.jpg",
            "Testing/pituitary_tumor/c.png",
        ):
            picture(tmp_path / path)
        dataset = read_dataset(tmp_path)
        assert {(item.path, item.label, item.split) for item in dataset.items} == {
            ("Training/glioma_tumor/a.jpg", "glioma", "Training"),
            ("Training/no_tumor/b.jpg", "notumor", "Training"),
            ("Testing/glioma_tumor/a.jpg", "glioma", "Testing"),
            ("Testing/pituitary_tumor/c.png", "pituitary", "Testing"),
        }
        assert load_picture(tmp_path, dataset.items[0]).shape == (48, 64)
        assert load_mask(tmp_path, dataset.items[0]) is None

    def test_the_short_names(self, tmp_path: Path) -> None:
        for folder in ("glioma", "meningioma", "pituitary", "notumor"):
            picture(tmp_path / "Training" / folder / f"Tr-{folder[:2]}_0010.jpg")
        assert read_dataset(tmp_path).counts == {"glioma": 1, "meningioma": 1, "notumor": 1, "pituitary": 1}

    @pytest.mark.parametrize("names", [("yes", "no"), ("Yes", "NO"), ("tumor", "healthy"), ("Tumour", "no tumor")])
    def test_yes_and_no(self, tmp_path: Path, names: tuple[str, str]) -> None:
        picture(tmp_path / names[0] / "Y1.jpg")
        picture(tmp_path / names[1] / "1 no.jpeg")
        assert read_dataset(tmp_path).counts == {"notumor": 1, "tumor": 1}

    def test_an_untyped_tumour_may_be_any_of_three(self, tmp_path: Path) -> None:
        picture(tmp_path / "yes" / "a.png")
        assert read_dataset(tmp_path).items[0].target.tolist() == [1, 1, 1, 0]

    def test_other_folders_are_listed(self, tmp_path: Path) -> None:
        picture(tmp_path / "yes" / "a.png")
        picture(tmp_path / "pred" / "b.png")
        assert [entry.path for entry in read_dataset(tmp_path).skipped] == ["pred/"]

    def test_damaged_files_are_skipped_and_listed(self, tmp_path: Path) -> None:
        good = picture(tmp_path / "yes" / "good.jpg").read_bytes()
        (tmp_path / "yes" / "cut.jpg").write_bytes(good[: len(good) // 2])
        (tmp_path / "yes" / "empty.png").write_bytes(b"")
        (tmp_path / "yes" / "notes.txt").write_text("hello")
        (tmp_path / "yes" / ".DS_Store").write_bytes(b"litter")
        dataset = read_dataset(tmp_path)
        assert [item.path for item in dataset.items] == ["yes/good.jpg"]
        assert {entry.path: entry.reason.split(".")[0] for entry in dataset.skipped} == {
            "yes/cut.jpg": "The JPEG is damaged or cut short",
            "yes/empty.png": "The file is empty (0 bytes)",
            "yes/notes.txt": "The content is none of DICOM, NIfTI, PNG, JPEG and ZIP, whatever the name says",
        }

    def test_every_damaged_file_among_thousands_is_listed(self, tmp_path: Path) -> None:
        class_folders(tmp_path, each=1, labels=("glioma", "notumor"))
        picture = (tmp_path / "glioma" / "0.png").read_bytes()
        damaged = {"cut.png": picture[:200], "empty.jpg": b"", "text.png": b"no picture"}
        for number in range(3000):
            (tmp_path / "notumor" / f"n{number}.png").write_bytes(picture)
        for name, content in damaged.items():
            (tmp_path / "notumor" / name).write_bytes(content)
        dataset = read_dataset(tmp_path)
        assert len(dataset.items) == 3002
        assert {entry.path for entry in dataset.skipped} == {f"notumor/{name}" for name in damaged}
        assert all(entry.reason.endswith(".") for entry in dataset.skipped)

    def test_an_empty_class_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "Training" / "pituitary").mkdir(parents=True)
        for seed in range(2):
            picture(tmp_path / "Training" / "glioma" / f"{seed}.png", seed=seed)
        dataset = read_dataset(tmp_path)
        assert dataset.warnings == ("The class folder Training/pituitary holds no readable picture.",)
        with pytest.raises(LayoutError, match="Training/pituitary"):
            dataset.check_trainable()

    def test_a_class_whose_files_are_all_damaged_is_empty(self, tmp_path: Path) -> None:
        picture(tmp_path / "yes" / "a.png")
        (tmp_path / "no").mkdir()
        (tmp_path / "no" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
        assert read_dataset(tmp_path).empty == ("no",)

    def test_one_picture_in_a_class_is_named(self, tmp_path: Path) -> None:
        for path in ("yes/a.png", "no/b.png", "no/c.png"):
            picture(tmp_path / path)
        with pytest.raises(LayoutError, match=r"The class tumor has one picture \(yes/a.png\)"):
            read_dataset(tmp_path).check_trainable()

    def test_nothing_readable_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "yes").mkdir()
        (tmp_path / "yes" / "a.jpg").write_bytes(b"nothing")
        with pytest.raises(LayoutError, match=r"holds no readable picture.*yes/a.jpg"):
            read_dataset(tmp_path)


class TestUnknown:
    def test_shows_the_known_layouts(self, tmp_path: Path) -> None:
        picture(tmp_path / "cats" / "a.png")
        with pytest.raises(LayoutError, match="none of the layouts") as error:
            read_dataset(tmp_path)
        for layout in ("manifest.csv", "Training/glioma_tumor", "yes/", "borders.json", ".mat", "kaggle_3m", ".nii.gz"):
            assert layout in str(error.value)

    def test_points_at_the_folder_inside(self, tmp_path: Path) -> None:
        picture(tmp_path / "archive" / "yes" / "a.png")
        with pytest.raises(LayoutError, match="archive looks like one"):
            read_dataset(tmp_path)

    def test_a_missing_folder_and_a_stray_file(self, tmp_path: Path) -> None:
        with pytest.raises(LayoutError, match="is not there"):
            read_dataset(tmp_path / "nowhere")
        with pytest.raises(LayoutError, match="not the ZIP of an export"):
            read_dataset(picture(tmp_path / "a.png"))


class TestFigshare:
    def test_pictures_with_outlines(self, tmp_path: Path) -> None:
        picture(tmp_path / "images" / "1.jpg", (40, 30))
        picture(tmp_path / "images" / "1000.jpg", (40, 30))
        picture(tmp_path / "images" / "extra.jpg", (40, 30))
        (tmp_path / "borders.json").write_text(json.dumps({"1": [[10, 5], [20, 5], [20, 25], [10, 25]]}))
        dataset = read_dataset(tmp_path)
        assert [(item.path, item.label) for item in dataset.items] == [
            ("images/1.jpg", "meningioma"),
            ("images/1000.jpg", "pituitary"),
        ]
        assert [entry.path for entry in dataset.skipped] == ["images/extra.jpg"]
        mask = load_mask(tmp_path, dataset.items[0])
        assert mask is not None
        assert mask.shape == (30, 40)
        assert mask[6:24, 11:19].all()
        assert not mask[:, :10].any()
        assert load_mask(tmp_path, dataset.items[1]) is None

    def test_an_outline_beyond_the_picture_is_an_error(self, tmp_path: Path) -> None:
        picture(tmp_path / "images" / "1.jpg", (40, 30))
        (tmp_path / "borders.json").write_text(json.dumps({"1": [[10, 5], [300, 5], [300, 200]]}))
        dataset = read_dataset(tmp_path)
        with pytest.raises(LayoutError, match=r"images/1.jpg reaches to 300 x 200 pixels, the picture is 40 x 30"):
            load_mask(tmp_path, dataset.items[0])

    def test_borders_that_are_no_table_are_an_error(self, tmp_path: Path) -> None:
        picture(tmp_path / "images" / "1.jpg")
        (tmp_path / "borders.json").write_text("[1, 2")
        with pytest.raises(LayoutError, match="is not a table of outlines"):
            read_dataset(tmp_path)

    @pytest.mark.parametrize("swapped", [False, True])
    def test_the_original_files(self, tmp_path: Path, swapped: bool) -> None:
        image = np.arange(40 * 30, dtype=np.int16).reshape(30, 40)
        mask = np.zeros((30, 40), np.uint8)
        mask[3:9, 20:36] = 1
        border = np.array([[20, 3], [35, 3], [35, 8], [20, 8]], np.float64)
        write_mat(tmp_path / "7.mat", image, 2, "MR040241B", border[:, ::-1] if swapped else border, mask)
        dataset = read_dataset(tmp_path)
        item = dataset.items[0]
        assert (item.label, item.patient, item.source) == ("glioma", "MR040241B", "figshare")
        assert (load_picture(tmp_path, item) == image).all()
        found = load_mask(tmp_path, item)
        assert found is not None
        assert (found == mask.astype(bool)).all()
        assert item.outline is not None
        assert item.outline.tolist() == border.tolist()

    def test_labels_and_damaged_originals(self, tmp_path: Path) -> None:
        flat = np.zeros((8, 8), np.uint8)
        for number, label in ((1, 1), (2, 2), (10, 3)):
            write_mat(
                tmp_path / "brainTumorDataPublic_1-766" / f"{number}.mat", flat, label, "7", np.zeros((3, 2)), flat
            )
        (tmp_path / "11.mat").write_bytes(b"nothing")
        dataset = read_dataset(tmp_path)
        assert [item.label for item in dataset.items] == ["meningioma", "glioma", "pituitary"]
        assert [entry.path for entry in dataset.skipped] == ["11.mat"]

    def test_a_mask_of_another_size_is_an_error(self, tmp_path: Path) -> None:
        write_mat(tmp_path / "7.mat", np.zeros((30, 40)), 2, "7", np.zeros((3, 2)), np.zeros((15, 20)))
        dataset = read_dataset(tmp_path)
        with pytest.raises(LayoutError, match=r"7.mat is 20 x 15 pixels, its picture 7.mat is 40 x 30"):
            load_mask(tmp_path, dataset.items[0])


def write_mat(
    path: Path,
    image: NDArray[np.generic],
    label: int,
    patient: str,
    border: NDArray[np.float64],
    mask: NDArray[np.generic],
) -> None:
    """Write as MATLAB does: columns first, strings as codes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        data = file.create_group("cjdata")
        data["image"], data["tumorMask"] = image.T, mask.T
        data["label"] = np.array([[float(label)]])
        data["PID"] = np.array([[ord(letter)] for letter in patient], np.uint16)
        data["tumorBorder"] = border.reshape(1, -1)


class TestLgg:
    def test_slices_channels_and_labels(self, tmp_path: Path) -> None:
        folder = tmp_path / "kaggle_3m" / "TCGA_CS_4941_19960909"
        self.write(folder, 2, marked=False)
        self.write(folder, 10, marked=True)
        dataset = read_dataset(tmp_path)
        assert [(Path(item.path).name, item.label, item.patient) for item in dataset.items] == [
            ("TCGA_CS_4941_19960909_2.tif", "notumor", "TCGA_CS_4941_19960909"),
            ("TCGA_CS_4941_19960909_10.tif", "glioma", "TCGA_CS_4941_19960909"),
        ]
        item = dataset.items[1]
        means = [int(load_picture(tmp_path, item, channel).mean()) for channel in Channel]
        assert means == [50, 100, 150]
        assert int(load_picture(tmp_path, item).mean()) == 100
        mask = load_mask(tmp_path, item)
        assert mask is not None
        assert mask.sum() == 25

    def test_a_mask_of_another_size_is_an_error(self, tmp_path: Path) -> None:
        folder = tmp_path / "kaggle_3m" / "TCGA_1"
        self.write(folder, 1, marked=True)
        Image.new("L", (20, 20)).save(folder / "TCGA_1_1_mask.tif")
        with pytest.raises(LayoutError, match=r"TCGA_1_1_mask.tif is 20 x 20 pixels, its picture .* is 40 x 30"):
            read_dataset(tmp_path)

    def test_what_lacks_its_other_half_is_listed(self, tmp_path: Path) -> None:
        folder = tmp_path / "TCGA_1"
        for number in (1, 2, 3, 4):
            self.write(folder, number, marked=True)
        (folder / "TCGA_1_2_mask.tif").unlink()
        (folder / "TCGA_1_3.tif").unlink()
        (folder / "TCGA_1_4.tif").write_bytes(b"II*\x00")
        dataset = read_dataset(tmp_path)
        assert len(dataset.items) == 1
        assert {Path(entry.path).name for entry in dataset.skipped} == {f"TCGA_1_{n}.tif" for n in (2, 3, 4)}

    @staticmethod
    def write(folder: Path, number: int, *, marked: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (50, 100, 150)).save(folder / f"{folder.name}_{number}.tif")
        mask = np.zeros((30, 40), np.uint8)
        mask[5:10, 5:10] = 255 * marked
        Image.fromarray(mask).save(folder / f"{folder.name}_{number}_mask.tif")


class TestVolumes:
    def test_slices_with_masks(self, tmp_path: Path) -> None:
        scan, mask = np.zeros((6, 8, 5)), np.zeros((6, 8, 5))
        scan[1:4, :, 1:4] = 900
        mask[2, 3, 2] = 1
        self.write(tmp_path / "01" / "Pre_Scan_T1.nii.gz", scan)
        self.write(tmp_path / "01" / "Pre_Mask.nii.gz", mask)
        dataset = read_dataset(tmp_path)
        assert [(item.name, item.label, item.patient) for item in dataset.items] == [
            ("01/Pre_Scan_T1.nii.gz#1", "notumor", "01"),
            ("01/Pre_Scan_T1.nii.gz#2", "glioma", "01"),
            ("01/Pre_Scan_T1.nii.gz#3", "notumor", "01"),
        ]
        marked = dataset.items[1]
        assert load_picture(tmp_path, marked).shape == (8, 6)
        found = load_mask(tmp_path, marked)
        assert found is not None
        assert np.argwhere(found).tolist() == [[3, 2]]

    def test_slices_lie_as_a_radiologist_looks_at_them(self, tmp_path: Path) -> None:
        scan = np.zeros((6, 8, 2))
        scan[5, 7, 1] = 1  # in RAS: the patient's right, front
        self.write(tmp_path / "01" / "Pre_Scan_T1.nii.gz", scan, np.eye(4))
        self.write(tmp_path / "01" / "Pre_Mask.nii.gz", scan, np.eye(4))
        item = read_dataset(tmp_path).items[0]
        assert np.argwhere(load_picture(tmp_path, item)).tolist() == [[0, 0]]

    def test_a_mask_of_another_size_is_an_error(self, tmp_path: Path) -> None:
        self.write(tmp_path / "01" / "Pre_Scan_T1.nii.gz", np.ones((6, 8, 5)))
        self.write(tmp_path / "01" / "Pre_Mask.nii.gz", np.ones((6, 8, 4)))
        with pytest.raises(LayoutError, match=r"Pre_Mask.nii.gz is 6 x 8 x 4 voxels, its scan .* is 6 x 8 x 5"):
            read_dataset(tmp_path)

    def test_damaged_and_lonely_files_are_listed(self, tmp_path: Path) -> None:
        scan = np.arange(240.0).reshape(6, 8, 5)
        for visit in ("Pre", "Post"):
            self.write(tmp_path / "02" / f"{visit}_Scan_T1.nii.gz", scan)
            self.write(tmp_path / "02" / f"{visit}_Mask.nii.gz", scan > 100)
        self.write(tmp_path / "02" / "Late_Scan_T1.nii.gz", scan)
        self.write(tmp_path / "02" / "Early_Mask.nii.gz", scan > 100)
        (tmp_path / "02" / "Post_Scan_T1.nii.gz").write_bytes(b"\x1f\x8bnothing")
        dataset = read_dataset(tmp_path)
        assert {item.path for item in dataset.items} == {"02/Pre_Scan_T1.nii.gz"}
        assert {Path(entry.path).name for entry in dataset.skipped} == {
            "Post_Scan_T1.nii.gz",
            "Late_Scan_T1.nii.gz",
            "Early_Mask.nii.gz",
        }

    def test_the_class_is_that_of_a_folder_on_the_way(self, tmp_path: Path) -> None:
        scan = np.arange(240.0).reshape(6, 8, 5)
        for folder in ("meningioma/01", "other/02"):
            self.write(tmp_path / folder / "a_Scan.nii.gz", scan)
            self.write(tmp_path / folder / "a_Mask.nii.gz", scan >= 0)
        assert read_dataset(tmp_path).counts == {"meningioma": 5, "tumor": 5}

    @staticmethod
    def write(path: Path, values: NDArray[np.generic], affine: NDArray[np.float64] | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        lps = np.diag([-1.0, -1.0, 1.0, 1.0])
        nibabel.save(nibabel.Nifti1Image(values.astype(np.float64), lps if affine is None else affine), path)


class TestExport:
    ROWS = (
        # newest first, as the product writes them: the amendment names the folder
        ("s1", "glioma/aa.png", "meningioma", "glioma", "2026-02-02T10:00:00", "amended"),
        ("s1", "glioma/aa.png", "meningioma", "meningioma", "2026-02-01T10:00:00", "final"),
        ("s2", "notumor/bb.png", "", "notumor", "2026-02-01T09:00:00", "final"),
        ("s3", "glioma/missing.png", "glioma", "glioma", "2026-02-01T09:00:00", "final"),
    )

    @pytest.fixture
    def export(self, tmp_path: Path) -> Path:
        root = tmp_path / "export"
        picture(root / "glioma" / "aa.png")
        picture(root / "notumor" / "bb.png")
        picture(root / "notumor" / "stray.png")
        with (root / "readings.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for study, path, original, final, signed, state in self.ROWS:
                writer.writerow((study, path, original, final, "override", "", "a, b", "kim", signed, state, ""))
        return root

    def test_folder(self, export: Path) -> None:
        dataset = read_dataset(export)
        assert [(item.path, item.label, item.patient) for item in dataset.items] == [
            ("glioma/aa.png", "glioma", "s1"),
            ("notumor/bb.png", "notumor", "s2"),
        ]
        assert {entry.path for entry in dataset.skipped} == {"glioma/missing.png", "notumor/stray.png"}

    def test_zip_is_read_without_unpacking(self, export: Path, tmp_path: Path) -> None:
        path = tmp_path / "export.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(export.rglob("*.*")):
                archive.write(file, file.relative_to(export))
        dataset = read_dataset(path)
        assert dataset.items == read_dataset(export).items
        assert load_picture(path, dataset.items[0]).shape == (48, 64)

    def test_a_table_without_its_columns_is_an_error(self, export: Path) -> None:
        (export / "readings.csv").write_text("study,file\n")
        with pytest.raises(LayoutError, match="lacks the column final, signed_at"):
            read_dataset(export)


class TestManifest:
    def test_rows_become_items(self, tmp_path: Path) -> None:
        picture(tmp_path / "figshare" / "images" / "7.jpg", (40, 30))
        picture(tmp_path / "web" / "a.jpg")
        (tmp_path / "figshare" / "borders.json").write_text(json.dumps({"7": [[1, 1], [9, 1], [9, 9]]}))
        self.write(
            tmp_path,
            "figshare/images/7.jpg,figshare,glioma,3,guard",
            "web/a.jpg,web,tumor,4,2",
            "web/gone.jpg,web,glioma,5,2",
            "web/a.jpg,web,banana,6,2",
            "../outside.jpg,web,glioma,7,2",
        )
        picture(tmp_path.parent / "outside.jpg")
        dataset = read_dataset(tmp_path)
        assert [(item.label, item.cluster, item.fold, item.part) for item in dataset.items] == [
            ("glioma", 3, "guard", None),
            ("tumor", 4, "2", "2"),
        ]
        assert load_mask(tmp_path, dataset.items[0]) is not None
        assert [entry.path for entry in dataset.skipped] == ["web/gone.jpg", "web/a.jpg", "../outside.jpg"]

    @staticmethod
    def write(root: Path, *rows: str) -> None:
        (root / "manifest.csv").write_text("\n".join(("path,dataset,label,cluster,fold", *rows)))


def test_a_file_that_breaks_later_is_refused(tmp_path: Path) -> None:
    path = picture(tmp_path / "yes" / "a.png")
    item = read_dataset(tmp_path).items[0]
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(RefusedError, match="damaged"):
        load_picture(tmp_path, item)


@pytest.mark.data
@needs_data
@pytest.mark.parametrize(
    ("folder", "counts"),
    [
        ("", {"glioma": 2252, "meningioma": 1528, "notumor": 1993, "pituitary": 1757, "tumor": 817}),
        ("figshare", {"glioma": 1426, "meningioma": 706, "pituitary": 930}),
        ("sartaj", {"glioma": 826, "meningioma": 822, "notumor": 395, "pituitary": 827}),
        ("br35h", {"notumor": 1500, "tumor": 678}),
        ("navoneel", {"notumor": 98, "tumor": 139}),
        ("btp", {"glioma": 47, "notumor": 73}),
    ],
)
def test_the_real_sets(folder: str, counts: dict[str, int]) -> None:
    dataset = read_dataset(DATA / folder, verify=False)
    assert dataset.counts == counts
    assert dataset.skipped == ()


@pytest.mark.data
@needs_data
def test_every_real_outline_fills_a_mask() -> None:
    dataset = read_dataset(DATA, verify=False)
    outlined = [item for item in dataset.items if item.outline is not None]
    assert len(outlined) == 3062
    for item in outlined[::50]:
        mask = load_mask(DATA, item)
        assert mask is not None
        assert mask.any()


@pytest.mark.data
@needs_data
def test_numbers_and_manifest_agree_on_the_class() -> None:
    by_manifest = {item.path: item.label for item in read_dataset(DATA, verify=False).items}
    for item in read_dataset(DATA / "figshare", verify=False).items:
        assert by_manifest[f"figshare/{item.path}"] == item.label
