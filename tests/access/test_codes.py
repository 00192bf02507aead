from __future__ import annotations

import pyotp

from triage.access import codes

KEY = codes.secret()
NOW = 1_800_000_010.0


def code(seconds: float = 0) -> str:
    return pyotp.TOTP(KEY).at(int(NOW + seconds))


def test_a_code_counts_once_and_a_little_early_or_late() -> None:
    step = int(NOW // 30)
    assert codes.step_of(KEY, code(), 0, NOW) == step
    assert codes.step_of(KEY, f" {code()[:3]} {code()[3:]}", 0, NOW) == step
    assert codes.step_of(KEY, code(), step, NOW) is None
    assert codes.step_of(KEY, code(-30), 0, NOW) == step - 1
    assert codes.step_of(KEY, code(30), 0, NOW) == step + 1
    assert codes.step_of(KEY, code(-90), 0, NOW) is None
    assert codes.step_of(KEY, code(90), 0, NOW) is None


def test_what_is_no_code_does_not_count() -> None:
    for typed in ("", "0", "abcdef", "１２３４５６", "0" * 400):
        assert codes.step_of(KEY, typed, 0, NOW) is None


def test_what_is_no_key_has_no_code() -> None:
    """Whoever is signed in may send any key."""
    for key in ("", "x", "JBSWY3DPEHPK3PXP", "not base32 at all!", "é" * 40, "A" * 31, "\0" * 32):
        assert codes.step_of(key, code(), 0, NOW) is None


def test_the_qr_code_is_drawn_here() -> None:
    drawn = codes.qr(KEY, "ada")
    assert b"<svg" in drawn
    assert KEY.encode() not in drawn
