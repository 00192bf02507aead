"""What counts as a cookie of ours: one under a name that no other host of the domain can set."""

from __future__ import annotations

import pytest

from triage.web import cookies


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a=1; b=2", b"a=1; b=2"),
        (b"a=1;\tb=2; ", b"a=1;\tb=2; "),
        (b"a=1; \xa0a=2; b=3", b"a=1; b=3"),
        (b"\x85a=1", b""),
        (b"\x1ca=1;a\x0b=2;a =3", b"a =3"),
        (b"other=\xe4=\xa0", b"other=\xe4=\xa0"),
        (b"", b""),
    ],
)
def test_a_cookie_whose_name_is_none_is_left_out(sent: bytes, kept: bytes) -> None:
    others = [(b"host", b"\xa0"), (b"accept", b"*/*")]
    assert cookies.with_names([(b"cookie", sent), *others]) == [(b"cookie", kept), *others]
