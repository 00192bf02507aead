"""Text in every character set, as dcmtk reads it, and text whose character set is missing, misspelt or wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from drawn_dicom import instance, write
from hypothesis import given
from hypothesis import strategies as some
from pydicom import Dataset, dcmread

from triage.reports.sources import read_source
from triage.scans.formats.attributes import metadata
from triage.scans.formats.character_sets import SWITCH, decoded
from triage.scans.formats.inspect import inspect

#: Characters whose second byte is a delimiter in ISO 2022 IR 87: U+672C ends with a backslash, U+6625 begins with "=".
JAPANESE = "Yamamoto^Haru=\u5c71\u672c^\u6625\u592a\u90ce=\u3084\u307e\u3082\u3068^\u306f\u308b"
KOREAN = "Han^Bora=\u97d3^\ubcf4\ub77c=\ud55c^\ubcf4\ub77c"


def escaped(name: str, codec: str, before: bytes = b"") -> bytes:
    """The name with an escape sequence in each component that is not ASCII."""
    groups = (group.split("^") for group in name.split("="))
    return b"=".join(
        b"^".join(part.encode() if part.isascii() else before + part.encode(codec) for part in group)
        for group in groups
    )


#: Stated character set, bytes, text.
AS_THE_STANDARD_HAS_IT = [
    pytest.param("", b"Doe^Jane^A^Dr.^PhD", "Doe^Jane^A^Dr.^PhD", id="none"),
    pytest.param("ISO_IR 100", "Müller^Åsa".encode("latin-1"), "Müller^Åsa", id="100"),
    pytest.param("ISO_IR 101", "Nagy^Győző".encode("iso8859-2"), "Nagy^Győző", id="101"),
    pytest.param("ISO_IR 126", "Παππάς^Νίκος".encode("iso8859-7"), "Παππάς^Νίκος", id="126"),
    pytest.param("ISO_IR 144", "Иванова^Анна".encode("iso8859-5"), "Иванова^Анна", id="144"),
    pytest.param("ISO_IR 148", "Çelik^İpek".encode("iso8859-9"), "Çelik^İpek", id="148"),
    pytest.param("ISO_IR 192", JAPANESE.encode(), JAPANESE, id="192"),
    pytest.param("ISO_IR 192", b"=\xe6\xa1\x9c", "=\u685c", id="only ideographic"),
    pytest.param("GB18030", "Li^Ming=\u8aa0^\u660e".encode("gb18030"), "Li^Ming=\u8aa0^\u660e", id="GB18030"),
    pytest.param("ISO_IR 13", "ﾔﾏﾓﾄ^ﾊﾙ".encode("shift_jis"), "ﾔﾏﾓﾄ^ﾊﾙ", id="13"),
    pytest.param("\\ISO 2022 IR 87", escaped(JAPANESE, "iso2022_jp"), JAPANESE, id="87"),
    pytest.param("\\ISO 2022 IR 149", escaped(KOREAN, "euc_kr", b"\x1b$)C"), KOREAN, id="149"),
    pytest.param(
        "ISO 2022 IR 100\\ISO 2022 IR 144",
        "Müller^".encode("latin-1") + b"\x1b-L" + "Анна".encode("iso8859-5") + "^Ü".encode("latin-1"),
        "Müller^Анна^Ü",
        id="100 and 144",
    ),
]


def written(folder: Path, stated: str, raw: bytes) -> Path:
    """A file that says so, byte for byte."""
    name, said = b"Z" * (len(raw) + len(raw) % 2), stated.encode() + b" " * (len(stated) % 2)
    path = write(folder / "a.dcm", instance(PatientName=name.decode(), SpecificCharacterSet="ISO_IR 100"))
    data, before = path.read_bytes(), b"CS\x0a\0ISO_IR 100"
    assert data.count(before) == data.count(name) == 1
    data = data.replace(before, b"CS" + len(said).to_bytes(2, "little") + said)
    path.write_bytes(data.replace(name, raw.ljust(len(name))))
    return path


@pytest.mark.parametrize(("stated", "raw", "text"), AS_THE_STANDARD_HAS_IT)
def test_names_are_kept_whole(tmp_path: Path, stated: str, raw: bytes, text: str) -> None:
    path = written(tmp_path, stated, raw)
    assert inspect(path).study.patient_name == text
    assert str(Dataset.from_json(metadata(path)).PatientName) == text
    # What a report copies comes out of any other program as it went in.
    made = Dataset()
    source = read_source(0, path).header
    made.SpecificCharacterSet, made.PatientName = source.SpecificCharacterSet, source.PatientName
    made.save_as(tmp_path / "b", implicit_vr=False, little_endian=True)
    assert str(dcmread(tmp_path / "b", force=True).PatientName) == text


@pytest.mark.skipif(not shutil.which("dcmdump"), reason="dcmtk is not installed")
@pytest.mark.parametrize(
    ("stated", "raw", "text"),
    [case for case in AS_THE_STANDARD_HAS_IT if case.id != "87"],  # the C library of Debian cannot convert it
)
def test_another_program_reads_the_same(tmp_path: Path, stated: str, raw: bytes, text: str) -> None:
    path = written(tmp_path, stated, raw)
    dump = subprocess.run(
        ["dcmdump", "+U8", "+P", "PatientName", path], capture_output=True, check=True, encoding="utf-8"
    )
    assert dump.stdout.partition("[")[2].rpartition("]")[0].rstrip() == text


@pytest.mark.parametrize(
    ("stated", "raw", "text"),
    [
        *(
            (term, "Müller".encode("latin-1"), "Müller")
            for term in ("", "ISO_IR 6", "ISO-IR 100", "ISO_IR100", "iso ir 100", "latin1", "ISO 8859-1", "nonsense")
        ),
        *(
            (term, "Müller".encode(), "Müller")
            for term in ("", "ISO_IR 6", "ISO_IR 100", "UTF8", "utf-8", "ISO IR 192", "nonsense")
        ),
        ("ISO_IR 192", "Müller".encode("latin-1"), "Müller"),
        ("ISO 2022 GBK", "\u5f35".encode("gbk"), "\u5f35"),
        ("windows-1251", "Анна".encode("cp1251"), "Анна"),
        ("", "\u5c71\u672c".encode("iso2022_jp"), "\u5c71\u672c"),
        ("ISO 2022 IR 149", "\ubcf4".encode("euc_kr"), "\ubcf4"),
        ("\\ISO 2022 IR 149", "\ubcf4".encode("euc_kr"), "\ubcf4"),
        ("ISO_IR 100", b"O\x92Brien", "O\u2019Brien"),
        ("UTF-16", b"Doe", "Doe"),
        ("idna", "Müller".encode(), "Müller"),
        ("undefined", "Müller".encode(), "Müller"),
        ("ISO_IR 126", b"\xff\xfe", "ÿþ"),
        ("ISO_IR 192", b"\x81", "\ufffd"),
        *(
            (term, "\u738b\u5c0f^\u660e".encode()[:-1], "\u738b\u5c0f^\ufffd")
            for term in ("", "ISO_IR 192", "ISO_IR 100")
        ),
        ("GB18030", "\u738b\u5c0f^\u660e".encode("gb18030")[:-1], "\u738b\u5c0f^\ufffd"),
        ("ISO_IR 13", "\u5c71\u7530".encode("cp932")[:-1], "\u5c71\ufffd"),
        ("ISO_IR 192", "René".encode("latin-1"), "René"),
    ],
)
def test_what_does_not_fit_is_read_all_the_same(tmp_path: Path, stated: str, raw: bytes, text: str) -> None:
    assert inspect(written(tmp_path, stated, raw)).study.patient_name == text


@given(some.binary(min_size=1, max_size=60), some.lists(some.text(max_size=20) | some.just("ISO_IR 87"), max_size=3))
def test_any_bytes_are_text_and_none_that_can_be_seen_is_lost(raw: bytes, terms: list[str]) -> None:
    found = decoded(raw, terms)
    assert found or SWITCH.sub(b"", raw) == b""


def test_text_in_sequences_has_the_character_set_of_its_file(tmp_path: Path) -> None:
    item = Dataset()
    item.PatientName, item.CodeMeaning = "Иванова^Анна", "Голова"
    made = instance(SpecificCharacterSet="ISO_IR 144", StudyDescription="Голова", OtherPatientIDsSequence=[item])
    found = Dataset.from_json(metadata(write(tmp_path / "a", made)))
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert found.StudyDescription == "Голова"
    (inner,) = found.OtherPatientIDsSequence
    assert (str(inner.PatientName), inner.CodeMeaning) == ("Иванова^Анна", "Голова")
