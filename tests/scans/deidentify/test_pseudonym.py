from __future__ import annotations

import re

import pytest
from pydicom.uid import UID

from triage.scans.deidentify.pseudonym import SHIFTS, Identity, draw


@pytest.mark.parametrize(
    ("identity", "pattern"),
    [
        (Identity.PATIENT, r"NT-[0-9A-HJKMNP-TV-Z]{10}"),
        (Identity.ACCESSION, r"A[0-9A-HJKMNP-TV-Z]{10}"),
        (Identity.NAME, r"file-[0-9A-HJKMNP-TV-Z]{10}"),
        (Identity.UID, r"2\.25\.\d+"),
    ],
)
def test_pseudonyms_are_random_and_well_formed(identity: Identity, pattern: str) -> None:
    drawn = [draw(identity) for _ in range(200)]
    assert len({one.replacement for one in drawn}) == 200
    assert all(re.fullmatch(pattern, one.replacement) and one.shift in SHIFTS for one in drawn)
    assert len({one.shift for one in drawn}) > 50
    if identity is Identity.UID:
        assert all(UID(one.replacement).is_valid for one in drawn)
    else:
        assert all(len(one.replacement) <= 16 for one in drawn)  # the value representation SH
