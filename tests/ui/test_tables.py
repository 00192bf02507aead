from __future__ import annotations

from triage.domain import Outcome, Receipt
from triage.ui.tables import answers


def test_files_of_one_study_are_one_line_and_refused_files_one_each() -> None:
    receipts = [
        Receipt("1", Outcome.ACCEPTED, "Stored", "a"),
        Receipt("2", Outcome.REFUSED, "Damaged"),
        Receipt("3", Outcome.ACCEPTED, "Stored", "a"),
        Receipt("4", Outcome.ACCEPTED, "Localiser", "a"),
        Receipt("5", Outcome.REFUSED, "Damaged"),
        Receipt("6", Outcome.ACCEPTED, "Stored", "b"),
        Receipt("7", Outcome.ACCEPTED, "Stored", "a"),
    ]
    assert [(receipt.name, others) for receipt, others in answers(receipts)] == [
        ("1", 2),
        ("2", 0),
        ("4", 0),
        ("5", 0),
        ("6", 0),
    ]
