"""The export of signed readings: what it holds of each study, and that the same record makes the same bytes."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers import encode, full_disk, nifti_phantom, receive, redrawn, sign_study, take_in, zipped

from triage.copies.seen import SEEN, Pictures, Seen
from triage.domain import Beyond, Finding, Series
from triage.errors import StorageError
from triage.inference.card import CARD, read_card, sha256_of
from triage.inference.slice_selection import scored_slices
from triage.learning import labels
from triage.learning.dataset import is_dataset, read_dataset
from triage.learning.entries import READING_COLUMNS, SLICE_COLUMNS, STUDY_COLUMNS, Export
from triage.learning.parts import part_of
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
            texts = [
                archive.read(name).decode() for name in archive.namelist() if name.endswith((".csv", ".txt", ".md"))
            ]
        assert len(texts) == 5
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

    def test_a_study_says_who_and_what_it_is_of(self, exported: Exported) -> None:
        studies = {row["study"]: row for row in rows(exported.target, "studies.csv")}
        assert tuple(next(iter(studies.values()))) == STUDY_COLUMNS
        row = studies[exported.studies["dicom"].study_id]
        assert (row["sex"], row["age_band"], row["scanner"]) == ("F", "50-59", "Drawn Phantom 3T")
        assert (row["first_reader"], row["first_label"], row["second_label"]) == ("Dr. A", "meningioma", "")
        assert (row["readers"], row["decision"], row["reason"]) == ("1", "override", "wrong class")
        entry = read_dataset(exported.target).studies[0]
        result = exported.studies["dicom"].result
        assert (entry.probabilities, entry.ai_label) == (result.probabilities, result.predicted)
        assert (entry.prediction_set, entry.model_sha256) == (result.prediction_set, result.model_sha256)
        assert (entry.split, entry.scanner, entry.sex) == (part_of(entry.patient), row["scanner"], "F")
        assert {slice_.scanner for slice_ in entry.slices} == {"Drawn Phantom 3T"}

    def test_every_picture_is_named_with_its_digest(self, exported: Exported) -> None:
        with zipfile.ZipFile(exported.target) as archive:
            for row in rows(exported.target, "slices.csv"):
                assert hashlib.sha256(archive.read(row["file"])).hexdigest() == row["sha256"]
            told = f"{archive.read('README.txt').decode()}\n{archive.read('DATA_CARD.md').decode()}"
        assert told.count(exported.written.digest) == 2
        assert read_dataset(exported.target).digest == exported.written.digest

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
    assert told_of(target) == (None, 0, "glioma", "")
    sign_study(installation, study_id, Finding.GLIOMA, reader="Dr. B", second_read=True)
    assert installation.export_readings(target).labelled == 1
    assert told_of(target) == (Finding.GLIOMA, 2, "glioma", "glioma")
    assert [row["state"] for row in rows(target, "readings.csv")] == ["preliminary", "final"]


def told_of(target: Path) -> tuple[Finding | None, int, str, str]:
    """Return label, agreeing readers, and what the first and the second reader signed of the only study."""
    (entry,) = read_dataset(target).studies
    return entry.label, entry.readers, entry.first_label, entry.second_label


def test_what_two_readers_dispute_has_the_label_of_the_third(
    installation: Installation, slices: list[Phantom], target: Path
) -> None:
    (study_id,) = take_in(installation, {slices[0].name: slices[0].png})
    signed = {"Dr. A": Finding.GLIOMA, "Dr. B": Finding.MENINGIOMA, "Dr. C": Finding.GLIOMA}
    for reader, finding in signed.items():
        sign_study(installation, study_id, finding, reader=reader, second_read=True)
    installation.export_readings(target, deidentified=True)
    assert told_of(target) == (Finding.GLIOMA, 2, "glioma", "meningioma")
    (row,) = rows(target, "studies.csv")
    assert [row[stage] for stage in ("first_reader", "second_reader", "arbiter")] == [
        "reader 1",
        "reader 2",
        "reader 3",
    ]
    assert row["arbitration_label"] == "glioma"


def test_the_same_record_makes_the_same_bytes(
    installation: Installation, study_files: dict[str, bytes], slices: list[Phantom], target: Path
) -> None:
    for study_id in dict.fromkeys(take_in(installation, {**study_files, "a.png": slices[0].png})):
        sign_study(installation, study_id, Finding.GLIOMA)
    first = installation.export_readings(target, deidentified=True)
    written = target.read_bytes()
    assert installation.export_readings(target, deidentified=True) == first
    assert target.read_bytes() == written
    sign_study(installation, study_id, Finding.MENINGIOMA, reader="Dr. B")
    assert installation.export_readings(target, deidentified=True).digest != first.digest


def test_studies_of_one_patient_are_of_one_part_that_never_changes(
    installation: Installation, study_files: dict[str, bytes], target: Path
) -> None:
    first, *_ = take_in(installation, study_files)
    sign_study(installation, first, Finding.GLIOMA)
    installation.export_readings(target)
    (before,) = read_dataset(target).studies
    again = {
        name: redrawn(file, StudyInstanceUID="1.2.9", SOPInstanceUID=f"1.2.9.{place}")
        for place, (name, file) in enumerate(study_files.items())
    }
    second, *_ = take_in(installation, again)
    sign_study(installation, second, Finding.GLIOMA)
    installation.export_readings(target)
    after = read_dataset(target).studies
    assert [entry.study for entry in after] == [first, second]
    assert {(entry.patient, entry.split) for entry in after} == {(before.patient, before.split)}


class TestCopies:
    def test_copies_with_another_label_are_marked(
        self, installation: Installation, slices: list[Phantom], target: Path
    ) -> None:
        bright = np.clip(decode(slices[0].png).pixels[4:-4, 3:-3] * 1.1, 0, 255).astype(np.uint8)
        pictures = {"a.png": slices[0].png, "b.jpg": encode(bright, "JPEG", quality=85), "c.png": slices[3].png}
        first, copy, other = take_in(installation, pictures)
        sign_study(installation, copy, Finding.MENINGIOMA)
        sign_study(installation, first, Finding.GLIOMA)
        sign_study(installation, other, Finding.GLIOMA)
        assert installation.export_readings(target).contradicted == 2
        found = {entry.study: entry for entry in read_dataset(target).studies}
        assert {study_id: entry.contradicted for study_id, entry in found.items()} == {
            first: True,
            copy: True,
            other: False,
        }
        assert found[first].slices[0].same_as == found[copy].slices[0].file, "the one that was signed first counts"
        assert found[copy].slices[0].same_as == found[other].slices[0].same_as == ""

    def test_copies_of_what_the_model_has_seen_are_marked(
        self, settings: Settings, slices: list[Phantom], target: Path, tmp_path: Path
    ) -> None:
        model = remembering(settings.model, tmp_path / "model", slices[0], slices[1])
        with closing(Installation(settings.model_copy(update={"model": model}))) as installation:
            bright = np.clip(decode(slices[0].png).pixels[4:-4, 3:-3] * 1.1, 0, 255).astype(np.uint8)
            pictures = {"a.jpg": encode(bright, "JPEG", quality=85), "b.png": slices[1].png, "c.png": slices[3].png}
            ids = take_in(installation, pictures)
            for study_id in ids:
                sign_study(installation, study_id, Finding.GLIOMA)
            export = installation.export_readings(target)
        assert (export.compared_with, export.copies, export.contradicted) == ("remembering", 2, 0)
        found = {entry.study: entry for entry in read_dataset(target).studies}
        assert [found[study_id].copy_of for study_id in ids] == ["trained", "tested", ""]
        assert [found[study_id].slices[0].copy_of for study_id in ids] == ["trained", "tested", ""]
        assert {entry.compared_with for entry in found.values()} == {read_card(model).sha256}


def remembering(folder: Path, target: Path, *pictures: Phantom) -> Path:
    """Make a model of another name that was trained on the first picture and tested on the others."""
    target.mkdir()
    card = read_card(folder)
    for name in card.files:
        (target / name).symlink_to(folder.resolve() / name)
    memory = Seen.of(Pictures.of([decode(picture.png).pixels for picture in pictures]), np.arange(len(pictures)) == 0)
    (target / SEEN).unlink(missing_ok=True)
    memory.save(target / SEEN)
    files = card.files | {SEEN: sha256_of(target / SEEN)}
    changed = card.model_copy(update={"name": "remembering", "files": files})
    (target / CARD).write_text(changed.model_dump_json())
    return target


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
    assert sorted(names(target)) == ["DATA_CARD.md", "README.txt", "readings.csv", "slices.csv", "studies.csv"]
    assert read_dataset(target).studies == ()
