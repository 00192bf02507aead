"""ZIP: good members come out under names of ours; what is not good is named, and never inflated."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from triage.errors import RefusedError
from triage.scans.formats import archives
from triage.scans.formats.archives import MAX_MEMBERS, is_system_file, unpack


def packed(folder: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "archive"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def test_good_members_come_out_under_our_names(tmp_path: Path, into: Path) -> None:
    members = {"study/a.png": b"one", "study/": b"", "study/deep/b\u202e.png": b"two", "empty": b""}
    unpacked = unpack(packed(tmp_path, members), into)
    assert unpacked.refused == []
    assert {member.name: member.path.read_bytes() for member in unpacked.members} == {
        name: data for name, data in members.items() if not name.endswith("/")
    }
    assert sorted(path.name for path in into.iterdir()) == ["00000", "00001", "00002"]


#: Names, and the character sets in which systems write them without saying so.
NAMES = [
    ("山田太郎/IM0.dcm", "cp932"),
    ("患者/脳MRI_001.dcm", "cp932"),
    ("検査１/断面ソ001.dcm", "cp932"),  # its second byte is a backslash
    ("頭部/画像/スライス001.dcm", "cp932"),
    ("头部/增强.dcm", "gbk"),
    ("김영희/뇌.dcm", "cp949"),
    ("Иванова/снимок.dcm", "cp866"),
    ("Иванова/снимок.dcm", "cp1251"),
    ("Müller/Schädel.dcm", "cp437"),
    ("Müller/Schädel.dcm", "cp850"),
    ("Müller/Schädel/Größe.dcm", "cp1252"),
    ("Müller/頭部.dcm", "utf-8"),
    ("½ FOV ┼.dcm", "cp437"),
]


@pytest.mark.parametrize(("name", "codec"), NAMES)
def test_names_are_read_in_the_character_set_of_their_system(tmp_path: Path, into: Path, name: str, codec: str) -> None:
    raw = name.encode(codec)
    mark = "Q" * len(raw)
    path = packed(tmp_path, {mark: b"one", "plain.dcm": b"two"})
    path.write_bytes(path.read_bytes().replace(mark.encode(), raw))
    unpacked = unpack(path, into)
    assert [member.name for member in unpacked.members] == [name, "plain.dcm"]
    assert [member.path.read_bytes() for member in unpacked.members] == [b"one", b"two"]


def test_a_name_with_the_flag_of_utf_8_stays(tmp_path: Path, into: Path) -> None:
    (member,) = unpack(packed(tmp_path, {"Ã¼è│.dcm": b"one"}), into).members
    assert member.name == "Ã¼è│.dcm"


SYSTEM = [
    "__MACOSX/a/._b.png",
    "$RECYCLE.BIN/a.dcm",
    ".Trashes/501/a",
    "a/@eaDir/b.png",
    "Thumbs.db:encryptable",
    "Icon\r",
    "a/.DS_Store",
    "Thumbs.db",
    "a\\desktop.ini",
    "DICOMDIR",
    "._c",
    ".gitkeep",
]


def test_files_of_a_system_are_ignored(tmp_path: Path, into: Path) -> None:
    unpacked = unpack(packed(tmp_path, dict.fromkeys(SYSTEM, b"x") | {"a/b.png": b"one"}), into)
    assert ([member.name for member in unpacked.members], unpacked.refused) == (["a/b.png"], [])
    assert len(list(into.iterdir())) == 1
    assert not any(map(is_system_file, ("a/IM_0001", "DS_Store.png", "macosx/a", "thumbs.dcm")))


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("../up.png", b"x", "leads out"),
        ("a/../../up.png", b"x", "leads out"),
        ("/etc/passwd", b"x", "leads out"),
        ("C:\\windows\\x.png", b"x", "leads out"),
        ("..\\up.png", b"x", "leads out"),
        ("inner.zip", b"PK\x03\x04" + bytes(100), "archive within the archive"),
        ("inner.rar", b"Rar!" + bytes(100), "archive within the archive"),
        ("bomb.dcm", bytes(20 * 2**20), "200 times"),
    ],
)
def test_one_bad_member_costs_the_others_nothing(
    tmp_path: Path, into: Path, name: str, data: bytes, reason: str
) -> None:
    unpacked = unpack(packed(tmp_path, {"a.png": b"good", name: data, "b.png": b"good too"}), into)
    assert [member.name for member in unpacked.members] == ["a.png", "b.png"]
    ((refused, why),) = unpacked.refused
    assert refused == name.replace("\\", "/") or refused == name
    assert reason in why
    assert len(list(into.iterdir())) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "into"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files_are_refused(tmp_path: Path, into: Path, kind: int) -> None:
    path = tmp_path / "archive"
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    unpacked = unpack(path, into)
    assert "a link" in unpacked.refused[0][1]
    assert not list(into.iterdir())


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_methods_are_refused(tmp_path: Path, into: Path, method: int) -> None:
    assert "not supported" in unpack(packed(tmp_path, {"a": b"x" * 100}, method), into).refused[0][1]


def test_an_encrypted_member_is_refused(tmp_path: Path, into: Path) -> None:
    path = packed(tmp_path, {"a": b"x" * 100})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "without a password" in unpack(path, into).refused[0][1]


def test_too_many_files_are_refused_as_a_whole(tmp_path: Path, into: Path) -> None:
    path = packed(tmp_path, {str(number): b"" for number in range(MAX_MEMBERS + 1)})
    with pytest.raises(RefusedError, match="more than 10,000 files"):
        unpack(path, into)
    assert not list(into.iterdir())


def test_too_many_bytes_are_refused_as_a_whole(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_TOTAL", 1000)
    with pytest.raises(RefusedError, match="Put one study in one ZIP"):
        unpack(packed(tmp_path, {"a": bytes(600), "b": bytes(600)}), into)
    assert not list(into.iterdir())


def test_a_size_that_lies_is_noticed_while_inflating(tmp_path: Path, into: Path) -> None:
    path = packed(tmp_path, {"a": bytes(100_000), "b": b"good"})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    unpacked = unpack(path, into)
    assert [member.name for member in unpacked.members] == ["b"]
    assert sum(one.stat().st_size for one in into.iterdir()) == 4


def test_a_damaged_member_is_refused_and_leaves_nothing(tmp_path: Path, into: Path) -> None:
    path = packed(tmp_path, {"a": b"0123456789" * 100, "b": b"good"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123456780", 1))
    unpacked = unpack(path, into)
    assert "Damaged" in unpacked.refused[0][1]
    assert len(list(into.iterdir())) == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_an_archive_cut_short_is_refused(tmp_path: Path, into: Path, share: float) -> None:
    path = packed(tmp_path, {str(number): bytes(1000) for number in range(50)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(RefusedError, match="cut short"):
        unpack(path, into)


def test_an_archive_of_nothing_is_refused(tmp_path: Path, into: Path) -> None:
    path = tmp_path / "archive"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w"):
        pass
    path.write_bytes(buffer.getvalue())
    with pytest.raises(RefusedError, match="no file"):
        unpack(path, into)
