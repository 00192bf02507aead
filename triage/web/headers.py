"""Headers that tell browsers what our pages may do, and that nothing of them is to be kept or shown elsewhere."""

from __future__ import annotations

import base64
import hashlib

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

#: Digest of the only script that stands in Streamlit's own page; a test compares it with the installed version.
INLINE_SCRIPT = "sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA="
#: The script that we add: Streamlit's page then asks for its server at the root, and not below its own address first.
AT_THE_ROOT = 'window.__streamlit = { BACKEND_BASE_URL: location.origin + "/" }'
OWN_SCRIPT = f"sha256-{base64.b64encode(hashlib.sha256(AT_THE_ROOT.encode()).digest()).decode()}"
#: What the pages of Streamlit need: styles that it writes into the page, our modules and workers as blobs, WebAssembly
#: of its tables. Nothing comes from, or goes to, another place.
PAGES = "; ".join(
    (
        "default-src 'self'",
        f"script-src 'self' '{INLINE_SCRIPT}' '{OWN_SCRIPT}' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
#: What our own plain pages need: their style sheet.
PLAIN = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers would then send forms of our own pages with the origin "null".
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), midi=(), serial=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Two years: seconds.
HSTS = "max-age=63072000"
#: Seconds after which whoever was answered 503 may try again.
AGAIN = "5"
#: Files of the program, which name nobody, and slices under addresses that hold their digest: a browser may keep them.
KEPT = (
    "/static/",
    "/viewer/",
    "/worklist/modules/",
    "/reading/modules/",
    "/sign-in/",
    "/favicon",
    "/_stcore/bidi-components",
)


def plain_policy(goes_to: str = "") -> str:
    """Return the policy of a plain page, whose forms go to us, or by way of us to another origin."""
    return f"{PLAIN}; form-action 'self' {goes_to}".rstrip()


def with_headers(send: Send, path: str, *, secure: bool) -> Send:
    """Return a function that sends answers with the headers.

    Parameters
    ----------
    send
        The function of the server.
    path
        Of the request.
    secure
        Whether browsers reach this installation by https.
    """

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in FIXED.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", PAGES)
            if message["status"] == 503:
                headers.setdefault("Retry-After", AGAIN)
            if secure:
                headers["Strict-Transport-Security"] = HSTS
                _secure_cookies(headers)
            if not path.startswith(KEPT) and not path.startswith("/events"):
                headers["Cache-Control"] = "no-store"
        await send(message)

    return sending


def _secure_cookies(headers: MutableHeaders) -> None:
    """Mark Streamlit's own cookies, which does not know that https ends at a proxy."""
    cookies = headers.getlist("set-cookie")
    if cookies:
        del headers["set-cookie"]
        for cookie in cookies:
            headers.append("set-cookie", cookie if "secure" in cookie.lower() else f"{cookie}; Secure")
