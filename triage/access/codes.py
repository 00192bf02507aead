"""One-time codes of an authenticator app (TOTP, RFC 6238)."""

from __future__ import annotations

import hmac
import io
import time

import pyotp
import segno

ISSUER = "NeuroTriage"
#: Steps of 30 seconds by which the clock of a telephone may be wrong.
DRIFT = 1


def secret() -> str:
    """Return a new secret."""
    return pyotp.random_base32()


def qr(key: str, login: str) -> bytes:
    """Return the QR code that an authenticator app reads, as SVG."""
    address = pyotp.TOTP(key).provisioning_uri(name=login, issuer_name=ISSUER)
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="svg", scale=5, border=3, light="white", dark="black")
    return picture.getvalue()


def step_of(key: str, code: str, after: int, now: float | None = None) -> int | None:
    """Return the step of time that a code belongs to; None if it is wrong, or not later than the last used one."""
    try:
        totp = pyotp.TOTP(key)
    except ValueError:  # no key that an app could hold
        return None
    current = int((time.time() if now is None else now) // totp.interval)
    typed = "".join(code.split())
    for step in range(current - DRIFT, current + DRIFT + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode()) and step > after:
            return step
    return None
