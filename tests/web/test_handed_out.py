"""A file of a page is for the session whose page was sent its address, and for nobody else."""

from __future__ import annotations

from triage.web import handed_out
from triage.web.handed_out import HandedOut

ID = "3f" * 28


def test_only_who_was_sent_an_address_may_use_it() -> None:
    files = HandedOut()
    files.note("ada", b"\x0a\x12 a message /media/" + ID.encode() + b".zip and more")
    assert files.holds("ada", f"/media/{ID}.zip")
    assert not files.holds("ben", f"/media/{ID}.zip")
    assert not files.holds("ada", f"/media/{'4' * 56}.zip")
    assert not files.holds("ada", "/media/../secret")


def test_what_nobody_needs_is_forgotten() -> None:
    files = HandedOut()
    for number in range(handed_out.MAX_FILES + 1):
        files.note("ada", f"/media/{number:056x}.png".encode())
    assert not files.holds("ada", f"/media/{0:056x}.png")
    assert files.holds("ada", f"/media/{1:056x}.png")
    for number in range(handed_out.MAX_SESSIONS):
        files.note(str(number), f"/media/{ID}".encode())
    assert not files.holds("ada", f"/media/{1:056x}.png")
