"""Files of a model folder, which somebody else may have written: regular files of a size that a model has, or none."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

#: Largest file that is read: bytes. The largest of a model, its Keras network, takes a fiftieth of it.
MAX_SIZE = 2**30


def open_file(path: Path, most: int = MAX_SIZE) -> BufferedReader:
    """Open a file of a model folder for reading; a link to a file counts as the file.

    Parameters
    ----------
    path
        The file.
    most
        Its largest size: bytes.

    Raises
    ------
    OSError
        If it is missing, cannot be read, is larger, or is a folder, a pipe or a device, which could be read for ever.
    """
    # Without O_NONBLOCK, the opening of a pipe waits for somebody who writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
        if found.st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return open(descriptor, "rb")  # noqa: PTH123 - a descriptor
    except OSError:
        os.close(descriptor)
        raise


def read_file(path: Path, most: int = MAX_SIZE) -> bytes:
    """Return the contents of a file of a model folder.

    Raises
    ------
    OSError
        As `open_file`.
    """
    with open_file(path, most) as file:
        return file.read(most)
