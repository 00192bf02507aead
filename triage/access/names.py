"""Names of people and peers: visible, unlike each other, and not those that the product itself writes."""

from __future__ import annotations

import unicodedata
from functools import cache

from confusable_homoglyphs.confusables import confusables_data, is_dangerous

from triage.errors import RefusedNameError
from triage.text import one_line

#: Characters of a name.
MAX_NAME = 80
#: Who else stands in the audit trail; nobody may sign as one of them.
RESERVED = frozenset(
    {"ai", "upload", "demo", "unnamed reader", "administrator", "system", "stranger", "triage_token"}
    | {"record", "first start", "start of the server"}
)
RESERVED_START = "dicomweb"
#: How whoever works on the console stands there: after the name that the operating system has.
RESERVED_END = "command line"
#: Without regard to case, these cannot be told apart in every typeface.
LOOK_ALIKE = str.maketrans("i1|0", "lllo")


def checked(name: str) -> str:
    """Return a name as it is shown.

    Raises
    ------
    RefusedNameError
        If it is empty or too long, has characters that cannot be seen, mixes alphabets that look alike, or is a name
        that the product itself uses.
    """
    shown = unicodedata.normalize("NFC", name)
    if one_line(shown) != shown or not shown:
        raise RefusedNameError("A name needs characters that can be seen, on one line. Type it anew.")
    if len(shown) > MAX_NAME:
        raise RefusedNameError(f"A name has at most {MAX_NAME} characters. Shorten it.")
    if any(_is_dangerous(word) for word in shown.split()):
        raise RefusedNameError("This name mixes alphabets whose letters look alike. Type it in one alphabet.")
    if is_reserved(shown):
        raise RefusedNameError("NeuroTriage itself uses this name. Choose another.")
    return shown


def is_reserved(name: str) -> bool:
    """Return whether a name is, or looks like, one that the product itself writes into the record."""
    alike = skeleton(name)
    parts = alike.startswith(skeleton(RESERVED_START)) or alike.endswith(skeleton(RESERVED_END))
    return parts or alike in _reserved()


def skeleton(name: str) -> str:
    """Return what all names that look alike have in common (the idea of UTS 39): case, accents, spaces and punctuation
    do not count, and every character becomes the one that it can be taken for.
    """
    folded = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(map(_prototype, folded))
    letters = "".join(character for character in plain if character.isalnum())
    return letters.translate(LOOK_ALIKE).replace("rn", "m").replace("vv", "w")


def _is_dangerous(word: str) -> bool:
    return bool(is_dangerous(word))


@cache
def _prototype(character: str) -> str:
    """Return the character that others are taken for; the table lists it as the only look-alike of each of them."""
    alike = [entry["c"] for entry in confusables_data.get(character, ())]
    return unicodedata.normalize("NFKD", alike[0]).casefold() if len(alike) == 1 else character


@cache
def _reserved() -> frozenset[str]:
    return frozenset(map(skeleton, RESERVED))
