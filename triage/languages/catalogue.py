"""The messages of one language, from its gettext catalogue, and sentences with values in them told again in it.

The rooms that make a sentence know no language: they raise or store it in English, with its values filled in. A message
with holes, ``Too small: {width} x {height} pixels``, is matched against such a sentence, and its translation is filled
with the same values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property, lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.lists import format_list
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

FOLDER = Path(__file__).parent
#: Languages that a reader can choose, each by its own name; English is that of the sources.
LANGUAGES = {"en": "English", "de": "Deutsch"}
HOLE = re.compile(r"\{(\w+)\}")
#: Whose messages the scripts of the browser show: their own, and the terms that the server sends as they are.
BROWSER = ("assets/", "triage/domain/")
#: Letters that a message must have outside its holes to be matched: " and " is part of too many sentences.
MIN_LETTERS = 4
#: Values that are written as the language writes numbers and dates.
DECIMAL = re.compile(r"-?\d{1,6}\.\d{1,4}")
GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
#: Between the terms of a list.
LISTED = re.compile(r", | and | or ")
#: Holes that hold what a person or a file says, word for word.
QUOTED = frozenset({"actor", "why", "path", "root", "folder", "reader", "mrn", "patient"})
#: Where a text falls into sentences that may have been joined.
JOINTS = re.compile(r"(?<=[.;:,]) (?=\S)| · ")
#: Most of what lies between such joints that is one message.
MOST_JOINED = 4
#: Longest text that is told again: characters.
MAX_TEXT = 1000
#: Characters of ``Accept-Language`` that are looked at.
MAX_ACCEPTED = 300


@dataclass(frozen=True)
class Catalogue:
    """The messages of one language.

    Attributes
    ----------
    code
        Of the language: ``de``.
    messages
        Translation by English message.
    browser
        Those of them that the scripts of the browser show.
    """

    code: str
    messages: Mapping[str, str]
    browser: frozenset[str]

    def retold(self, text: str) -> str:
        """Return a text of another room in this language; what no message matches stays as it is."""
        if not self.messages or not text or len(text) > MAX_TEXT:
            return text
        return self._whole(text) or "".join(self._parts(text))

    def _whole(self, text: str) -> str | None:
        if text in self.messages:
            return self.messages[text]
        for parts, holes, translation in self._templates:
            if (found := _between(parts, text)) is not None:
                pairs = zip(holes, found, strict=True)
                values = {hole: value if hole in QUOTED else self._value(value) for hole, value in pairs}
                return translation.format_map(values)
        return None

    def _value(self, value: str) -> str:
        """Return what stood in a hole: a number or a sentence of ours in this language, anything else as it was."""
        if DECIMAL.fullmatch(value):
            digits = len(value.partition(".")[2])
            return format_decimal(float(value), format=f"0.{'0' * digits}", locale=self.code)
        if GROUPED.fullmatch(value):
            return format_decimal(int(value.replace(",", "")), locale=self.code)
        if DAY.fullmatch(value):
            with suppress(ValueError):
                return format_date(date.fromisoformat(value), "medium", locale=self.code)
        listed = [self.messages.get(one, "") for one in LISTED.split(value)]
        if all(listed):
            return format_list(listed, "or" if " or " in value else "standard", locale=self.code)
        return self.retold(value)

    def _parts(self, text: str) -> Iterator[str]:
        """Give the sentences of a text one by one; each is the longest that a message matches."""
        cuts = [joint.span() for joint in JOINTS.finditer(text)]
        start = 0
        while start < len(text):
            ends = [(end, after) for end, after in cuts if end > start][:MOST_JOINED]
            for end, after in [(len(text), len(text)), *reversed(ends)]:
                told = self._whole(text[start:end]) or self._without_stop(text[start:end])
                if told is not None:
                    yield told + text[end:after]
                    start = after
                    break
            else:
                end, after = ends[0] if ends else (len(text), len(text))
                yield text[start:after]
                start = after

    def _without_stop(self, text: str) -> str | None:
        """Return a sentence whose last sign is not part of its message."""
        told = self._whole(text[:-1]) if text[-1:] in ".;:," else None
        return told + text[-1] if told is not None else None

    @cached_property
    def _templates(self) -> list[tuple[list[str], list[str], str]]:
        """What stands around the holes of a message, their names, its translation; messages that say most first."""
        found = []
        for message, translation in self.messages.items():
            around, holes = HOLE.split(message)[::2], HOLE.findall(message)
            if holes and sum(map(str.isalpha, "".join(around))) >= MIN_LETTERS:
                found.append((around, holes, translation))
        return sorted(found, key=lambda one: -sum(map(len, one[0])))


def _between(around: list[str], text: str) -> list[str] | None:
    """Return what stands in the holes of a message, or None; a regular expression could take for ever."""
    first, *middle, last = around
    if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
        return None
    values, at, end = [], len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return None
        values.append(text[at:found])
        at = found + len(part)
    return [*values, text[at:end]]


@cache
def catalogue(code: str) -> Catalogue:
    """Return the messages of a language; English has none, since messages are English."""
    if code == "en":
        return Catalogue(code, {}, frozenset())
    with (FOLDER / f"{code}.po").open("rb") as file:
        entries = [one for one in read_po(file, locale=code) if one.id and one.string]
    return Catalogue(
        code,
        {str(one.id): str(one.string) for one in entries},
        frozenset(str(one.id) for one in entries if any(name.startswith(BROWSER) for name, _ in one.locations)),
    )


def preferred(chosen: str, accepted: str) -> str:
    """Return the locale to write in: ``de_AT``, ``en``.

    Parameters
    ----------
    chosen
        Language that the reader chose; "" for none.
    accepted
        Languages that the browser accepts, as in ``Accept-Language``; what is no language is passed over.
    """
    return _preferred(chosen, accepted[:MAX_ACCEPTED])


@lru_cache(256)  # every sentence of a page asks
def _preferred(chosen: str, accepted: str) -> str:
    found = sorted(_weighed(accepted), key=lambda one: -one[0])
    known = [locale for _, locale in found if locale.language in LANGUAGES]
    if chosen in LANGUAGES:
        return str(next((locale for locale in known if locale.language == chosen), chosen))
    return str(known[0]) if known else "en"


def _weighed(accepted: str) -> Iterator[tuple[float, Locale]]:
    for part in accepted.split(","):
        name, _, quality = part.partition(";q=")
        with suppress(ValueError, UnknownLocaleError):
            yield float(quality or 1), Locale.parse(name.strip(), sep="-")
