"""The sign-in, the sign-out, and how long a session still lasts: ``/sign-in``, ``/sign-out`` and ``/session``."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from triage.access.access import Access
from triage.errors import SignInError, StorageError, ThrottledError, TriageError
from triage.languages.speech import later, t
from triage.pipeline.installation import Installation
from triage.settings import ROOT
from triage.web import cookies
from triage.web.guard import AWAY, READER, person_of
from triage.web.oidc import Service
from triage.web.pages import caller, form, page
from triage.web.site import Site, local_path

FILES = {"style.css": "sign-in.css", "logo.svg": "logo.svg", "icon.svg": "icon.svg"}
ALONE = later(
    "There are no accounts yet. Make the first on the console: python -m triage account add NAME --role administrator"
)


class SignInPages:
    """The routes of the sign-in.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation
        self._service = Service(lambda: installation().access)

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes, for the server of the pages."""
        return [
            Route("/sign-in", self._show),
            Route("/sign-in", self._enter, methods=["POST"]),
            Route("/sign-in/oidc", self._leave_for_the_service),
            Route("/sign-in/oidc/back", self._come_back),
            Route("/sign-in/{name}", _file),
            Route("/sign-out", self._sign_out, methods=["POST"]),
            Route("/session", self._session, methods=["GET", "POST"]),
        ]

    @property
    def _access(self) -> Access:
        return self._installation().access

    @property
    def _site(self) -> Site:
        return Site(self._access.settings.address)

    async def _show(self, request: Request) -> Response:
        asked = local_path(request.query_params.get("next", "/"))
        if person_of(request.scope) is not None:
            return RedirectResponse(asked, 303)
        return self._page(asked)

    def _page(self, asked: str, status: int = 200, error: str = "", login: str = "") -> Response:
        issuer = self._access.settings.oidc_issuer
        service = urlsplit(issuer).hostname or "" if issuer else ""
        local = self._access.has_passwords()
        error = error or ("" if local or service else ALONE)
        return page("sign_in.html", status, next=asked, service=service, local=local, error=error, login=login)

    async def _enter(self, request: Request) -> Response:
        """Take name and password; where they are right, begin a session under a new secret."""
        sent = await form(request)
        asked, login = local_path(sent.get("next", "/")), sent.get("login", "")
        device = cookies.device_of(request.cookies, secure=self._site.secure) or secrets.token_urlsafe(32)
        from_here = caller(request, self._site, device)
        try:
            secret = await to_thread.run_sync(
                self._access.sign_in.with_password, login, sent.get("password", ""), sent.get("code", ""), from_here
            )
        except ThrottledError as error:
            answer = self._page(asked, 429, str(error), login)
            answer.headers["Retry-After"] = str(error.seconds)
            return answer
        except SignInError as error:
            return self._page(asked, 401, str(error), login)
        except StorageError:
            return self._page(asked, 503, AWAY, login)
        return self._signed_in(secret, device, asked)

    async def _leave_for_the_service(self, request: Request) -> Response:
        try:
            return await self._service.leave(request, self._site)
        except SignInError as error:
            return self._page("/", 503, str(error))

    async def _come_back(self, request: Request) -> Response:
        device = cookies.device_of(request.cookies, secure=self._site.secure) or secrets.token_urlsafe(32)
        try:
            secret, asked = await self._service.come_back(request, caller(request, self._site, device))
        except StorageError:
            return self._page("/", 503, AWAY)
        except TriageError as error:  # also a name that nobody may have, or the last administrator who loses the role
            return self._page("/", 401, str(error))
        if not secret:  # signed in before, and proved it
            return RedirectResponse(asked, 303)
        return self._signed_in(secret, device, asked)

    def _signed_in(self, secret: str, device: str, asked: str) -> Response:
        answer = RedirectResponse(asked, 303)
        cookies.keep(answer, cookies.SESSION, secret, secure=self._site.secure)
        cookies.keep(answer, cookies.DEVICE, device, secure=self._site.secure)
        # The viewer keeps unsaved marks in the browser by reader. Nothing here believes this cookie.
        person = self._access.live.person(secret)
        answer.set_cookie(READER, quote(person.name if person else ""), secure=self._site.secure, samesite="strict")
        return answer

    async def _sign_out(self, request: Request) -> Response:
        """End the session in all tabs, and lead on to where the sign-in service ends its own."""
        person = person_of(request.scope)
        target = "/sign-in"
        if person is not None and person.session:
            from_here = caller(request, self._site)
            id_token = await to_thread.run_sync(self._access.sign_in.sign_out, person, from_here)
            if id_token:
                target = await self._service.end_address(request, self._site, id_token) or target
        by_script = "application/json" in request.headers.get("accept", "")
        answer: Response = JSONResponse({"next": target}) if by_script else RedirectResponse(target, 303)
        cookies.keep(answer, cookies.SESSION, "", secure=self._site.secure)
        answer.delete_cookie(READER)
        answer.headers["Clear-Site-Data"] = '"cache"'
        return answer

    async def _session(self, request: Request) -> Response:
        """Tell that the session lasts; the guard answers 401 once it has ended. A POST says that a person is there."""
        person = person_of(request.scope)
        return JSONResponse({"name": person.name if person else "", "alone": not (person and person.session)})


def _file(request: Request) -> Response:
    name = FILES.get(request.path_params["name"])
    if name is None:
        raise HTTPException(404, t("There is no such file. Open /sign-in."))
    return FileResponse(ROOT / "assets" / name, headers={"Cache-Control": "no-cache"})
