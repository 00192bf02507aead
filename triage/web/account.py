"""One's own account: password, one-time codes, sessions; ``/account``. Tested in tests/web/test_sign_in.py."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from triage.access import codes, passwords
from triage.access.person import Person
from triage.errors import DeniedError, SignInError, StorageError, ThrottledError
from triage.languages.speech import later, t
from triage.pipeline.installation import Installation
from triage.web.guard import AWAY, person_of
from triage.web.pages import caller, form, origin_of, page
from triage.web.site import Site

DIFFER = later("The two new passwords differ. Type the new one twice.")

Act = Callable[[Person, dict[str, str], Request], str]


class OwnAccount:
    """The routes below ``/account``.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes, for the server of the pages."""
        acts = {"password": self._password, "codes": self._codes, "sessions": self._sessions}
        posts = [Route(f"/account/{name}", self._acting(act), methods=["POST"]) for name, act in acts.items()]
        return [Route("/account", self._show), *posts]

    @property
    def _site(self) -> Site:
        return Site(self._installation().settings.address)

    async def _show(self, request: Request) -> Response:
        person = person_of(request.scope)
        if person is None or not person.session:  # single-user mode has no accounts
            return RedirectResponse("/", 303)
        return await to_thread.run_sync(lambda: self._page(person))

    def _acting(self, act: Act) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            person = person_of(request.scope)
            if person is None or not person.session:
                return RedirectResponse("/", 303)
            sent = await form(request)

            def answered() -> Response:
                status, error, done = 200, "", ""
                try:
                    done = act(person, sent, request)
                except ThrottledError as refused:
                    status, error = 429, str(refused)
                except (SignInError, DeniedError) as refused:
                    status, error = 422, str(refused)
                except StorageError:
                    status, error = 503, AWAY
                return self._page(person, status, error=error, done=done)

            return await to_thread.run_sync(answered)

        return endpoint

    def _page(self, person: Person, status: int = 200, **said: str) -> Response:
        access, store = self._installation().access, self._installation().store
        account, key = store.accounts.get(person.account), codes.secret()
        return page(
            "account.html",
            status,
            goes_to=origin_of(access.settings.oidc_issuer),
            name=account.name,
            login=account.login,
            roles=", ".join(t(one) for one in sorted(account.roles)),
            local=not account.subject,
            must_change=account.must_change,
            min_length=passwords.MIN_LENGTH,
            has_codes=bool(account.totp),
            key=key,
            qr=b64encode(codes.qr(key, account.login)).decode(),
            sessions=access.live.of(account.id),
            session=person.session,
            **said,
        )

    def _password(self, person: Person, sent: dict[str, str], request: Request) -> str:
        if sent.get("new", "") != sent.get("again", ""):
            raise SignInError(DIFFER)
        access = self._installation().access
        access.sign_in.change_password(person, sent.get("old", ""), sent.get("new", ""), caller(request, self._site))
        return t("The password is changed. You were signed out everywhere else.")

    def _codes(self, person: Person, sent: dict[str, str], request: Request) -> str:
        key = sent.get("key", "")
        self._installation().access.sign_in.set_codes(
            person, key, sent.get("password", ""), sent.get("code", ""), caller(request, self._site)
        )
        if key:
            return t("The sign-in asks for a code from now on.")
        return t("The sign-in asks for no code any more.")

    def _sessions(self, person: Person, sent: dict[str, str], request: Request) -> str:  # noqa: ARG002
        ended = self._installation().access.live.end(account_id=person.account, but=person.session)
        return t("Signed out elsewhere: {count}.", count=ended)
