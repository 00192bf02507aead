"""From whom a request comes that a proxy passes on: an address counts if a proxy is set up and it is one.

Tested in tests/web/test_forwarded.py.
"""

from __future__ import annotations

from ipaddress import ip_address
from os import environ
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

#: Under which a request carries the address of its connection while it is looked at.
CONNECTION = "triage.connection"
#: Names the proxies.
VARIABLE = "FORWARDED_ALLOW_IPS"


def proxies(address: str) -> str:
    """Return which proxies are set up, as `FORWARDED_ALLOW_IPS` has them; "" is none.

    Parameters
    ----------
    address
        Of the installation. One with https has a proxy, which sits on this computer unless the variable says otherwise.
    """
    return environ.get(VARIABLE, "127.0.0.1,::1" if address.startswith("https://") else "")


class Forwarded:
    """ASGI middleware that takes the address of the client from a proxy.

    Parameters
    ----------
    app
        Everything that is served.
    proxies
        Their addresses and networks, with commas; "" is none.
    """

    def __init__(self, app: Any, proxies: str) -> None:
        self._app = app
        self._first: Any = ProxyHeadersMiddleware(self._then, proxies) if proxies else app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        scope[CONNECTION] = scope.get("client")
        await self._first(scope, receive, send)

    async def _then(self, scope: Any, receive: Any, send: Any) -> None:
        client, connection = scope.get("client"), scope[CONNECTION]
        if client != connection:
            known = _known(str(client[0]))
            scope["client"] = (known, client[1]) if known else connection
        await self._app(scope, receive, send)


def _known(claimed: str) -> str:
    """Return an IP address in its usual form, "" for anything else; after a % anything may stand."""
    try:
        return "" if "%" in claimed else str(ip_address(claimed))
    except ValueError:
        return ""
