"""Names as senders give them, made safe to show; never used as a path."""

from __future__ import annotations

import unicodedata

MAX_NAME = 120
#: Control, format (direction, zero width), surrogate, private and unassigned characters; line and paragraph breaks.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def display_name(name: str) -> str:
    """Return the last part of a name without what cannot be shown: paths, control and direction characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c) not in UNSEEN).strip()
    return shown[:MAX_NAME].strip() or "unnamed"
