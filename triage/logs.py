"""One form for all logs: JSON lines without identifiers, and plain lines on a terminal.

What goes wrong is told by its kind and place: the message of an exception may hold a name, a path or the values of a
query, so none is written. What a library logs is written without the values that it fills in.
"""

from __future__ import annotations

import json
import logging
import sys
import sysconfig
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

from triage.errors import ModelError, TriageError
from triage.text import one_line

#: Our own loggers; they are given no name of a patient, a person or a file.
OURS = "triage"
#: Folders whose part of a path says nothing.
ROOTS = (sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]))
#: Frames of an exception, the innermost ones, and causes of a cause.
MAX_FRAMES, MAX_CAUSES = 12, 5


class Lines(logging.Formatter):
    """Formats a record as one line of JSON; for a terminal as plain text.

    Parameters
    ----------
    plain
        Whether it is for a terminal.
    """

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__()
        self._plain = plain

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        is_ours = record.name.partition(".")[0] == OURS
        error = record.exc_info[1] if record.exc_info else None
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": one_line(record.getMessage() if is_ours else str(record.msg)),
        }
        kinds = list(_kinds(error))
        frames = [] if error is None or _is_expected(error) else _frames(error.__traceback__)
        if self._plain:
            told = f"{said['at'][11:19]} {said['level']}: {said['message']}"
            return "\n  ".join([told + (f" ({', '.join(kinds)})" if kinds else ""), *frames])
        told_of = {"error": kinds} | ({"where": frames} if frames else {}) if kinds else {}
        return json.dumps(said | told_of, ensure_ascii=False)


def configure() -> None:
    """Write all logs to the error stream in one form; errors that nobody catches too. May be called again."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(plain=sys.stderr.isatty()))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(logging.INFO)
    for name in list(logging.root.manager.loggerDict):
        if not name.startswith(OURS):
            adopt(logging.getLogger(name))
    # It gives its logger a handler that writes tracebacks with values, unless there is one.
    logging.getLogger("dbos").addHandler(logging.NullHandler())
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_a_thread


def adopt(logger: logging.Logger) -> None:
    """Take the handlers of a library's logger away, so that its records come here, if they are warnings."""
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(max(logger.level, logging.WARNING))


def _is_expected(error: BaseException) -> bool:
    """Return whether an error is a fault that the product answers with a sentence; where it arose is no news."""
    return isinstance(error, TriageError) and not isinstance(error, ModelError)


def _kinds(error: BaseException | None) -> Iterable[str]:
    """Yield what kind of error it is and of which it came, with what the operating system calls it."""
    for _ in range(MAX_CAUSES):
        if error is None:
            return
        number = f" {error.errno}: {error.strerror}" if isinstance(error, OSError) and error.errno else ""
        yield f"{type(error).__module__}.{type(error).__qualname__}{number}".removeprefix("builtins.")
        error = error.__cause__ or error.__context__


def _frames(trace: TracebackType | None) -> list[str]:
    """Return where an error arose, the innermost place last."""
    found = []
    for frame, line in walk_tb(trace):
        path = frame.f_code.co_filename
        for root in ROOTS:
            path = path.removeprefix(f"{root}/")
        found.append(f"{path}:{line} in {frame.f_code.co_qualname}")
    return found[-MAX_FRAMES:]


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    logging.getLogger(OURS).critical("an error that nobody caught", exc_info=(kind, error, trace))


def _uncaught_in_a_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
