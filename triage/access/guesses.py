"""What is guessed first of a password: common words, years and dates, rows of keys, what repeats itself, and names that
belong to it; each of them also backwards.

There is no rule about kinds of characters (NIST SP 800-63B, 5.1.1.2). Tested in tests/access/test_guesses.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from triage.access.names import skeleton

#: Words that lead every list of leaked passwords, and what is near at hand here, in both languages.
COMMON = Path(__file__).with_name("common.txt")
PRODUCT = "NeuroTriage"
#: Keys that lie beside or below each other, and what counts on.
ROWS = Path(__file__).with_name("rows.txt")
#: Years, and dates in the orders of Germany, of the USA and of ISO 8601.
YEAR = r"(?:19|20)\d\d"
DATES = re.compile(
    rf"{YEAR}[\W_]?[01]\d[\W_]?[0-3]\d|[0-3]?\d[\W_][0-3]?\d[\W_](?:{YEAR}|\d\d)|[0-3]\d[0-3]\d{YEAR}"
    r"|(?<!\d)[0-3]\d[0-3]\d\d\d(?!\d)"
    rf"|{YEAR}"
)
#: Characters of a row that are no chance any more, of a part of a name, and those that must be left of a password
#: without all this.
RUN, NAME, LEFT = 4, 4, 8
#: Characters that are looked at: some letters stand for many.
LONGEST = 256
#: Signs that stand for letters, as in p@$$w0rd.
STANDS_FOR = str.maketrans("@$3457", "aseast")


def is_common(password: str) -> bool:
    """Return whether a password repeats itself, or nearly nothing is left of it without what is guessed first."""
    return _is_common(password) or _is_common(password[::-1])


def holds_name(password: str, names: Iterable[str]) -> bool:
    """Return whether a password holds a name, a part of one, or that of the product, also backwards."""
    parts = [part for name in (*names, PRODUCT) for part in (name, *re.split(r"[\W_]+", name))]
    key, _ = _split(password)
    keys = [_split(part)[0] for part in parts]
    return any(len(one) >= NAME and (one in key or one[::-1] in key) for one in keys)


def _is_common(text: str) -> bool:
    letters, signs = _split(DATES.sub("", text))
    left, others = _once(letters), _once(signs)
    length = len(letters) + len(signs)
    repeated = length - len(left) - len(others)
    if repeated > RUN and repeated * 2 + RUN >= length:  # a number may follow
        return True
    for word in _common():
        left = left.replace(word, "")
    return len(_without_rows(left)) + len(_without_rows(others)) < LEFT


def _split(text: str) -> tuple[str, str]:
    """Return what ways of writing a text have in common, letters and digits, and its other signs as they are."""
    plain = text.translate(STANDS_FOR)
    letters = "".join(skeleton(sign) for sign in plain if sign.isalnum())
    return letters[:LONGEST], "".join(sign for sign in plain if not sign.isalnum())


def _once(key: str) -> str:
    """Return a text in which nothing stands twice in a row."""
    shorter = re.sub(r"(.+?)\1+", r"\1", key, flags=re.DOTALL)
    return key if shorter == key else _once(shorter)


@cache
def _common() -> tuple[str, ...]:
    """Return the common words as they are without repetitions, forwards and backwards; the longest first."""
    return tuple(sorted(_both_ways(COMMON), key=lambda key: (-len(key), key)))


@cache
def _rows() -> frozenset[str]:
    return _both_ways(ROWS)


def _both_ways(file: Path) -> frozenset[str]:
    keys = {_once(max(_split(word), key=len)) for word in file.read_text("utf-8").split()}
    return frozenset(keys | {key[::-1] for key in keys})


def _without_rows(key: str) -> str:
    """Return what is left without parts of rows."""
    at, left = 0, ""
    while at < len(key):
        end = at
        while end < len(key) and any(key[at : end + 1] in row for row in _rows()):
            end += 1
        if end - at < RUN:
            left, end = left + key[at], at + 1
        at = end
    return left
