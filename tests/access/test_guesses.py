from __future__ import annotations

import random
import string

import pytest

from triage.access.guesses import holds_name, is_common

SIGNS = string.ascii_letters + string.digits + string.punctuation
PICTURES = "".join(map(chr, range(0x1F300, 0x1F650)))
NAMES = ("ada", "Ada Lovelace")


@pytest.mark.parametrize(
    "password",
    [
        "Passwort20252026",
        "Winter2025/2026",
        "Sommer2024-2026",
        "Sommer25Winter26",
        "Klinik24.12.1985",
        "Passwort1985-12-24",
        "Passwort 12/24/85",
        "Michael24121985",
        "Michael-241285",
        "Deutschland2026",
        "Montag24Dienstag",
        "maxmustermann1",
        "p.a.s.s.w.o.r.t.1",
        "qazwsxedcrfv",
        "zaq12wsxcde3",
        "qweasdzxc123",
        "!@#$%^&*()_+",
        "!@#$%!@#$%!@#$%",
        "rhabarber-rhabarber",
        "kitten kitten kitten",
        "rhabarber!!!!!!!!",
    ],
)
def test_words_dates_and_rows_leave_nothing_either_way(password: str) -> None:
    assert is_common(password)
    assert is_common(password[::-1])


def test_a_word_backwards_before_a_year_is_a_word() -> None:
    assert is_common("drowssap2026!")
    assert is_common("drowssap24.12.1985")


@pytest.mark.parametrize(
    "password", ["NeuroTriage"[::-1] + "2026", "ecalevoL1815adA", "Lovelace at sea", "Neuro.Triage on ice"]
)
def test_names_count_backwards_too(password: str) -> None:
    assert holds_name(password, NAMES)


@pytest.mark.parametrize("length", [12, 14, 16])
@pytest.mark.parametrize("signs", [SIGNS, string.ascii_letters + string.digits, string.punctuation, PICTURES], ids=len)
def test_what_is_random_is_not_guessed(signs: str, length: int) -> None:
    draw = random.Random(length)
    passwords = ["".join(draw.choices(signs, k=length)) for _ in range(1_000)]
    refused = [password for password in passwords if is_common(password) or holds_name(password, NAMES)]
    assert len(refused) < 5, "under 0.5 %: repetitions and rows happen by chance"


@pytest.mark.parametrize("password", ["ab" * 128, "a1" * 127 + "b", "\ufdfa" * 256, "!?" * 128, "19" * 128])
def test_no_password_takes_long(password: str) -> None:
    is_common(password)  # a rule that tries all ways to cut it would not end before the time limit of a test
