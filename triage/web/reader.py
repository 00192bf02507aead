"""Who asks, and from where: the routes that the pages call know the reader by the cookie of the pages.

Tested in tests/web/test_marks.py.
"""

from __future__ import annotations

from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request

from triage.text import visible

#: Cookie of the reader's name, and characters of the name, as the pages have them (`triage/ui/state.py`).
COOKIE = "triage_reader"
MAX_READER = 80


def reader_of(request: Request) -> str:
    """Return the reader's name, "" if none is entered; the cookie of a browser may hold anything."""
    return visible(unquote(request.cookies.get(COOKIE, "")), MAX_READER)


def refuse_other_sites(request: Request) -> None:
    """Refuse a request that a page of another site made.

    Raises
    ------
    HTTPException
        403.
    """
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise HTTPException(403, "Only the pages of this installation may ask for this.")
