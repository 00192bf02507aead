"""One tree of errors. Every message names the remedy and is safe to show to a reader.

TriageError
├── RefusedError      the file was not taken in
├── NotFoundError     a study, series or file that is not there
├── ConflictError     the record changed in the meantime
├── ReadingError      a reading that is incomplete or not allowed
├── TransferError     another system did not accept what was sent to it
├── StorageError      the disk or the database failed
└── ModelError        a model folder that cannot be used
"""

from __future__ import annotations


class TriageError(Exception):
    """Anything that NeuroTriage itself reports; ``str(error)`` is safe to show."""


class RefusedError(TriageError):
    """The file is not an image that can be read; nothing of it was stored."""


class NotFoundError(TriageError):
    """What was asked for is not on the record."""


class ConflictError(TriageError):
    """The record changed after the caller read it."""


class ReadingError(TriageError):
    """The reading is incomplete, or the state of the study does not allow it."""


class StorageError(TriageError):
    """The disk or the database failed; nothing was acknowledged."""


class TransferError(TriageError):
    """Another system did not accept what was sent to it; nothing changed here."""


class ModelError(TriageError):
    """The model folder is incomplete, altered or made for another preprocessing."""
