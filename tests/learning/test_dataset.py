"""The export of signed readings: what it holds of each study, and what is read back."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers import encode, full_disk, nifti_phantom, receive, redrawn, sign_study, take_in, zipped

from triage.domain import Beyond, Finding, Series
from triage.errors import StorageError
from triage.inference.slice_selection import scored_slices
from triage.learning import labels
from triage.learning.dataset import is_dataset, read_dataset
from triage.learning.entries import READING_COLUMNS, SLICE_COLUMNS, DatasetError, Export
from triage.phantom_studies import phantom_study
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.records.views import Study
from triage.scans.formats.raster import decode
from triage.settings import Settings

FORMULAS = ("=cmd()", "+1", "-1", "@x")


def rows(target: Path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(target) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def names(target: Path) -> list[str]:
    with zipfile.ZipFile(target) as archive:
        return archive.namelist()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "readings.zip"


@dataclass(frozen=True)
class Exported:
    """An export, and what the record and the decoder had of each study, by the kind of its file."""

    target: Path
    written: Export
    studies: dict[str, Study]
    series: dict[str, tuple[Series, ...]]

    def slices_of(self, kind: str) -> list[dict[str, str]]:
        return [row for row in rows(self.target, "slices.csv") if row["study"] == self.studies[kind].study_id]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, slices: list[Phantom]) -> Exported:
    """One export of a DICOM study from a ZIP, a compressed NIfTI file, a PNG, and a PNG from a ZIP."""
    home = tmp_path_factory.mktemp("export")
    target = home / "readings.zip"
    with closing(Installation(Settings(home=home / "home"))) as installation:
        handed_over = {
            "dicom": {"a.zip": zipped(dict(phantom_study(Finding.GLIOMA, 5)))},
            "nifti": {"a.nii.gz": gzip.compress(nifti_phantom(Finding.NOTUMOR, 3))},
            "png": {"Ada.png": slices[0].png},
            "packed": {"b.zip": zipped({"b.png": slices[1].png})},
        }
        ids = {kind: take_in(installation, files)[0] for kind, files in handed_over.items()}
        findings = (Finding.MENINGIOMA, Finding.NOTUMOR, Finding.GLIOMA, Finding.MENINGIOMA)
        for study_id, finding in zip(ids.values(), findings, strict=True):
            sign_study(installation, study_id, finding)
        studies = {kind: installation.store.study(study_id) for kind, study_id in ids.items()}
        series = {kind: installation.series(study_id) for kind, study_id in ids.items()}
        return Exported(target, installation.export_readings(target, originals=True), studies, series)


class TestFormats:
    def test_each_slice_is_what_the_network_received(self, exported: Exported) -> None:
        assert tuple(rows(exported.target, "slices.csv")[0]) == SLICE_COLUMNS
        depths = set()
        for kind, study in exported.studies.items():
            for row in exported.slices_of(kind):
                slice_ = exported.series[kind][int(row["series"]) - 1].slices[int(row["slice"]) - 1]
                with zipfile.ZipFile(exported.target) as archive:
                    pixels = decode(archive.read(row["file"])).pixels
                assert pixels.dtype == slice_.pixels.dtype
                assert np.array_equal(pixels, slice_.pixels)
                assert (int(row["rows"]), int(row["columns"])) == pixels.shape
                assert row["original_sha256"] == study.instances[slice_.instance].sha256
                depths.add(pixels.dtype.name)
        assert depths == {"uint8", "uint16"}

    def test_the_scored_slices_come_with_their_scores(self, exported: Exported) -> None:
        for kind, study in exported.studies.items():
            scores, table = study.result.slices, exported.slices_of(kind)
            assert [(int(row["series"]) - 1, int(row["slice"]) - 1) for row in table] == [
                (number, at) for number in range(len(scores.table)) for at in scored_slices(scores, number)
            ]
            for row in table:
                kept = scores.table[int(row["series"]) - 1][int(row["slice"]) - 1]
                given = tuple(float(row[f"p_{finding}"]) for finding in Finding if row["ai_label"])
                assert given == (kept or ())
                assert row["model_sha256"] == (study.result.model_sha256 if kept else "")

    def test_the_marked_slice_of_a_tumour_has_its_label(self, exported: Exported) -> None:
        shown, table = exported.studies["dicom"].result.slices, exported.slices_of("dicom")
        assert [(row["series"], row["slice"], row["label"]) for row in table if row["lesion"] == "1"] == [
            (str(shown.series + 1), str(shown.slice + 1), "meningioma")
        ]
        assert [row["label"] for row in table].count("") == len(table) - 1 > 0
        assert {(row["plane"], row["sequence"]) for row in table} == {("axial", "t1_mprage_tra_ce")}
        assert all(float(row["row_mm"]) == float(row["column_mm"]) > 0 for row in table)
        assert len({float(row["slice_mm"]) for row in table}) == 1

    def test_without_a_tumour_every_analysable_slice_has_the_label(self, exported: Exported) -> None:
        table = exported.slices_of("nifti")
        assert len(table) == 3
        assert {row["label"] for row in table if not row["note"]} == {"notumor"}
        assert {row["lesion"] for row in table} == {"0"}

    def test_originals_keep_their_bytes_and_get_the_suffix_of_their_content(self, exported: Exported) -> None:
        suffixes = {"dicom": ".dcm", "nifti": ".nii.gz", "png": ".png", "packed": ".png"}
        with zipfile.ZipFile(exported.target) as archive:
            for kind, study in exported.studies.items():
                folder = f"originals/{study.study_id}/"
                assert sorted(name for name in archive.namelist() if name.startswith(folder)) == sorted(
                    f"{folder}{item.sha256}{suffixes[kind]}" for item in study.instances
                )
            (nifti,) = [name for name in archive.namelist() if name.endswith(".nii.gz")]
            assert gzip.decompress(archive.read(nifti)) == nifti_phantom(Finding.NOTUMOR, 3)

    def test_it_names_nobody(self, exported: Exported) -> None:
        header = exported.studies["dicom"].header
        identity = (header.mrn, header.accession_number, header.patient_name, header.uid, "Ada.png")
        assert all(identity)
        with zipfile.ZipFile(exported.target) as archive:
            texts = [archive.read(name).decode() for name in archive.namelist() if name.endswith((".csv", ".txt"))]
        assert len(texts) == 4
        assert not [value for value in identity for text in (*texts, *names(exported.target)) if value in text]

    def test_what_was_written_is_counted_and_read_back(self, exported: Exported) -> None:
        entries, written = read_dataset(exported.target).studies, exported.written
        assert [entry.study for entry in entries] == [study.study_id for study in exported.studies.values()]
        assert [entry.label for entry in entries] == ["meningioma", "notumor", "glioma", "meningioma"]
        every = [slice_ for entry in entries for slice_ in entry.slices]
        assert (written.studies, written.readings, written.slices) == (4, 4, len(every))
        assert written.labelled == sum(slice_.label is not None for slice_ in every)
        assert [slice_.lesion for slice_ in every].count(True) == 3
        (marked,) = [slice_ for slice_ in entries[0].slices if slice_.lesion]
        assert (marked.label, marked.plane, marked.sequence) == (Finding.MENINGIOMA, "axial", "t1_mprage_tra_ce")

    def test_unpacked_it_reads_the_same(self, exported: Exported, tmp_path: Path) -> None:
        with zipfile.ZipFile(exported.target) as archive:
            archive.extractall(tmp_path)
        assert is_dataset(tmp_path)
        assert read_dataset(tmp_path) == read_dataset(exported.target)


def test_late_slices_and_amendments_leave_one_entry_with_the_latest_label(
    installation: Installation, target: Path
) -> None:
    files = dict(phantom_study(Finding.GLIOMA, 6))
    early = dict(list(files.items())[:3])
    (study_id,) = set(take_in(installation, early))
    sign_study(installation, study_id, Finding.GLIOMA)
    receive(installation, files)

    export = installation.export_readings(target)
    assert export.labelled == 0, "nobody has read the slices that came late"
    assert export.notes == ((study_id, f"No slice has a label: {labels.CHANGED}."),)

    sign_study(installation, study_id, Finding.PITUITARY)
    sign_study(installation, study_id, Finding.MENINGIOMA, reader="Dr. B")
    export = installation.export_readings(target)
    assert (export.studies, export.readings, export.labelled, export.notes) == (1, 3, 1, ())
    (entry,) = read_dataset(target).studies
    assert (entry.study, entry.label) == (study_id, Finding.MENINGIOMA)
    assert {slice_.label for slice_ in entry.slices} == {None, Finding.MENINGIOMA}
    readings = rows(target, "readings.csv")
    assert tuple(readings[0]) == READING_COLUMNS
    assert [(row["label"], row["current"], row["state"]) for row in readings] == [
        ("glioma", "0", "superseded"),
        ("pituitary", "0", "superseded"),
        ("meningioma", "1", "amended"),
    ]


def test_what_is_none_of_the_classes_is_exported_apart(
    installation: Installation, slices: list[Phantom], target: Path
) -> None:
    other, repeat, plain = take_in(installation, {phantom.name: phantom.png for phantom in slices[:3]})
    sign_study(installation, other, Beyond.OTHER_LESION)
    sign_study(installation, repeat, Beyond.NOT_ANALYSABLE)
    sign_study(installation, plain, Finding.NOTUMOR)
    export = installation.export_readings(target)
    assert export.labelled == 1
    found = {row["study"]: (row["label"], row["beyond"], row["lesion"]) for row in rows(target, "readings.csv")}
    assert found == {
        other: ("", "other lesion", "cyst"),
        repeat: ("", "not analysable", ""),
        plain: ("notumor", "", ""),
    }
    assert {row["study"] for row in rows(target, "slices.csv") if row["label"]} == {plain}
    assert {entry.study: entry.label for entry in read_dataset(target).studies} == {
        other: None,
        repeat: None,
        plain: Finding.NOTUMOR,
    }


def test_what_waits_for_another_reader_has_no_label_yet(
    installation: Installation, slices: list[Phantom], target: Path
) -> None:
    (study_id,) = take_in(installation, {slices[0].name: slices[0].png})
    sign_study(installation, study_id, Finding.GLIOMA, second_read=True)
    export = installation.export_readings(target)
    assert (export.labelled, export.notes) == (0, ((study_id, f"No slice has a label: {labels.WAITS}."),))
    sign_study(installation, study_id, Finding.GLIOMA, reader="Dr. B", second_read=True)
    assert installation.export_readings(target).labelled == 1
    assert [row["state"] for row in rows(target, "readings.csv")] == ["preliminary", "final"]


def test_de_identified_it_holds_nothing_that_was_written(
    installation: Installation, study_files: dict[str, bytes], target: Path
) -> None:
    said = "Mrs Miller, seen with Dr. Smith"
    named = {name: redrawn(file, SeriesDescription=f"T1 {said}") for name, file in study_files.items()}
    (study_id,) = set(take_in(installation, named))
    sign_study(installation, study_id, Finding.MENINGIOMA, reader="Dr. Smith", comment=said)
    installation.export_readings(target, deidentified=True)
    with zipfile.ZipFile(target) as archive:
        written = b"".join(archive.read(name) for name in archive.namelist() if not name.endswith(".png"))
    assert b"Miller" not in written
    assert b"Smith" not in written
    assert {row["sequence"] for row in rows(target, "slices.csv")} == {"T1"}
    assert [(row["reader"], len(row["signed_at"])) for row in rows(target, "readings.csv")] == [("reader 1", 7)]


def test_of_one_reader_it_holds_the_studies_with_the_label_that_counts(
    installation: Installation, slices: list[Phantom], target: Path
) -> None:
    mine, other = take_in(installation, {phantom.name: phantom.png for phantom in slices[:2]})
    sign_study(installation, mine, Finding.GLIOMA)
    sign_study(installation, mine, Finding.NOTUMOR, reader="Dr. B")
    sign_study(installation, other, Finding.NOTUMOR, reader="Dr. B")
    installation.export_readings(target, reader="Dr. A")
    (entry,) = read_dataset(target).studies
    assert (entry.study, entry.label) == (mine, Finding.NOTUMOR)


def test_no_comment_is_a_formula(installation: Installation, slices: list[Phantom], target: Path) -> None:
    (study_id,) = take_in(installation, {"a.png": slices[0].png})
    for comment in FORMULAS:
        sign_study(installation, study_id, Finding.GLIOMA, comment=comment)
    installation.export_readings(target)
    assert [row["comment"] for row in rows(target, "readings.csv")] == [f"'{comment}" for comment in FORMULAS]


def test_a_study_that_cannot_be_decoded_does_not_lose_the_others(
    installation: Installation, slices: list[Phantom], target: Path
) -> None:
    lost, kept = take_in(installation, {phantom.name: phantom.png for phantom in slices[:2]})
    for study_id in (lost, kept):
        sign_study(installation, study_id, Finding.GLIOMA)
    (instance,) = installation.store.study(lost).instances
    installation.files.path(instance.sha256).unlink()
    done: list[tuple[int, int]] = []
    export = installation.export_readings(target, originals=True, progress=lambda *at: done.append(at))
    assert done == [(0, 2), (1, 2), (2, 2)]
    assert (export.studies, export.readings, export.slices) == (2, 2, 1)
    assert [(study_id, reason.partition(":")[0]) for study_id, reason in export.notes] == [
        (lost, "No slices, the study cannot be decoded"),
        (lost, "An original is missing"),
    ]
    with zipfile.ZipFile(target) as archive:
        assert f"{lost}  No slices" in archive.read("README.txt").decode()
    assert {entry.study: len(entry.slices) for entry in read_dataset(target).studies} == {lost: 0, kept: 1}


def test_a_full_disk_leaves_the_export_before(installation: Installation, slices: list[Phantom], target: Path) -> None:
    (study_id,) = take_in(installation, {"a.png": slices[0].png})
    sign_study(installation, study_id, Finding.GLIOMA)
    target.write_bytes(b"the one before")
    with full_disk(4096), pytest.raises(StorageError, match="Free disk space"):
        installation.export_readings(target)
    assert target.read_bytes() == b"the one before"
    assert list(target.parent.glob("*.part")) == []


def test_a_missing_folder_is_named(installation: Installation, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere.*name another folder"):
        installation.export_readings(tmp_path / "nowhere" / "readings.zip")


def test_without_readings_the_tables_are_empty(installation: Installation, target: Path) -> None:
    export = installation.export_readings(target)
    assert (export.studies, export.slices) == (0, 0)
    assert sorted(names(target)) == ["README.txt", "readings.csv", "slices.csv", "studies.csv"]
    assert read_dataset(target).studies == ()


class TestDamaged:
    READINGS = "study,patient,current,label\ns1,s1,1,glioma\n"
    SLICES = "study,series,slice,file,label,lesion,note,plane,sequence\ns1,1,1,slices/s1/01-0001.png,glioma,1,,,\n"

    def test_the_least_that_is_needed(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (entry,) = read_dataset(tmp_path).studies
        assert entry.slices[0].label is Finding.GLIOMA

    @pytest.mark.parametrize(
        ("table", "before", "after", "message"),
        [
            ("readings.csv", "patient,current", "patient,newest", "lacks the column current"),
            ("slices.csv", "lesion,note", "note", "lacks the column lesion"),
            ("slices.csv", "png,glioma", "png,banana", "banana.*Export again"),
            ("slices.csv", "s1,1,1", "s1,one,1", "one.*Export again"),
            ("readings.csv", "1,glioma", "1,", "Export again"),
            ("readings.csv", "s1,s1,1,glioma\n", "s1,s1,1,glioma\ns1,s2,1,pituitary\n", "more than one row for s1"),
            (
                "slices.csv",
                "glioma,1,,,\n",
                "glioma,1,,,\ns2,1,1,slices/s1/01-0001.png,glioma,1,,,\n",
                "more than one row",
            ),
        ],
    )
    def test_tables_that_somebody_changed(
        self, tmp_path: Path, table: str, before: str, after: str, message: str
    ) -> None:
        self.write(tmp_path)
        text = (tmp_path / table).read_text()
        assert before in text
        (tmp_path / table).write_text(text.replace(before, after))
        with pytest.raises(DatasetError, match=message):
            read_dataset(tmp_path)

    def test_a_table_that_is_not_there(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (tmp_path / "slices.csv").unlink()
        assert not is_dataset(tmp_path)
        with pytest.raises(DatasetError, match=r"slices\.csv .* is missing"):
            read_dataset(tmp_path)

    def test_a_long_comment_is_read(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (tmp_path / "readings.csv").write_text(f"study,patient,current,label,comment\ns1,s1,1,glioma,{'x' * 200_000}\n")
        assert read_dataset(tmp_path).studies[0].label is Finding.GLIOMA

    @pytest.mark.parametrize("kind", ["bytes changed", "encrypted", "unknown compression"])
    def test_an_archive_that_cannot_be_unpacked(self, tmp_path: Path, kind: str) -> None:
        target = tmp_path / "a.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("readings.csv", self.READINGS)
            archive.writestr("slices.csv", self.SLICES)
        data = bytearray(target.read_bytes())
        local, central = data.index(b"PK\3\4"), data.index(b"PK\1\2")
        if kind == "bytes changed":
            data[local + 30 + len("readings.csv") + 4] ^= 0xFF
        elif kind == "encrypted":
            data[local + 6] |= 1
            data[central + 8] |= 1
        else:
            data[local + 8] = data[central + 10] = 97
        target.write_bytes(data)
        with pytest.raises(DatasetError, match=r"damaged\. Export the readings again"):
            read_dataset(target)

    def test_a_picture_is_no_export(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(encode(np.zeros((4, 4), np.uint8)))
        assert not is_dataset(tmp_path / "a.png")

    def write(self, root: Path) -> None:
        (root / "readings.csv").write_text(self.READINGS)
        (root / "slices.csv").write_text(self.SLICES)
