"""What a file is, by its content."""

from __future__ import annotations

from triage.domain import Kind
from triage.errors import RefusedError

SIGNATURES = {b"\x89PNG\r\n\x1a\n": Kind.PNG, b"\xff\xd8\xff": Kind.JPEG, b"PK\x03\x04": Kind.ZIP}


def identify(head: bytes) -> Kind:
    """Return what a file is from its first bytes."""
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if head[128:132] == b"DICM":
        return Kind.DICOM
    if not head:
        raise RefusedError("The file is empty (0 bytes). Export it again and upload the new file.")
    raise RefusedError("The content is neither PNG nor JPEG, whatever the name says. Export the slice as PNG or JPEG.")
