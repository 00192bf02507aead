"""Our plain pages, which work without a script: drawn from templates. Tested in tests/web/test_sign_in.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from triage.access.sign_in import Caller
from triage.languages.speech import later, locale, moment, retold, t
from triage.text import visible
from triage.web import cookies
from triage.web.guard import address_of
from triage.web.headers import plain_policy
from triage.web.site import Site

#: Largest form: bytes.
MAX_FORM = 2**14
#: Browsers name themselves at length, their own name last; this much is kept on the record.
MAX_BROWSER = 128
NO_FORM = later("This is not the form of the page. Load the page again.")
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_templates.globals |= {"t": t, "moment": moment, "retold": retold}


def page(template: str, status: int = 200, *, goes_to: str = "", **values: Any) -> Response:
    """Return a page.

    Parameters
    ----------
    template
        Its file.
    status
        Of the answer.
    goes_to
        Origin of the sign-in service, to which a form of the page may lead.
    values
        For the template, which escapes them.
    """
    body = _templates.get_template(template).render(language=locale().replace("_", "-"), **values)
    return HTMLResponse(body, status, {"Content-Security-Policy": plain_policy(goes_to)})


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form.

    Raises
    ------
    HTTPException
        400, 413 or 415, if it is none of ours.
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise HTTPException(415, t(NO_FORM))
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise HTTPException(413, t("This form is too large. Load the page again."))
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise HTTPException(400, t(NO_FORM)) from error


def caller(request: Request, site: Site, device: str = "") -> Caller:
    """Return where a request came from."""
    browser = visible(request.headers.get("user-agent", ""), MAX_BROWSER)
    known = device or cookies.device_of(request.cookies, secure=site.secure)
    return Caller(address_of(request.scope), browser, known)


def origin_of(address: str) -> str:
    """Return scheme and host of an address, "" of none."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if address else ""
