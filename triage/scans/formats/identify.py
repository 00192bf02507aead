"""What a file is. The content decides, never the name."""

from __future__ import annotations

import zlib

from triage.domain import Kind
from triage.errors import RefusedError

#: As much of a file as `identify` needs: bytes.
HEAD = 4096
#: Content signatures at the start of a file.
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": Kind.PNG,
    b"\xff\xd8\xff": Kind.JPEG,
    b"PK\x03\x04": Kind.ZIP,
    b"PK\x05\x06": Kind.ZIP,
}
#: What DICOM leaves free at its start can hold a program that another one would run (CVE-2019-11687).
PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
#: First elements of a DICOM file that lacks the preamble: group 0002 or 0008, little endian.
BARE_DICOM = tuple(
    bytes((group, 0, element, 0))
    for group in (2, 8)
    for element in (0x00, 0x01, 0x02, 0x05, 0x08, 0x10, 0x12, 0x16, 0x18)
)
GZIP = b"\x1f\x8b"
NIFTI_HEADER = 540


def identify(head: bytes) -> Kind:
    """Return what a file is.

    Parameters
    ----------
    head
        Its first `HEAD` bytes, or all of it.

    Raises
    ------
    RefusedError
        If it is empty, holds a program, or is of no kind that is taken in.
    """
    if not head:
        raise RefusedError("The file is empty (0 bytes). Export it again and upload the new file.")
    if head.startswith(PROGRAMS):
        raise RefusedError("The file begins with a program. Export the images again from the PACS; do not open it.")
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if head[128:132] == b"DICM" or head.startswith(BARE_DICOM):
        return Kind.DICOM
    if _is_nifti(_inflated(head) if head.startswith(GZIP) else head):
        return Kind.NIFTI
    raise RefusedError(
        "The content is none of DICOM, NIfTI, PNG, JPEG and ZIP, whatever the name says. Export it as one of these."
    )


def _inflated(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, NIFTI_HEADER)
    except zlib.error:
        return b""


def _is_nifti(header: bytes) -> bool:
    if header[344:348] == b"ni1\0" or header[4:8] == b"ni2\0":
        raise RefusedError("The NIfTI header comes without its image. Convert both to one .nii or .nii.gz file.")
    return header[344:348] == b"n+1\0" or header[4:8] == b"n+2\0"
