from __future__ import annotations

from pathlib import Path

import pytest
from drawn_dicom import instance, write
from pydicom import Dataset

from triage.reports.sources import read_source
from triage.scans.formats.attributes import metadata
from triage.scans.formats.inspect import inspect
from triage.scans.formats.undeclared import guess, reads_well

#: Names, and the character sets that their files are in without saying so.
NAMES = {
    ("cp1251", "koi8-r", "iso8859-5"): [
        "Иванова^Анна",
        "СМИРНОВ^АЛЕКСЕЙ",
        "Щукин^Пётр",
        "Шевченко^Тарас",
        "Цой^Виктор",
    ],
    ("gbk", "gb18030"): ["李^明", "王^芳", "Zhang^Wei=张^伟", "陈^静怡", "欧阳^修", "王小明"],
    ("cp949", "euc_kr"): ["김^영희", "이^민호", "Hong^Gildong=홍^길동", "최^진", "이순신"],
    ("cp932", "euc_jp"): ["山田^太郎", "鈴木^花子", "Yamada^Tarou=山田^太郎=やまだ^たろう", "サクラ^ハナコ"],
    ("cp1253", "iso8859-7"): ["Παππάς^Νίκος", "ΠΑΠΠΑΣ^ΝΙΚΟΣ"],
    ("cp1255", "iso8859-8"): ["לוי^שרה", "אברהם^יצחק", "פרידמן^מרים", "בן-דוד^תמר", "נתניהו^בנימין"],
}
IN_SETS = [(codec, name) for codecs, names in NAMES.items() for codec in codecs for name in names]
LATIN = [
    "Müller^Jürgen",
    "Åsa^Ödman",
    "FRANÇOIS^ÉLÉONORE",
    "Íñiguez^Zoë",
    "Æbelø",
    "O\u2019Brien^Noël",
    "ÅÄÖ",
    "Øye^Ås",
]
MEASURES = ["5 µm", "90° ± 2°", "Siemens® T1 × 3", "«T2»", "½ FOV"]


def raw_file(folder: Path, raw: bytes, stated: str | None = None, **others: bytes) -> Path:
    """A file that holds exactly these bytes as the name of the patient and in other elements."""
    texts = {"PatientName": raw, **others}
    marks = {keyword: "QXZ"[at] * (len(text) + len(text) % 2) for at, (keyword, text) in enumerate(texts.items())}
    made = instance(**marks)
    if stated:
        made.SpecificCharacterSet = stated
    data = write(folder / "a", made).read_bytes()
    for keyword, mark in marks.items():
        assert data.count(mark.encode()) == 1
        data = data.replace(mark.encode(), texts[keyword].ljust(len(mark)))
    (folder / "a").write_bytes(data)
    return folder / "a"


@pytest.mark.parametrize(("codec", "name"), IN_SETS)
@pytest.mark.parametrize("stated", [None, "ISO_IR 100", "ISO_IR 192", "ISO_IR 6"])
def test_names_in_an_undeclared_set_are_read(tmp_path: Path, codec: str, name: str, stated: str | None) -> None:
    path = raw_file(tmp_path, name.encode(codec), stated)
    before = path.read_bytes()
    assert inspect(path).study.patient_name == name
    assert str(Dataset.from_json(metadata(path)).PatientName) == name
    assert str(read_source(0, path).header.PatientName) == name
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", NAMES["cp1251", "koi8-r", "iso8859-5"])
def test_cyrillic_of_windows_is_often_said_to_be_that_of_iso(tmp_path: Path, name: str) -> None:
    for codec in ("cp1251", "iso8859-5"):
        assert inspect(raw_file(tmp_path, name.encode(codec), "ISO_IR 144")).study.patient_name == name


