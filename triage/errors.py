"""One tree of errors. Every message names the remedy and is safe to show to a reader.

TriageError
├── RefusedError      the file was not taken in
├── NotFoundError     a study, series or file that is not there
├── ConflictError     the record changed in the meantime
├── ReadingError      a reading that is incomplete or not allowed
├── DeniedError       a right is missing
├── SignInError       nobody was signed in
│   └── ThrottledError    too many tries
├── RefusedNameError  a name that cannot be given to an account or a peer
├── TransferError     another system did not accept what was sent to it
├── InputError        a value that the record cannot keep
├── StorageError      the disk or the database failed
├── ModelError        a model folder that cannot be used
└── PromotionError    a model that may not take the place of another
"""

from __future__ import annotations

import errno


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


class DeniedError(TriageError):
    """The person has no role that may do this; nothing was done."""


class SignInError(TriageError):
    """Name, password, code or the answer of the sign-in service is wrong; it does not say which."""


class ThrottledError(SignInError):
    """There were too many tries.

    Attributes
    ----------
    seconds
        Until the next one is looked at.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = max(int(seconds + 0.999), 1)
        super().__init__(f"Too many tries. Try again in {self.seconds:,} seconds.")


class RefusedNameError(TriageError):
    """The name cannot be seen, looks like another, or belongs to the product."""


class InputError(TriageError):
    """What was entered holds a character or a number that the record cannot keep; nothing was kept."""


class StorageError(TriageError):
    """The disk or the database failed; nothing was acknowledged."""


class TransferError(TriageError):
    """Another system did not accept what was sent to it; nothing changed here."""


class ModelError(TriageError):
    """The model folder is incomplete, altered or made for another preprocessing."""


class PromotionError(TriageError):
    """A model may not take the place of another, or not like this; what serves is untouched."""


def storage_error(error: OSError) -> StorageError:
    """Return an error of the disk as a sentence with its remedy, without the path."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageError("Not stored: the disk is full. Free disk space, then repeat.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StorageError("Not stored: the home folder cannot be written. Let the server write there, then repeat.")
    return StorageError("The disk does not answer. Repeat in a few seconds; if it stays so, tell an administrator.")
