"""Sign-in by the service of the hospital (OpenID Connect): authorization code with PKCE and nonce, by Authlib."""

from __future__ import annotations

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from triage.access.access import Access
from triage.access.sign_in import Caller
from triage.errors import SignInError
from triage.languages.speech import later
from triage.web.guard import person_of
from triage.web.site import Site, local_path

logger = logging.getLogger(__name__)

NAME = "service"
CONFIGURATION = "/.well-known/openid-configuration"
BACK = "/sign-in/oidc/back"
#: Cookie that binds a browser to the sign-in that it began.
COOKIE = "triage_oidc"
#: Sign-ins that are under way, and how long one may take: seconds.
MAX_UNDER_WAY, TIME = 1_000, 600
#: Seconds that the service may be silent.
SILENCE = 10.0
OFF = later("There is no sign-in service. Sign in with a password.")
AWAY = later(
    "The sign-in service does not answer. Try again; if it stays so, ask an administrator to check TRIAGE_OIDC_ISSUER."
)
FAILED = later("The sign-in service did not vouch for you. Try again, from the beginning.")
TOO_LONG = later("This sign-in took too long, or began in another browser. Begin anew.")
ENDED = later("Your session has ended meanwhile. Sign in.")


class Service:
    """The sign-in service of an installation.

    Parameters
    ----------
    access
        Returns the access of the installation; called for every request.
    """

    def __init__(self, access: Callable[[], Access]) -> None:
        self._access = access
        self._client: Any = None
        self._under_way: OrderedDict[str, dict[str, Any]] = OrderedDict()

    async def leave(self, request: Request, site: Site) -> Response:
        """Send a browser to the service. With ``?again=1``, it asks for the password anew, for a signature.

        Raises
        ------
        SignInError
            If there is no service, or it does not answer.
        """
        asked = local_path(request.query_params.get("next", "/"))
        again = {"max_age": 0, "prompt": "login"} if request.query_params.get("again") else {}
        kept: dict[str, Any] = {}
        request.scope["session"] = kept
        try:
            answer: Response = await self._of().authorize_redirect(request, site.base(request.headers) + BACK, **again)
        except Exception as error:  # of the network, or of what the service says about itself
            logger.warning("the sign-in service was not reached: %s", type(error).__name__)
            raise SignInError(AWAY) from error
        key = secrets.token_urlsafe(32)
        self._under_way[key] = {"session": kept, "next": asked, "again": bool(again), "until": time.monotonic() + TIME}
        while len(self._under_way) > MAX_UNDER_WAY:
            self._under_way.popitem(last=False)
        answer.set_cookie(COOKIE, key, TIME, path="/sign-in/oidc", secure=site.secure, httponly=True, samesite="lax")
        return answer

    async def come_back(self, request: Request, caller: Caller) -> tuple[str, str]:
        """Take the answer of the service, and return the secret of a new session and where to go.

        The secret is "" for somebody who is signed in and proved it anew.

        Raises
        ------
        SignInError
            If the answer is not to what this browser asked, or not of the service; or the person has no role here.
        """
        begun = self._under_way.pop(request.cookies.get(COOKIE, ""), None)
        if begun is None or begun["until"] < time.monotonic():
            raise SignInError(TOO_LONG)
        request.scope["session"] = begun["session"]
        settings = self._access().settings
        client = self._of()
        try:
            token = await client.authorize_access_token(request)
            claims = dict(token["userinfo"])
            if settings.oidc_groups not in claims or settings.oidc_name not in claims:
                more = dict(await client.userinfo(token=token))
                claims |= more if more.get("sub") == claims["sub"] else {}
        except Exception as error:  # whatever is wrong with the answer, nobody is signed in
            logger.warning("the sign-in service's answer was refused: %s", type(error).__name__)
            raise SignInError(FAILED) from error
        sign_in, issuer = self._access().sign_in, settings.oidc_issuer
        if begun["again"]:
            person = person_of(request.scope)
            if person is None:
                raise SignInError(ENDED)
            await to_thread.run_sync(sign_in.prove_by_service, person, issuer, claims, token.get("id_token", ""))
            return "", begun["next"]
        names = (settings.oidc_name, "name", "preferred_username", "email")
        secret = await to_thread.run_sync(
            sign_in.by_service, issuer, claims, names, settings.oidc_groups, token.get("id_token", ""), caller
        )
        return secret, begun["next"]

    async def end_address(self, request: Request, site: Site, id_token: str) -> str:
        """Return where the service ends its own session; "" if it has no such address or does not answer."""
        after = site.base(request.headers) + "/sign-in"
        try:
            found = await self._of().create_logout_url(post_logout_redirect_uri=after, id_token_hint=id_token)
        except Exception as error:  # signed out here all the same
            logger.warning("the sign-in service was not asked to sign out: %s", type(error).__name__)
            return ""
        return str(found["url"])

    def _of(self) -> Any:
        settings = self._access().settings
        if not settings.oidc_issuer:
            raise SignInError(OFF)
        if self._client is None:
            # Only where there is a service: it takes a quarter of a second to import.
            from authlib.integrations.starlette_client import OAuth

            registry = OAuth()
            registry.register(
                NAME,
                client_id=settings.oidc_client_id,
                client_secret=settings.oidc_client_secret.get_secret_value(),
                server_metadata_url=settings.oidc_issuer + CONFIGURATION,
                client_kwargs={
                    "scope": settings.oidc_scope,
                    "code_challenge_method": "S256",
                    "timeout": SILENCE,
                    "trust_env": False,
                },
            )
            self._client = registry.create_client(NAME)
        return self._client
