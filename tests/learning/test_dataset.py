"""An export of signed readings that is read back: from a folder, from a ZIP, of earlier versions, damaged."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import encode

from triage.domain import Finding
from triage.learning.dataset import is_dataset, read_dataset
from triage.learning.entries import DatasetError
from triage.learning.parts import part_of


class TestTables:
    READINGS = "study,patient,current,label\ns1,s1,1,glioma\n"
    SLICES = "study,series,slice,file,label,lesion,note,plane,sequence\ns1,1,1,slices/s1/01-0001.png,glioma,1,,,\n"

    STUDIES = "study,split,label,readers\ns1,train,glioma,1\n"

    def test_the_least_that_is_needed(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (entry,) = read_dataset(tmp_path).studies
        assert (entry.slices[0].label, entry.split, entry.readers) == (Finding.GLIOMA, "train", 1)

    def test_an_export_of_an_earlier_version(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (tmp_path / "studies.csv").unlink()
        (entry,) = read_dataset(tmp_path).studies
        assert (entry.label, entry.split, entry.readers) == (Finding.GLIOMA, part_of("s1"), 1)
        assert (entry.first_label, entry.scanner, entry.sex, entry.age_band, entry.copy_of) == ("",) * 5
        assert (entry.contradicted, entry.compared_with, entry.probabilities, entry.ai_label) == (False, "", None, None)
        (slice_,) = entry.slices
        assert (slice_.copy_of, slice_.same_as, slice_.contradicted, slice_.probabilities) == ("", "", False, None)

    def test_a_preliminary_reading_of_an_earlier_version_is_no_label(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (tmp_path / "studies.csv").unlink()
        (tmp_path / "readings.csv").write_text("study,patient,current,label,state\ns1,s1,1,glioma,preliminary\n")
        (entry,) = read_dataset(tmp_path).studies
        assert (entry.label, entry.readers) == (None, 0)

    def test_the_digest_is_of_what_the_tables_say(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        before = read_dataset(tmp_path).digest
        (tmp_path / "README.txt").write_text("anything")
        assert read_dataset(tmp_path).digest == before
        (tmp_path / "slices.csv").write_text(self.SLICES.replace("glioma", "pituitary"))
        assert read_dataset(tmp_path).digest != before

    @pytest.mark.parametrize(
        ("table", "before", "after", "message"),
        [
            ("readings.csv", "patient,current", "patient,newest", "lacks the column current"),
            ("slices.csv", "lesion,note", "note", "lacks the column lesion"),
            ("slices.csv", "png,glioma", "png,banana", "banana.*Export again"),
            ("slices.csv", "s1,1,1", "s1,one,1", "one.*Export again"),
            ("readings.csv", "1,glioma", "1,", "Export again"),
            ("studies.csv", "train,glioma", "trained,glioma", "trained.*Export again"),
            ("studies.csv", "train,glioma", "test,glioma", "study s1 is of the part train, not test.*Export again"),
            ("slices.csv", "slices/s1", "slices/../..", r"no file in slices/.*Export again"),
            ("slices.csv", "slices/s1/01-0001.png", "../outside.png", r"outside.png is no file in slices/"),
            ("slices.csv", "slices/s1/01-0001.png", "/dev/zero", r"/dev/zero is no file in slices/"),
            ("slices.csv", "plane,sequence\n", "plane,outline\n", "lacks the column sequence"),
            ("studies.csv", "glioma,1", "glioma,one", "one.*Export again"),
            ("studies.csv", "study,split", "study,part", "lacks the column split"),
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
        (root / "studies.csv").write_text(self.STUDIES)
