"""ZIP archives: limits are checked in the directory, then enforced while inflating."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from triage.errors import RefusedError
from triage.scans.formats.identify import GZIP_SIGNATURE, READ_BLOCK, UNOPENED
from triage.scans.formats.undeclared import guess, reads_well

#: Files in an archive: more than any study has.
MAX_MEMBERS = 10_000
#: Inflated size of one file: bytes.
MAX_MEMBER = 512 * 2**20
#: Inflated size of an archive: bytes.
MAX_TOTAL = 2 * 2**30
#: Inflated by compressed size: pictures reach 3, blank slices 100; more is a decompression bomb.
MAX_RATIO = 200
#: Inflated size up to which any ratio is harmless: bytes.
RATIO_FROM = 2**20
#: The usual compression methods; the others need far more memory to inflate.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
#: Characters of a name that are kept, from its end.
MAX_MEMBER_NAME = 1024
#: Signatures of archives.
ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", *(signature for signature in UNOPENED if signature != GZIP_SIGNATURE))
#: Length of the end-of-directory record without its comment: bytes.
END_RECORD = 22
#: Length of a directory of `MAX_MEMBERS` long names: bytes.
MAX_DIRECTORY = 8 * 2**20
TOO_MANY = f"The ZIP holds more than {MAX_MEMBERS:,} files. Put one study in one ZIP."
#: Names of files that systems and discs leave beside pictures, in lower case.
SYSTEM_FILES = {
    ".directory",
    ".ds_store",
    ".gitkeep",
    ".keep",
    "autorun.inf",
    "desktop.ini",
    "dicomdir",
    "dicomdir;1",
    "ehthumbs.db",
    "thumbs.db",
}
#: Folders that only macOS, Windows or a network storage uses.
SYSTEM_FOLDERS = {
    "$recycle.bin",
    ".fseventsd",
    ".spotlight-v100",
    ".trashes",
    "@eadir",
    "__macosx",
    "system volume information",
}
#: Flag of a name in UTF-8, and the character set of the others (APPNOTE D.1).
IN_UTF_8 = 0x800
IBM_PC = "cp437"
WITHOUT_IT = "Pack the files again without it, then upload the new ZIP."


@dataclass(frozen=True, slots=True)
class Member:
    """An inflated file of an archive.

    Attributes
    ----------
    name
        Name in the archive; for display only, never used as a path.
    path
        The inflated file, under a generated name.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The inflated files of an archive, and the refused ones with their reasons."""

    members: list[Member] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def unpack(path: Path, into: Path) -> Unpacked:
    """Inflate the files of a ZIP into a folder.

    Folders are walked, system files ignored; links, special files and inner archives are refused.

    Parameters
    ----------
    path
        The archive.
    into
        An existing, empty folder; the files are named ``00000``, ``00001``, ...

    Raises
    ------
    RefusedError
        If the directory cannot be read, or lists more than `MAX_MEMBERS` files or `MAX_TOTAL` bytes; nothing is
        inflated then.
    """
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not (info.is_dir() or is_system_file(info.filename))]
            _check_whole(infos)
            unpacked = Unpacked()
            names = _names(infos)
            for number, (info, name) in enumerate(zip(infos, names, strict=True)):
                target = into / f"{number:05d}"
                reason = _refusal(info) or _inflate(archive, info, target)
                if reason is None:
                    unpacked.members.append(Member(name[-MAX_MEMBER_NAME:], target))
                else:
                    target.unlink(missing_ok=True)
                    unpacked.refused.append((name[-MAX_MEMBER_NAME:], reason))
            return unpacked
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise RefusedError("The ZIP is damaged or cut short. Pack it again and upload the new file.") from error


def _names(infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the names of files, in whatever character set they are.

    A flag says that a name is UTF-8. Without it, ZIP means the character set of the first IBM PC, which Python takes,
    but systems write that of their own.
    """
    raws = [b"" if info.flag_bits & IN_UTF_8 else info.filename.encode(IBM_PC, "replace") for info in infos]
    foreign = [raw for raw in raws if not raw.isascii()]
    guessed = guess(foreign)
    return [
        info.filename if not raw or raw.isascii() else _name(raw, info.filename, guessed)
        for raw, info in zip(raws, infos, strict=True)
    ]


def _name(raw: bytes, stated: str, guessed: str) -> str:
    for codec in ("utf-8", guessed):
        if codec and (text := _strictly(raw, codec)):
            return text
    windows = _strictly(raw, "cp1252")
    return windows if windows and reads_well(windows) and not reads_well(stated) else stated


def _strictly(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return ""


def is_system_file(name: str) -> bool:
    """Return whether a file only serves the system that it comes from (``.DS_Store``, ``Thumbs.db``), by its name.

    Parameters
    ----------
    name
        With the folders as far as they are known.
    """
    *folders, last = name.replace("\\", "/").lower().split("/")
    known = last in SYSTEM_FILES or last.partition(":")[0] in SYSTEM_FILES  # a stream that Windows packed beside it
    return known or last == "icon\r" or last.startswith("._") or not SYSTEM_FOLDERS.isdisjoint(folders)


def _check_directory(path: Path) -> None:
    """Refuse a directory that is too long; it takes 46 bytes and a name for each file (APPNOTE 4.3.12)."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, END_RECORD + 2**16), 2)
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + END_RECORD:
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


def _refusal(info: zipfile.ZipInfo) -> str | None:
    """Return why the directory entry of a file rules it out, or None."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return f"It is a link or a special file, not a picture. {WITHOUT_IT}"
    name = PurePosixPath(info.orig_filename.replace("\\", "/"))
    if ".." in name.parts or name.is_absolute() or (name.parts[:1] and name.parts[0].endswith(":")):
        return f"Its name leads out of the archive. {WITHOUT_IT}"
    if "\0" in info.orig_filename:
        return f"Its name holds a NUL character. {WITHOUT_IT}"
    if info.flag_bits & 0x1:
        return "Encrypted. Pack the files without a password and upload again."
    if info.compress_type not in METHODS:
        return "Its compression method is not supported. Pack the files as an ordinary ZIP (deflate) and upload again."
    if info.file_size > MAX_MEMBER:
        return f"Inflates to more than {MAX_MEMBER >> 20} MB. Export it in smaller parts."
    if info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * info.compress_size:
        return f"Inflates to more than {MAX_RATIO} times its size, which no picture does. {WITHOUT_IT}"
    return None


def _inflate(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> str | None:
    """Inflate one file up to its announced size; return why it failed, or None."""
    try:
        with archive.open(info) as source, target.open("xb") as file:
            left = info.file_size
            while chunk := source.read(READ_BLOCK):
                if left == info.file_size and chunk.startswith(ARCHIVES):
                    return "It is an archive within the archive. Unpack the inner one and upload it separately."
                left -= len(chunk)
                if left < 0:
                    return f"Inflates to more than its directory entry says. {WITHOUT_IT}"
                file.write(chunk)
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError, RuntimeError):
        return "Damaged within the ZIP. Pack it again and upload the new file."
    return None
