"""Passwords: what is asked of them, and their hashes (Argon2id)."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache
from threading import BoundedSemaphore

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from triage.access.guesses import holds_name, is_common
from triage.errors import SignInError

MIN_LENGTH, MAX_LENGTH = 12, 256
#: Different characters that a password has at least.
MIN_DIFFERENT = 5
#: Argon2id with 19 MiB and two passes (OWASP, "Password Storage"), and hashes at one time: whoever tries many passwords
#: must not take the memory and the cores of the readers.
_hashes = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
_turns = BoundedSemaphore(2)


def checked(password: str, *names: str) -> str:
    """Return a password that may be set.

    Parameters
    ----------
    password
        As it was typed.
    names
        Names of the account, which must not be in the password.

    Raises
    ------
    SignInError
        If it can be guessed.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise SignInError(
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters. Several words are easy to remember."
        )
    if len(set(password)) < MIN_DIFFERENT:
        raise SignInError("This password repeats a few characters. Use several words.")
    normal = _normal(password)
    if holds_name(normal, names):
        raise SignInError(
            "This password holds your name or that of NeuroTriage. Leave it out, use several other words."
        )
    if is_common(normal):
        raise SignInError(
            "This password is among the first that are guessed: it is a common one, or repeats a word. Use several "
            "words that do not belong together."
        )
    return password


def hashed(password: str) -> str:
    """Return the hash of a password."""
    return _hashes.hash(_normal(password))


def is_right(password: str, known: str) -> bool:
    """Return whether a password fits a hash; without a hash it takes as long, and is False."""
    with _turns:
        fits = _hashes.verify(_normal(password[:MAX_LENGTH]), known or _nobodys())
    return fits and bool(known)


def first() -> str:
    """Return a password to begin with, which has to be changed."""
    return secrets.token_urlsafe(15)


def _normal(password: str) -> str:
    """Return one form for what different keyboards send."""
    return unicodedata.normalize("NFKC", password)


@cache
def _nobodys() -> str:
    return _hashes.hash(secrets.token_urlsafe())
