"""What an upload answers: grouped by what was sent, and where each study stands now."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from triage.domain import Band, Finding, Outcome, Receipt, StudyStatus
from triage.pipeline.intake import STORED
from triage.records.worklist_views import Standing, WorklistRow
from triage.ui.receipts import ICONS, UNUSED, by_source, icon, lines, told, where

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def standing(status: StudyStatus, place: int | None = 3, reason: str = "because") -> Standing:
    answer = Finding.GLIOMA if status is StudyStatus.RANKED else None
    return Standing(WorklistRow("a", "Head", status, Band.STAT, 0.934, answer, NOW, reason), place)


@pytest.mark.parametrize("status", list(StudyStatus))
def test_every_status_has_an_answer(status: StudyStatus) -> None:
    assert where(standing(status)).endswith(".")


def test_files_of_one_study_are_one_line_and_refused_files_one_each() -> None:
    receipts = [
        Receipt("1", Outcome.ACCEPTED, "Stored", "a"),
        Receipt("2", Outcome.REFUSED, "Damaged"),
        Receipt("3", Outcome.ACCEPTED, "Stored", "a"),
        Receipt("4", Outcome.ACCEPTED, "Localiser", "a"),
        Receipt("5", Outcome.REFUSED, "Damaged"),
        Receipt("6", Outcome.CONFLICT, "Stored", "b"),
        Receipt("7", Outcome.ACCEPTED, "Stored", "a"),
    ]
    found = [(line.receipt.name, line.others) for line in lines(receipts)]
    assert found == [("2", 0), ("5", 0), ("6", 0), ("1", 2), ("4", 0)]


def test_what_came_in_two_archives_is_told_apart() -> None:
    sent = [Receipt("IM1", Outcome.ACCEPTED, STORED, study, source=f"{study}.zip") for study in "aabb"]
    sent += [Receipt("IM1", Outcome.ACCEPTED, STORED, "b"), Receipt("IM2", Outcome.REFUSED, "Damaged", source="a.zip")]
    found = by_source(lines(sent), sent)
    assert {source: [(one.receipt.name, one.others) for one in some] for source, some in found.items()} == {
        "a.zip": [("IM2", 0), ("IM1", 1)],
        "b.zip": [("IM1", 1)],
        "": [("IM1", 0)],
    }


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (standing(StudyStatus.RECEIVED), "Stored; being scored."),
        (standing(StudyStatus.RANKED), "STAT, number 3 on the worklist. AI: Glioma, P(glioma) 0.93."),
        (
            standing(StudyStatus.NOT_ANALYSABLE, reason="Blank"),
            "Not analysable: Blank. STAT, number 3 on the worklist; it is read without the AI.",
        ),
        (standing(StudyStatus.NOT_ANALYSABLE, None), "Stored, but not analysable; it is read without the AI."),
        (standing(StudyStatus.READ, None), "Read and signed."),
        (standing(StudyStatus.MERGED, None, "Merged with another"), "Merged with another."),
        (standing(StudyStatus.DISCARDED, None, "Discarded: copy"), "Discarded: copy."),
    ],
)
def test_where_a_study_stands(now: Standing, said: str) -> None:
    assert where(now) == said
    assert told(Receipt("1", Outcome.ACCEPTED, STORED, "a"), now) == said
    assert told(Receipt("1", Outcome.ALREADY_HERE, "", "a"), now).endswith(said)


def test_what_is_no_matter_of_rank_keeps_its_message() -> None:
    now = standing(StudyStatus.RANKED)
    assert told(Receipt("1", Outcome.REFUSED, "Damaged"), None) == "Damaged"
    assert told(Receipt("1", Outcome.CONFLICT, "Set aside", "a"), now) == "Set aside"
    assert told(Receipt("1", Outcome.ACCEPTED, "Localiser", "a"), now).endswith("not scored: Localiser")


def test_only_what_can_be_scored_is_green() -> None:
    stored = Receipt("1", Outcome.ACCEPTED, STORED, "a")
    for status in StudyStatus:
        expected = UNUSED if status is StudyStatus.NOT_ANALYSABLE else ICONS[Outcome.ACCEPTED]
        assert icon(stored, standing(status)) == expected
    assert icon(Receipt("1", Outcome.ACCEPTED, "Localiser", "a"), standing(StudyStatus.RANKED)) == UNUSED
    assert (
        icon(Receipt("1", Outcome.ALREADY_HERE, "", "a"), standing(StudyStatus.NOT_ANALYSABLE))
        == ICONS[Outcome.ALREADY_HERE]
    )
