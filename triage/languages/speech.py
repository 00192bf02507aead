"""What is said to a reader: messages, numbers and dates in the language of the page or of the request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from functools import lru_cache

from babel.dates import format_date, format_time, get_date_format
from babel.numbers import format_decimal, format_percent

from triage.languages.catalogue import Catalogue, catalogue

_spoken: ContextVar[str | None] = ContextVar("locale", default=None)
_sources: list[Callable[[], str]] = []


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Speak in a locale within the block, and in the threads that it starts by `anyio`."""
    before = _spoken.set(locale)
    try:
        yield
    finally:
        _spoken.reset(before)


def begin(locale: str) -> None:
    """Speak in a locale from now on in this thread, which another language never uses."""
    _spoken.set(locale)


def otherwise(ask: Callable[[], str]) -> None:
    """Name who knows the locale outside `speaking`: pages run in threads of Streamlit that begin without a context."""
    _sources[:] = [ask]


def locale() -> str:
    """Return the locale that is spoken here: ``de_AT``, ``en``."""
    return _spoken.get() or (_sources[0]() if _sources else "en")


def language() -> str:
    """Return its language: ``de``, ``en``."""
    return locale().partition("_")[0]


def spoken() -> Catalogue:
    """Return the messages of the language."""
    return catalogue(language())


def t(message: str, /, **values: object) -> str:
    """Return a message in the language, its holes filled with values; whole numbers are written with their separators.

    Parameters
    ----------
    message
        In English, as a literal, so that it is found for the catalogue: ``t("{count} studies", count=3)``.
    """
    said = spoken().messages.get(message, message)
    if not values:
        return said
    return said.format_map({name: number(one) if type(one) is int else one for name, one in values.items()})


def later(message: str) -> str:
    """Return a message unchanged: it is for the catalogue, and `t` says it when it is shown."""
    return message


def retold(text: str) -> str:
    """Return a sentence of ours, made in English by a room that knows no language, in the language of the reader."""
    return _retold(language(), text)


@lru_cache(4096)  # the rows of a worklist come again and again
def _retold(code: str, text: str) -> str:
    return catalogue(code).retold(text)


def number(value: float, digits: int = 0) -> str:
    """Return a number with so many digits after its sign."""
    return str(format_decimal(value, format=f"#,##0{'.' if digits else ''}{'0' * digits}", locale=locale()))


def percent(share: float, digits: int = 0) -> str:
    """Return a share of 1 in percent."""
    space = "" if language() == "en" else "\u00a0"
    return str(format_percent(share, f"#,##0{'.' if digits else ''}{'0' * digits}{space}%", locale=locale()))


def day(value: date | None) -> str:
    """Return a date; nothing for none."""
    return str(format_date(value, "medium", locale=locale())) if value else ""


def moment(value: datetime) -> str:
    """Return a time in the zone that it has, to the minute."""
    return f"{day(value)}, {format_time(value, 'short', locale=locale())} {value:%Z}".rstrip()


def day_pattern() -> str:
    """Return how a table of Streamlit writes a date: ``DD.MM.YYYY``."""
    pattern = get_date_format("medium", locale()).pattern
    return str(pattern).replace("d", "D").replace("y", "YYYY").replace("YYYYYYYY", "YY")


def field_pattern() -> str:
    """Return how a field of Streamlit writes a date: as the pages do, or the ISO date where no field can."""
    pattern = day_pattern()
    return pattern if re.fullmatch(r"DD([./-])MM\1YYYY", pattern) else "YYYY-MM-DD"


def duration(wait: timedelta) -> str:
    """Return a duration as text: 45 s, 12 min, 3 h 05, 2 d 4 h."""
    seconds = max(int(wait.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d}"
    return t("{days} d {hours} h", days=seconds // 86400, hours=seconds % 86400 // 3600)
