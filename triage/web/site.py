"""Under which address this installation is asked, by whose pages, and whether the address is one at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from triage.access.access import is_loopback

#: Under which a request carries the address of the installation, "" where none is set.
ADDRESS = "triage.address"
#: Values of Sec-Fetch-Site (Fetch Metadata): our own pages, and an address typed or followed from a bookmark.
OURS = frozenset({"same-origin", "none"})
#: A percent sign that does not begin an encoded byte.
BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
#: Methods that change nothing.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Site:
    """The address of an installation.

    Attributes
    ----------
    address
        As people type it, without a slash at the end; "" is this computer.
    """

    address: str

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https."""
        return self.address.startswith("https://")

    def knows_host(self, host: str) -> bool:
        """Return whether a Host header names this installation: its address, or this computer for whoever sits at it.

        Any other name may be one that a stranger points here, so that a foreign page counts as ours (DNS rebinding).
        """
        try:
            asked = urlsplit(f"//{host}")
            name, _ = asked.hostname, asked.port
        except ValueError:
            return False
        if not name or asked.username is not None or asked.path or asked.query or asked.fragment:
            return False
        return is_loopback(name) or host.lower() == urlsplit(self.address).netloc.lower()

    def base(self, headers: Headers) -> str:
        """Return the address that a request came to, for links back to here; its host is known."""
        host = headers.get("host", "")
        if self.address and host.lower() == urlsplit(self.address).netloc.lower():
            return self.address
        return f"http://{host}"

    def is_foreign(self, kind: str, method: str, headers: Headers) -> bool:
        """Return whether the page of another site makes a browser send this.

        A link from another site may open a page; everything else may not. Programs send neither header.
        """
        origin = headers.get("origin")
        changes = kind == "websocket" or method not in SAFE
        if changes and origin is not None:
            return origin.lower() != self.base(headers).lower()
        came_from = headers.get("sec-fetch-site", "none")
        if came_from in OURS:
            return False
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return changes or not followed


def is_broken(scope: Scope) -> bool:
    """Return whether the address of a request is not percent-encoded UTF-8, or holds a zero byte."""
    sent = b"?".join((scope.get("raw_path") or b"", scope.get("query_string") or b""))
    if BROKEN.search(sent):
        return True
    try:
        return "\0" in unquote_to_bytes(sent).decode()
    except UnicodeDecodeError:
        return True


def local_path(asked: str) -> str:
    """Return where to go after the sign-in: a path of this installation, never an address elsewhere."""
    try:
        parts = urlsplit(asked)
    except ValueError:
        return "/"
    elsewhere = parts.scheme or parts.netloc or "\\" in asked or not asked.isprintable()
    if elsewhere or not asked.startswith("/") or asked.startswith("//"):
        return "/"
    return "/" if parts.path.startswith(("/sign-", "/session", "/_stcore", "/media")) else asked
