"""Two models on the same studies: each study is gained, lost, right or wrong in both."""

from __future__ import annotations

from triage.domain import Finding
from triage.learning.changes import changes, failures
from triage.records.answers import Answer


def answer(study: str, card: str, predicted: Finding, called: Finding, sure: float = 0.7) -> Answer:
    rest = (1 - sure) / 3
    return Answer(study, study, card, card, {one: sure if one is predicted else rest for one in Finding}, called)


G, M, N = Finding.GLIOMA, Finding.MENINGIOMA, Finding.NOTUMOR


def test_every_common_study_is_counted_once() -> None:
    said = [
        *(answer("gained", "old", M, N), answer("gained", "new", N, N)),
        *(answer("gained glioma", "old", M, G), answer("gained glioma", "new", G, G)),
        *(answer("lost", "old", G, G), answer("lost", "new", M, G)),
        *(answer("right", "old", M, M), answer("right", "new", M, M)),
        *(answer("wrong", "old", M, G), answer("wrong", "new", N, G)),
        answer("seen by one", "old", M, M),
    ]
    found = changes(said, "old", "new")
    assert [one.before.study_id for one in found.gained] == ["gained glioma", "gained"]
    assert [one.after.study_id for one in found.lost] == ["lost"]
    assert (found.both_right, found.both_wrong, len(found.pairs)) == (1, 1, 5)
    assert changes(said, "old", "unknown").pairs == ()


def test_missed_gliomas_are_the_first_errors_then_the_surest() -> None:
    said = [
        answer("sure", "old", M, N, 0.99),
        answer("unsure", "old", M, N, 0.4),
        answer("missed", "old", N, G, 0.5),
        answer("right", "old", M, M),
        answer("of another", "new", M, N),
    ]
    assert [one.study_id for one in failures(said, "old")] == ["missed", "sure", "unsure"]
