"""Nobody gets in without a session: ASGI middleware around everything, pages, files, uploads and websockets alike.

Tested in tests/web/test_sign_in.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import quote, unquote

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.access.access import Access, is_loopback
from triage.access.names import MAX_NAME, is_reserved
from triage.access.person import Person, alone
from triage.access.roles import Right
from triage.errors import StorageError
from triage.languages.speech import later, retold, speaking, t
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.records import origin
from triage.records.origin import Origin
from triage.text import visible
from triage.web import cookies, faults
from triage.web.connections import Connections, Pages
from triage.web.handed_out import MEDIA, HandedOut
from triage.web.headers import with_headers
from triage.web.language import locale_of
from triage.web.media import ROOT
from triage.web.site import ADDRESS, SAFE, Site, is_broken

#: Under which a request carries the person who makes it.
PERSON = "triage.person"
#: In single-user mode, the cookie in which a browser remembers the reader's name, percent-encoded.
READER = "triage_reader"
#: What is served to everybody.
SIGN_IN_FILES = frozenset({"/sign-in/style.css", "/sign-in/logo.svg", "/sign-in/icon.svg"})
OPEN = SIGN_IN_FILES | {"/health", "/sign-in", "/sign-in/oidc", "/sign-in/oidc/back"}
#: What somebody gets whose password has to be changed first.
BEFORE_THE_CHANGE = frozenset({"/account", "/account/password", "/sign-out", "/session"})
#: What nobody gets: parts of Streamlit that the pages do not use.
CLOSED = ("/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check", "/app/static")
#: The right that a path needs; a session alone is enough for the others.
RIGHTS = (
    ("/viewer/modules/", Right.WORKLIST),
    ("/viewer/", Right.READ),
    ("/reading/modules/", Right.WORKLIST),
    ("/reading/", Right.READ),
    ("/worklist/rows.csv", Right.LIST),
    ("/worklist/", Right.WORKLIST),
    ("/events", Right.WORKLIST),
    ("/trail/", Right.AUDIT),
    ("/_stcore/upload_file", Right.UPLOAD),
)
#: A proxy adds these: whoever asks sits elsewhere.
FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
ELSEWHERE = later("This address is not the one of this installation. Open it under its own address (TRIAGE_ADDRESS).")
FOREIGN = later("Another site asked for this. Open it from NeuroTriage itself.")
NOT_HERE = later("Single-user mode serves this computer only. Make accounts (docs/access.md) to serve others.")
BROKEN = later("This address is damaged: it is not percent-encoded UTF-8. Open the page anew from the worklist.")
NOTHING = later("There is nothing here. Open the worklist.")
TOO_MANY = later("Too many pages are open here. Close some, then load this one again.")
SIGN_IN = later("Sign in first: open /sign-in in the browser.")
CHANGE = later("Change your password first: open /account in the browser.")
AWAY = later("The record does not answer. Try again in a few seconds.")


class Guard:
    """Lets people in who are signed in, and tells what is behind who they are (`PERSON` in the scope).

    Parameters
    ----------
    app
        Everything that is served.
    installation
        Returns the installation; called for every request.
    automatic
        Whether a message of a websocket was sent by a page itself, not by a person.
    handed_out
        The addresses of files, and the number of the page, that a message to a page hands out.
    """

    def __init__(
        self,
        app: ASGIApp,
        installation: Callable[[], Installation],
        automatic: Callable[[bytes], bool] = lambda _: False,
        handed_out: Callable[[bytes], Iterable[str]] = lambda _: (),
    ) -> None:
        self._app, self._installation, self._automatic, self._things = app, installation, automatic, handed_out
        self._connections, self._pages, self._handed_out = Connections(self._holds), Pages(), HandedOut()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        access, path = self._installation().access, str(scope["path"])
        site = Site(access.settings.address)
        scope[ADDRESS] = site.address
        scope["headers"] = cookies.with_names(scope["headers"])
        if scope["type"] == "http":
            send = with_headers(send, path, secure=site.secure)
        with speaking(locale_of(scope)):
            try:
                refusal = await self._refusal(scope, access, site)
            except StorageError as error:
                refusal = faults.answer(error, scope)
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
            return
        with origin.coming_from(origin_of(scope)):
            await self._within_limits(scope, receive, send, site)

    async def _within_limits(self, scope: Scope, receive: Receive, send: Send, site: Site) -> None:
        """Pass a request on, a page only if not too many are open."""
        if scope["type"] != "websocket":
            await self._let_in(scope, receive, send, site)
            return
        person = person_of(scope)
        with self._pages.one_more(person.session if person else "", address_of(scope)) as allowed:
            if allowed:
                await self._let_in(scope, receive, send, site)
            else:
                await _refuse(PlainTextResponse(t(TOO_MANY), 429), scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, site: Site) -> None:
        """Pass a request on; that of a session ends with it."""
        person = person_of(scope)
        if person is not None and person.session:
            secret = cookies.session_of(cookies_of(Headers(scope=scope)), secure=site.secure)
            await self._pass(scope, receive, send, secret, person.session)
        else:
            await self._app(scope, receive, send)

    async def _refusal(self, scope: Scope, access: Access, site: Site) -> Response | None:
        """Return the answer to a request that may not pass, or None; note in the scope who makes it."""
        headers, path, kind = Headers(scope=scope), str(scope["path"]), str(scope["type"])
        if is_broken(scope):
            return PlainTextResponse(t(BROKEN), 400)
        if not site.knows_host(headers.get("host", "")):
            return PlainTextResponse(t(ELSEWHERE), 421)
        if path == ROOT or path.startswith(f"{ROOT}/"):  # peers present a token, see triage.web.tokens
            return None
        if site.is_foreign(kind, str(scope.get("method", "")), headers):
            return PlainTextResponse(t(FOREIGN), 403)
        if path.startswith(CLOSED):
            return PlainTextResponse(t(NOTHING), 404)
        kept = cookies_of(headers)
        is_alone = access.known_single_user()
        if is_alone if is_alone is not None else await to_thread.run_sync(access.single_user):
            if not is_loopback(address_of(scope)) or any(name in headers for name in FORWARDED):
                return PlainTextResponse(t(NOT_HERE), 403)
            scope[PERSON] = alone(single_name(unquote(kept.get(READER, ""))))
            return None
        secret = cookies.session_of(kept, secure=site.secure)
        # What pages fetch by themselves does not prolong a session; assets/session.js says when a person is there.
        active = scope.get("method") not in SAFE or _is_page(scope, headers)
        known, person = access.live.cached(secret, active=active)
        if not known:
            person = await to_thread.run_sync(lambda: access.live.person(secret, active=active))
        scope[PERSON] = person
        if path in OPEN:
            return None
        if person is None:
            return _sign_in(scope, headers)
        if path.startswith(MEDIA) and not self._handed_out.holds(person.session, path):
            return PlainTextResponse(t(NOTHING), 404)
        if person.must_change and path not in BEFORE_THE_CHANGE:
            return RedirectResponse("/account", 303) if _is_page(scope, headers) else PlainTextResponse(t(CHANGE), 403)
        for start, right in RIGHTS:
            if path.startswith(start):
                if not person.may(right):
                    with origin.coming_from(origin_of(scope)):
                        await to_thread.run_sync(Acting(self._installation(), person).deny, right)
                    said = t("You may not do this: {right}. Ask an administrator for a role.", right=retold(right))
                    return JSONResponse({"reason": said}, 403)
                break
        return None

    async def _pass(self, scope: Scope, receive: Receive, send: Send, secret: str, session: str) -> None:
        """Pass a request on until its session ends: pages that are open in other tabs, and streams, end with it."""
        accepted = begun = endless = False

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not self._automatic(message.get("bytes") or b""):
                self._installation().access.live.cached(secret, active=True)
            return message

        async def sending(message: Message) -> None:
            nonlocal accepted, begun, endless
            accepted = accepted or message["type"] == "websocket.accept"
            if message["type"] == "websocket.send":
                self._handed_out.note(session, self._things(message.get("bytes") or b""))
            if message["type"] == "http.response.start":
                begun = True
                endless = Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
            await send(message)

        with self._connections.noted(secret) as ending:
            await self._app(self._handed_out.begins_anew(session, scope), receiving, sending)
        if not ending.cancelled_caught:
            return
        if accepted:
            await send({"type": "websocket.close", "code": 1008, "reason": "The session has ended."})
        elif scope["type"] == "http" and not begun:
            with speaking(locale_of(scope)):
                await PlainTextResponse(t(SIGN_IN), 401)(scope, receive, send)
        elif endless:  # news end as if they were over; an answer that is not whole must not look so, and breaks off
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _holds(self, secret: str) -> bool:
        return self._installation().access.live.person(secret) is not None


def person_of(scope: Scope) -> Person | None:
    """Return who makes a request; None is nobody."""
    found: Person | None = scope.get(PERSON)
    return found


def origin_of(scope: Scope) -> Origin:
    """Return where a request comes from, for the audit trail."""
    person, address = person_of(scope), address_of(scope)
    return person.coming_from(address) if person else Origin(address=address)


def single_name(typed: str) -> str:
    """Return the name of the person in single-user mode; "" if it is one that the product itself writes."""
    name = visible(typed, MAX_NAME)
    return "" if is_reserved(name) else name


def address_of(scope: Scope) -> str:
    """Return the network address that a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def cookies_of(headers: Headers) -> dict[str, str]:
    """Return the cookies of a request, as Starlette reads them."""
    return cookie_parser(headers.get("cookie", ""))


def _is_page(scope: Scope, headers: Headers) -> bool:
    """Return whether a browser asks for a page that a person looks at."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    return headers.get("sec-fetch-mode", "navigate") == "navigate" and "text/html" in headers.get("accept", "")


def _sign_in(scope: Scope, headers: Headers) -> Response:
    """Return the way to the sign-in for a page, and 401 for everything else."""
    if not _is_page(scope, headers):
        return PlainTextResponse(t(SIGN_IN), 401)
    query = scope.get("query_string", b"").decode("latin-1")
    asked = str(scope["path"]) + (f"?{query}" if query else "")
    return RedirectResponse("/sign-in" + (f"?next={quote(asked, safe='/')}" if asked != "/" else ""), 303)


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await answer(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": "Not allowed."})
