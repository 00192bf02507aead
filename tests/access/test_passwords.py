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


@pytest.mark.parametrize(
    ("password", "said"),
    [
        *((password, "has 12 to 256 characters") for password in ("short", "y" * 300)),
        *((password, "repeats a few characters") for password in ("x" * 20, "abababababab")),
        *(
            (password, "holds your name")
            for password in (
                "Dr. Ada Example",
                "ada.example.1",
                "green Example river",
                "3x@mple green river",
                "NeuroTriage!7up",
            )
        ),
        *(
            (password, "among the first that are guessed")
            for password in (
                "passwordpassword",
                "Password1234",
                "P@$$w0rd P@$$w0rd",
                "passwortpasswort1",
                "kitten kitten kitten",
                "gardengarden",
                "garden-garden-12",
                "summer dragon 77",
                "qwertyuiop123",
                "qwertzuiop!!12",
                "1q2w3e4r5t6y",
                "1234567890987654321",
                "abcdefghijklmno",
                "lkjhgfdsapoiuytrewq",
                "Welcome2026!!",
                "iloveyou-iloveyou",
                "Administrator1",
                "letmeinletmein",
                "correct horse battery staple",
                "drowssap2026!",
            )
        ),
    ],
)
def test_what_can_be_guessed_is_refused(password: str, said: str) -> None:
    with pytest.raises(SignInError, match=said):
        passwords.checked(password, "Ada Example", "Dr. Ada Example")


@pytest.mark.parametrize(
    "password",
    [
        "several words in a row",
        "quite other words now",
        "moss kettle orbit",
        "Rhabarber-Lampe",
        "zu Fuß im Nebel",
        "密码是很长的一句话不要忘记",
    ],
)
def test_words_that_do_not_belong_together_need_no_other_characters(password: str) -> None:
    assert passwords.checked(password, "ada", "Dr. Ada Lovelace") == password


def test_first_passwords_may_be_set_and_differ() -> None:
    assert passwords.checked(passwords.first(), "ada") != passwords.first()
