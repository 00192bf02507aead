from __future__ import annotations

import numpy as np
from drawn import draw_head

from triage.copies.seen import Pictures, Seen
from triage.learning.cells import Cells
from triage.learning.repeats import mark_repeats, mark_studies


def drawn(*seeds: int) -> Pictures:
    return Pictures.of([np.asarray(draw_head(seed)) for seed in seeds])


def slices(*told: tuple[str, str]) -> list[Cells]:
    """Return the cells of slices, each of a study and with a label."""
    return [
        {"study": study, "file": f"slices/{study}/{at}.png", "label": label} for at, (study, label) in enumerate(told)
    ]


def test_of_copies_the_one_of_the_study_that_was_signed_first_counts() -> None:
    cells = slices(("s1", "glioma"), ("s2", "glioma"), ("s3", "glioma"), ("s4", "glioma"))
    mark_repeats(cells, drawn(1, 1, 1, 2), {"s2": 0, "s1": 1, "s3": 2, "s4": 3}, None)
    assert [one["same_as"] for one in cells] == ["slices/s2/1.png", "", "slices/s2/1.png", ""]
    assert [one["contradicted"] for one in cells] == [0, 0, 0, 0]


def test_copies_with_another_label_contradict_each_other() -> None:
    cells = slices(("s1", "glioma"), ("s2", "notumor"), ("s3", "notumor"), ("s4", ""))
    mark_repeats(cells, drawn(1, 1, 2, 1), {"s1": 0, "s2": 1, "s3": 2, "s4": 3}, None)
    assert [one["contradicted"] for one in cells] == [1, 1, 0, 0], "a slice without a label contradicts nothing"


def test_slices_of_one_study_are_no_copies_of_each_other() -> None:
    cells = slices(("s1", "notumor"), ("s1", "notumor"))
    mark_repeats(cells, drawn(1, 1), {"s1": 0}, None)
    assert [one["same_as"] for one in cells] == ["", ""]


def test_what_the_model_has_seen_is_marked_with_or_without_a_label() -> None:
    cells = slices(("s1", "glioma"), ("s2", ""), ("s3", "glioma"))
    seen = Seen.of(drawn(1, 2), np.array([True, False]))
    mark_repeats(cells, drawn(1, 2, 3), {"s1": 0, "s2": 1, "s3": 2}, seen)
    assert [one["copy_of"] for one in cells] == ["trained", "tested", ""]


def test_a_study_is_a_copy_if_a_tenth_of_its_slices_are() -> None:
    cells = [{"study": "s1", "copy_of": use, "contradicted": 0} for use in ("trained", *[""] * 19)]
    cells += [{"study": "s2", "copy_of": use, "contradicted": at} for at, use in enumerate(("trained", "tested"))]
    cells += [{"study": "s3", "copy_of": use, "contradicted": 0} for use in ("trained", "tested", *[""] * 18)]
    studies: list[Cells] = [{"study": name} for name in ("s1", "s2", "s3", "s4")]
    mark_studies(studies, cells, "m")
    assert [one["copy_of"] for one in studies] == ["", "trained", "tested", ""]
    assert [one["contradicted"] for one in studies] == [0, 1, 0, 0]
    assert {one["compared_with"] for one in studies} == {"m"}


def test_an_export_without_slices_has_no_copies() -> None:
    mark_repeats([], Pictures.joined([]), {}, Seen.of(drawn(1), np.array([True])))
