"""Names as senders give them, made safe to show; never used as a path."""

from __future__ import annotations

import unicodedata

MAX_NAME = 120
#: Control, format (direction, zero width), surrogate, private and unassigned characters; line and paragraph breaks.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
#: A spreadsheet evaluates a cell that begins with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def display_name(name: str) -> str:
    """Return the last part of a name without what cannot be shown: paths, control and direction characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c) not in UNSEEN).strip()
    return shown[:MAX_NAME].strip() or "unnamed"


def csv_cell(text: str) -> str:
    """Return a text for a CSV cell, with an apostrophe before what a spreadsheet would evaluate as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
