"""What is guessed first of a password: the most common ones, repeated words, rows of keys, and names that belong to it.

There is no rule about kinds of characters (NIST SP 800-63B, 5.1.1.2). Tested in tests/access/test_passwords.py.
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
#: Keys that lie beside each other, and what counts on.
ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1q2w3e4r5t6z7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1qay2wsx3edc4rfv5tgb6zhn7ujm",
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
    key = _key(password)[:LONGEST]
    left = _once(key)
    if len(left) * 2 <= len(key) + RUN:  # a year or a number may follow
        return True
    for word in _common():
        left = left.replace(word, "")
    return len(_without_rows(left)) < LEFT


def holds_name(password: str, names: Iterable[str]) -> bool:
    """Return whether a password holds a name, a part of one, or that of the product."""
    parts = [part for name in (*names, PRODUCT) for part in (name, *re.split(r"[\W_]+", name))]
    key = _key(password)
    return any(len(part) >= NAME and part in key for part in map(_key, parts))


def _key(text: str) -> str:
    """Return what ways of writing a text have in common."""
    return skeleton(text.translate(STANDS_FOR))


def _once(key: str) -> str:
    """Return a text in which nothing stands twice in a row."""
    shorter = re.sub(r"(.+?)\1+", r"\1", key)
    return key if shorter == key else _once(shorter)


@cache
def _common() -> tuple[str, ...]:
    """Return the common passwords, also as they are after what is repeated in them was taken out; the longest first."""
    keys = {_once(_key(word)) for word in COMMON.read_text().split()}
    return tuple(sorted(keys, key=lambda key: (-len(key), key)))


@cache
def _rows() -> tuple[str, ...]:
    keys = [_key(row) for row in ROWS]
    return (*keys, *(key[::-1] for key in keys))


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
