from __future__ import annotations

import pytest

from triage.access.names import MAX_NAME, checked, is_reserved, skeleton
from triage.errors import RefusedNameError


@pytest.mark.parametrize(
    "name",
    ["Dr. Ada Example", "Müller, Anna", "山田太郎", "Šimková", "O'Brien", "Ада Иванова", "Łukasz", "Dr. Ада", "李"],
)
def test_names_of_all_alphabets_are_taken_as_they_are(name: str) -> None:
    assert checked(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " Ada",
        "Ada ",
        "A\u200bda",
        "Ada\n",
        "A\tb",
        "\u202eadA",
        "Ada\x00",
        "Ad\u00ada",
        "Dr. Аda",  # a Cyrillic A
        "Раураl",
        "x" * (MAX_NAME + 1),
        "ai",
        "AI",
        "Al",  # a small L: looks like AI
        "DICOMweb 10.0.0.1",
        "dicomweb",
        "TRIAGE_TOKEN",
        "upload",
        "unnamed reader",
        "command line",
        "root, command line",
        "Root Command-Line",
        "Dr. Ada, cornmand Iine",
    ],
)
def test_what_cannot_be_told_apart_is_refused(name: str) -> None:
    with pytest.raises(RefusedNameError):
        checked(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "ada"),
        ("Ada", "Аdа"),
        ("Dr. Ada", "Dr Ada"),
        ("Paul", "PauI"),
        ("Bob0", "BobO"),
        ("Modern", "Modem"),
        ("Müller", "Muller"),
        ("Ada", "Ａｄａ"),
        ("A d a", "Ada"),
        ("Wanda", "VVanda"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


def test_other_names_have_another() -> None:
    names = ["Ada", "Eda", "Anna", "Müller", "Meier", "Тим", "山田", "鈴木"]
    assert len({skeleton(name) for name in names}) == len(names)


def test_reserved_names_are_known_in_every_spelling() -> None:
    assert is_reserved("A I")
    assert not is_reserved("Aida")
