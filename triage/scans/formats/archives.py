"""ZIP archives: what may be inflated is decided from the directory, and held to while inflating."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from triage.errors import RefusedError

#: More files than any study has.
MAX_MEMBERS = 10_000
#: Inflated size of one file, and of an archive: bytes.
MAX_MEMBER, MAX_TOTAL = 512 * 2**20, 2 * 2**30
#: Pictures shrink to a third, blank slices to a hundredth; more is a bomb, where the size makes it matter (bytes).
MAX_RATIO, RATIO_FROM = 200, 2**20
#: The methods that everybody writes; the others need far more memory to inflate.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
#: Names are cut to their last so many characters.
MAX_NAME = 1024
CHUNK = 2**20
ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ")
#: Length of the end of the directory without its comment, and of a directory of `MAX_MEMBERS` long names: bytes.
END, MAX_DIRECTORY = 22, 8 * 2**20
TOO_MANY = f"The ZIP holds more than {MAX_MEMBERS:,} files. Put one study in one ZIP."
AGAIN = "Pack the files anew, without it, and upload again."


@dataclass(frozen=True, slots=True)
class Member:
    """A file that came out of an archive.

    Attributes
    ----------
    name
        As the archive has it; shown, never used as a path.
    path
        Where it lies, under a name of our own.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out of an archive, and what did not: names and the reasons."""

    members: list[Member] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def unpack(path: Path, into: Path) -> Unpacked:
    """Inflate the files of a ZIP into a folder.

    Folders are walked, links and special files refused, archives in the archive are not opened.

    Parameters
    ----------
    path
        The archive.
    into
        An existing, empty folder; the files are called ``00000``, ``00001``, ...

    Raises
    ------
    RefusedError
        If the directory cannot be read, or announces more than `MAX_MEMBERS` files or `MAX_TOTAL` bytes; nothing was
        inflated then.
    """
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            _check_whole(infos)
            unpacked = Unpacked()
            for number, info in enumerate(infos):
                target = into / f"{number:05d}"
                reason = _objection(info) or _inflate(archive, info, target)
                if reason is None:
                    unpacked.members.append(Member(info.filename[-MAX_NAME:], target))
                else:
                    target.unlink(missing_ok=True)
                    unpacked.refused.append((info.filename[-MAX_NAME:], reason))
            return unpacked
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise RefusedError("The ZIP is damaged or cut short. Pack it again and upload the new file.") from error


def _check_directory(path: Path) -> None:
    """Refuse a directory that is too long to be read; it has 46 bytes and a name for each file (APPNOTE 4.3.12)."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, END + 2**16), 2)
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + END:
        raise zipfile.BadZipFile
    count, size = struct.unpack_from("<HI", tail, at + 10)
    if count > MAX_MEMBERS or size > MAX_DIRECTORY:
        raise RefusedError(TOO_MANY)


def _check_whole(infos: list[zipfile.ZipInfo]) -> None:
    if not infos:
        raise RefusedError("The ZIP holds no file. Pack the study's files and upload the new ZIP.")
    if len(infos) > MAX_MEMBERS:
        raise RefusedError(TOO_MANY)
    total = sum(info.file_size for info in infos)
    if total > MAX_TOTAL:
        raise RefusedError(
            f"The ZIP inflates to {total / 2**30:.1f} GB; the limit is {MAX_TOTAL >> 30} GB. Put one study in one ZIP."
        )


def _objection(info: zipfile.ZipInfo) -> str | None:
    """Say from the directory why a file is not inflated."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return f"A link or a special file, not a picture. {AGAIN}"
    name = PurePosixPath(info.orig_filename.replace("\\", "/"))
    if ".." in name.parts or name.is_absolute() or (name.parts[:1] and name.parts[0].endswith(":")):
        return f"Its name leads out of the archive. {AGAIN}"
    if "\0" in info.orig_filename:
        return f"Its name holds a NUL character. {AGAIN}"
    if info.flag_bits & 0x1:
        return "Encrypted. Pack the files without a password and upload again."
    if info.compress_type not in METHODS:
        return "Compressed by a rare method. Pack the files as an ordinary ZIP (deflate) and upload again."
    if info.file_size > MAX_MEMBER:
        return f"Inflates to more than {MAX_MEMBER >> 20} MB. Export it in smaller parts."
    if info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * info.compress_size:
        return f"Inflates to more than {MAX_RATIO} times its size, as no picture does. {AGAIN}"
    return None


def _inflate(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> str | None:
    """Write one file, no more of it than announced; say why where it did not come out whole."""
    try:
        with archive.open(info) as source, target.open("xb") as file:
            left = info.file_size
            while chunk := source.read(CHUNK):
                if left == info.file_size and chunk.startswith(ARCHIVES):
                    return "An archive in the archive. Unpack the inner one and upload it on its own."
                left -= len(chunk)
                if left < 0:
                    return f"Inflates to more than it announces. {AGAIN}"
                file.write(chunk)
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError, RuntimeError):
        return "Damaged within the ZIP. Pack it again and upload the new file."
    return None
