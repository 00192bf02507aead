"""Identify the format of a file by its content, never by its name."""

from __future__ import annotations

import zlib

from triage.domain import Kind
from triage.errors import RefusedError
from triage.scans.formats.bare import encoding

#: Start of a file that `identify` needs: bytes.
IDENTIFY_BYTES = 4096
#: Bytes of a file that a decoder reads at once.
READ_BLOCK = 2**20
#: Content signatures at the start of a file.
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": Kind.PNG,
    b"\xff\xd8\xff": Kind.JPEG,
    b"PK\x03\x04": Kind.ZIP,
    b"PK\x05\x06": Kind.ZIP,
}
#: Signatures of executables: the preamble of DICOM can hold one (CVE-2019-11687).
EXECUTABLES = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
GZIP_SIGNATURE = b"\x1f\x8b"
#: Signatures of archives that are not opened: gzip (of anything but NIfTI), RAR, 7z, bzip2, xz.
UNOPENED = (GZIP_SIGNATURE, b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ")
#: How a header of Analyze, from which NIfTI came, begins: with its length in either byte order.
ANALYZE_SIZES = (b"\x5c\1\0\0", b"\0\0\1\x5c")
#: Length of a NIfTI-2 header, the longer one: bytes.
NIFTI_HEADER_BYTES = 540


def identify(head: bytes) -> Kind:
    """Return the format of a file.

    Parameters
    ----------
    head
        The first `IDENTIFY_BYTES` bytes of the file, or all of it.

    Raises
    ------
    RefusedError
        If it is empty, starts with an executable, or is in an unknown format.
    """
    if not head:
        raise RefusedError("The file is empty (0 bytes). Export it again and upload the new file.")
    if head.startswith(EXECUTABLES):
        raise RefusedError(
            "The file starts with an executable program. Do not open it. Export the images again from the PACS."
        )
    if head[128:132] == b"DICM":  # before the others: the preamble can hold a signature of theirs
        return Kind.DICOM
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if encoding(head) or encoding(_inflated(head, -zlib.MAX_WBITS)):
        return Kind.DICOM
    if _is_nifti(_inflated(head, zlib.MAX_WBITS + 16) if head.startswith(GZIP_SIGNATURE) else head):
        return Kind.NIFTI
    if head.startswith(UNOPENED):
        raise RefusedError("An archive of this kind is not opened. Unpack it, and send what it holds, or a ZIP of it.")
    raise RefusedError(
        "The content is none of DICOM, NIfTI, PNG, JPEG and ZIP, whatever its name. Export it as one of these."
    )


def _inflated(head: bytes, window_bits: int) -> bytes:
    try:
        return zlib.decompressobj(window_bits).decompress(head, NIFTI_HEADER_BYTES)
    except zlib.error:
        return b""


def _is_nifti(header: bytes) -> bool:
    if header[344:348] == b"n+1\0" or header[4:8] == b"n+2\0":
        return True
    if header[344:348] == b"ni1\0" or header[4:8] == b"ni2\0":
        raise RefusedError("This is a NIfTI header without its image. Convert both to a single .nii or .nii.gz file.")
    if header[:4] in ANALYZE_SIZES and sum(header[40:42]) in range(1, 8):
        raise RefusedError("This is an Analyze header without its image. Convert both to a .nii or .nii.gz file.")
    return False
