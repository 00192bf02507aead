"""The cookies of a browser: of its session, and one that lasts, by which a browser is known again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from starlette.responses import Response

#: A year: seconds.
LASTING = 365 * 24 * 3600
SESSION, DEVICE = "triage_session", "triage_device"


#: What a name of a cookie is made of (RFC 6265). With anything else before it, a browser takes ``__Host-`` from any
#: host of the domain, and Python's `strip` takes that away as white space.
NAME = re.compile(rb"[\w!#$%&'*+.^`|~-]*", re.ASCII)


def with_names(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request without cookies whose names are none."""
    return [
        (name, b";".join(one for one in value.split(b";") if _has_name(one)) if name == b"cookie" else value)
        for name, value in headers
    ]


def _has_name(cookie: bytes) -> bool:
    return NAME.fullmatch(cookie.partition(b"=")[0].strip(b" \t")) is not None


def name_of(cookie: str, *, secure: bool) -> str:
    """Return the name of a cookie; behind https browsers then refuse one that another host of the domain sets."""
    return f"__Host-{cookie}" if secure else cookie


def session_of(cookies: Mapping[str, str], *, secure: bool) -> str:
    """Return the secret of the session that the cookies of a browser hold, "" without."""
    return cookies.get(name_of(SESSION, secure=secure), "")


def device_of(cookies: Mapping[str, str], *, secure: bool) -> str:
    """Return the secret by which a browser is known again, "" at its first visit."""
    return cookies.get(name_of(DEVICE, secure=secure), "")[:64]


def keep(answer: Response, cookie: str, value: str, *, secure: bool) -> None:
    """Set a cookie that no script can read and no other site can send along; an empty value removes it."""
    age = 0 if not value else LASTING if cookie == DEVICE else None
    answer.set_cookie(
        name_of(cookie, secure=secure), value, max_age=age, path="/", secure=secure, httponly=True, samesite="lax"
    )
