from __future__ import annotations

from dataclasses import replace

from triage.domain import Beyond, Conclusion, Finding, StudyStatus
from triage.learning.second_reads import Why, by_what_they_teach
from triage.records.unsettled import Said

SURE = {Finding.GLIOMA: 0.97, Finding.MENINGIOMA: 0.01, Finding.PITUITARY: 0.01, Finding.NOTUMOR: 0.01}
TORN = {Finding.GLIOMA: 0.45, Finding.MENINGIOMA: 0.4, Finding.PITUITARY: 0.1, Finding.NOTUMOR: 0.05}


def said(name: str, *opinions: Conclusion, sure: bool = True, distance: float | None = 0.8) -> Said:
    return Said(
        study_id=name,
        status=StudyStatus.READ if opinions else StudyStatus.RANKED,
        opinions=dict(zip("ABC", opinions, strict=False)),
        readers=frozenset("ABC"[: len(opinions)]),
        probabilities=SURE if sure else TORN,
        prediction_set=(Finding.GLIOMA,) if sure else (Finding.GLIOMA, Finding.MENINGIOMA, Finding.PITUITARY),
        distance=distance,
    )


def test_disputes_come_first_then_surprises_doubts_and_strange_pictures() -> None:
    found = by_what_they_teach(
        [
            said("strange", distance=3.0),
            said("torn", sure=False),
            said("surprise", Finding.NOTUMOR),
            said("dispute", Finding.GLIOMA, Finding.MENINGIOMA),
        ]
    )
    assert [one.study_id for one in found] == ["dispute", "surprise", "torn", "strange"]
    assert [one.why[0] for one in found] == [Why.READERS, Why.READER_AND_AI, Why.SEVERAL, Why.UNLIKE]
    assert found[0].why == (Why.READERS, Why.READER_AND_AI)


def test_what_is_settled_or_plain_teaches_nothing() -> None:
    plain = (
        said("plain"),
        said("agreed", Finding.GLIOMA),
        said("two agree", Finding.NOTUMOR, Finding.NOTUMOR, sure=False),
    )
    assert by_what_they_teach(plain) == []


def test_a_reader_is_asked_about_what_others_read() -> None:
    studies = [said("mine", Finding.NOTUMOR), said("open", sure=False)]
    assert [one.study_id for one in by_what_they_teach(studies, "A")] == ["open"]
    assert [one.study_id for one in by_what_they_teach(studies, "B")] == ["mine", "open"]


def test_a_surprise_is_the_greater_the_surer_the_ai_was() -> None:
    torn = {Finding.GLIOMA: 0.5, Finding.MENINGIOMA: 0.4, Finding.PITUITARY: 0.05, Finding.NOTUMOR: 0.05}
    doubted = replace(said("doubted", Finding.MENINGIOMA), probabilities=torn)
    found = by_what_they_teach([doubted, said("sure", Finding.MENINGIOMA)])
    assert [one.study_id for one in found] == ["sure", "doubted"]
    (other,) = by_what_they_teach([said("other", Beyond.OTHER_LESION, sure=False)])
    assert other.why == (Why.SEVERAL,), "the AI has no class for another lesion"


def test_a_distance_that_nobody_recorded_counts_nothing() -> None:
    assert by_what_they_teach([said("unknown", distance=None), said("usual", distance=1.0)]) == []


def test_who_has_read_a_study_is_not_asked_again_though_an_arbitration_took_the_place_of_their_reading() -> None:
    arbitrated = replace(said("one", Finding.NOTUMOR), opinions={"C": Finding.NOTUMOR}, readers=frozenset("ABC"))
    assert [one.study_id for one in by_what_they_teach([arbitrated], "D")] == ["one"]
    for reader in "ABC":
        assert by_what_they_teach([arbitrated], reader) == []
