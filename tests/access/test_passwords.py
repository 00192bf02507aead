from __future__ import annotations

import time

import pytest

from triage.access import passwords
from triage.errors import SignInError


def test_the_hash_fits_its_password_alone() -> None:
    known = passwords.hashed("several words in a row")
    assert known.startswith("$argon2id$")
    assert passwords.is_right("several words in a row", known)
    assert not passwords.is_right("several words in a Row", known)


def test_keyboards_that_compose_letters_otherwise_fit() -> None:
    assert passwords.is_right("Schlu\u0308sselwo\u0308rter", passwords.hashed("Schlüsselwörter"))


def test_nobody_takes_as_long_as_somebody() -> None:
    known = passwords.hashed("several words in a row")

    def least(hashed: str) -> float:
        times = []
        for _ in range(3):
            begin = time.perf_counter()
            assert not passwords.is_right("wrong", hashed)
            times.append(time.perf_counter() - begin)
        return min(times)

    least("")  # the first makes the hash to compare with
    assert 0.2 < least("") / least(known) < 5


@pytest.mark.parametrize("password", ["short", "x" * 20, "abababababab", "Dr. Ada Example", "ada.example.1", "y" * 300])
def test_what_can_be_guessed_is_refused(password: str) -> None:
    with pytest.raises(SignInError):
        passwords.checked(password, "Ada Example", "Dr. Ada Example")


def test_first_passwords_may_be_set_and_differ() -> None:
    assert passwords.checked(passwords.first(), "ada") != passwords.first()
