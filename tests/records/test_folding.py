from __future__ import annotations

import pytest

from triage.records.folding import MAX_FOLDED_NAME, folded, folded_name, folded_study


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Иванова", "ИВАНОВА"),
        ("Müller", "MULLER"),
        ("ÇELİK", "celik"),
        ("ışık", "IŞIK"),
        ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
        ("Ελένη", "ΕΛΕΝΗ"),
        ("Nagy\u0301", "Nag\u00fd"),
        ("ﾔﾏﾓﾄ", "ヤマモト"),
        ("Ｊａｎｅ", "jane"),
        ("O\u2019Brien", "O'BRIEN"),
        ("Do\u200de\u202e", "doe"),
    ],
)
def test_what_people_take_for_the_same_is_the_same(one: str, other: str) -> None:
    assert folded(one) == folded(other)
    assert folded(folded(one)) == folded(one)


@pytest.mark.parametrize(("one", "other"), [("Doe", "Roe"), ("보라", "보리"), ("山本", "山木"), ("A_1", "A-1")])
def test_what_differs_stays_different(one: str, other: str) -> None:
    assert folded(one) != folded(other)


def test_a_syllable_is_one_character() -> None:
    assert len(folded("보라")) == 2


def test_names_keep_components_and_representations() -> None:
    assert folded_name("Yamada^TARO^^^=山田^太郎=") == "=yamada^taro=山田^太郎=="
    assert folded_name("=山田^太郎") == "==山田^太郎="
    assert folded_name("Smith, John A") == folded_name("SMITH ^ JOHN A") == "=smith^john a="
    assert folded_name("") == folded_name("^^=^") == ""


def test_a_name_without_end_fits_into_an_index() -> None:
    assert len(folded_name("\ufdfa" * 1000)) == MAX_FOLDED_NAME


def test_the_worklist_finds_a_name_as_it_is_stored_and_as_it_is_shown() -> None:
    text = folded_study("T1, post.dcm", "de la Tour^Ana^Luz^Dra.", "M_1", None)
    assert text.split("\n") == ["t1 post.dcm", "de la tour ana luz dra.", "de la tour dra. ana luz", "m_1"]
