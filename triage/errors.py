"""One tree of errors. Every message names the remedy and holds nothing that may not be shown to a reader.

TriageError
├── RefusedError      the file was not taken in
├── NotFoundError     a study, series or model that is not there
├── ConflictError     somebody else's decision came first
├── ReadingError      a reading that is not complete or not allowed
├── TransferError     another system did not take what was sent to it
├── StorageError      the disk or the database did not take it
└── ModelError        a model folder that cannot be used
"""

from __future__ import annotations


class TriageError(Exception):
    """Anything that NeuroTriage itself reports; ``str(error)`` is safe to show."""


class RefusedError(TriageError):
    """The bytes are not a picture that can be read; nothing of them was stored."""


class NotFoundError(TriageError):
    """What was asked for is not in the record."""


class ConflictError(TriageError):
    """The record moved on since the caller looked at it."""


class ReadingError(TriageError):
    """The reading is incomplete or its state does not allow the step."""


class StorageError(TriageError):
    """The disk or the database did not take it; nothing was acknowledged."""


class TransferError(TriageError):
    """Another system did not take what was sent to it; here everything is as it was."""


class ModelError(TriageError):
    """The model folder is incomplete, altered or made for another preprocessing."""