@pytest.mark.parametrize("name", ["Müller^Jürgen", "Иванова^Анна", "李^明", "김^영희", "Ångström^Ö"])
@pytest.mark.parametrize("stated", [None, "ISO_IR 100", "ISO_IR 101", "ISO_IR 144", "ISO_IR 126"])
def test_utf_8_is_often_said_to_be_something_else(tmp_path: Path, name: str, stated: str | None) -> None:
    assert inspect(raw_file(tmp_path, name.encode(), stated)).study.patient_name == name


@pytest.mark.parametrize("name", ["Müller^Jürgen", "李^明"])
@pytest.mark.parametrize("stated", ["GB18030", "GBK"])
def test_utf_8_is_known_where_what_is_stated_does_not_read_well(tmp_path: Path, name: str, stated: str) -> None:
    assert inspect(raw_file(tmp_path, name.encode(), stated)).study.patient_name == name


@pytest.mark.parametrize("name", ["כהן^נעמי", "מלכה^חנה", "חדד^עדי", "כהן^יוסף"])
def test_hebrew_that_could_be_cyrillic_is_not_read_as_cyrillic(tmp_path: Path, name: str) -> None:
    raw = name.encode("iso8859-8")
    assert inspect(raw_file(tmp_path, raw)).study.patient_name == raw.decode("cp1252"), "in doubt"
    assert inspect(raw_file(tmp_path, raw, "ISO_IR 138")).study.patient_name == name
    told = inspect(raw_file(tmp_path, raw, StudyDescription="מוח עם חומר ניגוד".encode("cp1255")))
    assert (told.study.patient_name, told.study.description) == (name, "מוח עם חומר ניגוד")


@pytest.mark.parametrize("name", ["иванова^анна", "СМИРНОВ^АЛЕКСЕЙ", "шевченко^тарас", "Ли^Ан", "οικονόμου^άννα"])
def test_other_scripts_without_capitals_are_not_read_as_hebrew(tmp_path: Path, name: str) -> None:
    for codec in ("cp1251", "koi8-r", "iso8859-5") if name[0] not in "ο" else ("cp1253", "iso8859-7"):
        assert inspect(raw_file(tmp_path, name.encode(codec))).study.patient_name == name


@pytest.mark.parametrize("text", [*LATIN, *MEASURES])
@pytest.mark.parametrize("stated", [None, "ISO_IR 100", "ISO_IR 192"])
def test_latin_text_stays_latin(tmp_path: Path, text: str, stated: str | None) -> None:
    assert inspect(raw_file(tmp_path, text.encode("cp1252"), stated)).study.patient_name == text


def test_all_texts_of_a_file_are_evidence_and_each_is_read_by_what_it_is(tmp_path: Path) -> None:
    """The name alone would be in doubt."""
    name, described, maker = "Юй^Ли".encode("cp1251"), "МРТ головного мозга".encode("cp1251"), "Müller".encode("cp1252")
    assert guess([name]) == ""
    found = inspect(raw_file(tmp_path, name, StudyDescription=described, ManufacturerModelName=maker))
    assert (found.study.patient_name, found.study.description) == ("Юй^Ли", "МРТ головного мозга")
    assert found.series.scanner == "Acme Müller"


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", "Юй".encode("cp1251"), b"\xc0\xc1", "刘^洋".encode("gbk"), b"\xb1\xb2\xb3"]
)
def test_what_is_in_doubt_is_shown_as_it_is(tmp_path: Path, raw: bytes) -> None:
    assert guess([raw]) == ""
    assert inspect(raw_file(tmp_path, raw)).study.patient_name == raw.decode("cp1252", "replace")


@pytest.mark.parametrize("text", ["Doe^Jane", "Иванова^Анна", "李^明", "Müller", "T1 90°"])
def test_words_read_well(text: str) -> None:
    assert reads_well(text)


@pytest.mark.parametrize("text", ["Èâàíîâà", "хБЮМНБЮ", "Àî^Ã÷", "ŽR“c", "Müллер"])
def test_bytes_of_another_set_do_not(text: str) -> None:
    assert not reads_well(text)
