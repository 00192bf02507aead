"""A file of a page, and the page itself, is for the session that was sent its address, and for nobody else."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers
from starlette.types import Scope

from triage.web import handed_out
from triage.web.handed_out import WORDS, HandedOut

ID = "3f" * 28
PAGE = "0b8e6f5a-6d0e-4f3c-9c55-0f4f0f2b9a11"


def test_only_who_was_sent_an_address_may_use_it() -> None:
    files = HandedOut()
    files.note("ada", [f"/media/{ID}.zip"])
    assert files.holds("ada", f"/media/{ID}.zip")
    assert not files.holds("ben", f"/media/{ID}.zip")
    assert not files.holds("ada", f"/media/{'4' * 56}.zip")
    assert not files.holds("ada", "/media/../secret")


def test_what_nobody_needs_is_forgotten() -> None:
    files = HandedOut()
    for number in range(handed_out.MAX_THINGS + 1):
        files.note("ada", [f"/media/{number:056x}.png"])
    assert not files.holds("ada", f"/media/{0:056x}.png")
    assert files.holds("ada", f"/media/{1:056x}.png")
    for number in range(handed_out.MAX_SESSIONS):
        files.note(str(number), [f"/media/{ID}"])
    assert not files.holds("ada", f"/media/{1:056x}.png")


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("streamlit", "streamlit"),
        ("streamlit, token", "streamlit, token"),
        (f"streamlit, token, {PAGE}", f"streamlit, token, {PAGE}"),
        (f"streamlit, token, {PAGE[::-1]}", "streamlit, token"),
        (f"streamlit,,{PAGE[::-1]},{PAGE}", "streamlit,"),
    ],
)
def test_a_page_goes_on_only_in_the_session_that_opened_it(words: str, seen: str) -> None:
    pages = HandedOut()
    pages.note("ada", [PAGE])
    scope: Scope = {"type": "websocket", "headers": [(WORDS.encode(), words.encode()), (b"host", b"here")]}
    assert Headers(scope=pages.begins_anew("ada", scope))[WORDS] == seen
    of_another = Headers(scope=pages.begins_anew("ben", scope))
    assert of_another[WORDS] == ",".join(words.split(",")[:2])
    assert of_another["host"] == "here"
    assert Headers(scope=scope)[WORDS] == words


def test_a_request_that_is_no_page_stays_as_it_is() -> None:
    scope: Scope = {"type": "http", "headers": [(b"host", b"here")]}
    assert HandedOut().begins_anew("ada", scope) is scope
