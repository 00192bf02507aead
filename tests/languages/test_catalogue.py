"""Sentences with values told again in German, and the language that a browser asks for."""

from __future__ import annotations

import re

import pytest

from triage.domain import Finding, OperatingPoints
from triage.inference.bands import rank
from triage.languages.catalogue import HOLE, LANGUAGES, catalogue, preferred

GERMAN = catalogue("de")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("P(glioma) 0.93 ≥ 0.37, the operating point", "P(Gliom) 0,93 ≥ 0,37, der Arbeitspunkt"),
        (
            "P(glioma) 0.93 ≥ 0.44, the operating point of three slices together. Read inverted: white background",
            "P(Gliom) 0,93 ≥ 0,44, der Arbeitspunkt dreier Schichten zusammen. Invertiert gelesen: weißer Hintergrund",
        ),
        (
            "P(tumour) 0.03 < 0.20, the operating point of a slice by itself",
            "P(Tumor) 0,03 < 0,20, der Arbeitspunkt einer einzelnen Schicht",
        ),
        ("STAT asked for by the referrer", "NOTFALL, vom Zuweiser angefordert"),
        ("Localiser", "Übersichtsaufnahme"),
        ("worklist as CSV, 2,500 studies", "Arbeitsliste als CSV, 2.500 Untersuchungen"),
        (
            "data set of readings: 12,500 studies, not de-identified",
            "Datensatz der Befunde: 12.500 Untersuchungen, nicht de-identifiziert",
        ),
        (
            "1,090 seals and 1,002,800 files are as they were",
            "1.090 Siegel und 1.002.800 Dateien sind, wie sie waren",
        ),
        (
            "Too many tries. Try again in 3,600 seconds.",
            "Zu viele Versuche. Versuchen Sie es in 3.600 Sekunden noch einmal.",
        ),
        (
            "Uncertain: glioma, meningioma and pituitary tumour cannot be distinguished",
            "Unsicher: nicht zu unterscheiden sind Gliom, Meningeom und Hypophysentumor",
        ),
        # Sentences that were joined, one of them within another.
        (
            "Prior of a newer study of this patient. Slice 3 of 20 in series 4 alone: P(tumour) 0.95 ≥ 0.90",
            "Voruntersuchung einer neueren Untersuchung dieses Patienten. "
            "Schicht 3 von 20 in Serie 4 allein: P(Tumor) 0,95 ≥ 0,90",
        ),
        (
            "Longest waiting, over 4 h in ROUTINE: every 5th place. P(tumour) 0.03 < 0.20, the operating point. "
            "Read inverted: white background",
            "Wartet am längsten, über 4 h in ROUTINE: jeder 5. Platz. P(Tumor) 0,03 < 0,20, der Arbeitspunkt. "
            "Invertiert gelesen: weißer Hintergrund",
        ),
        # The first sentence is not ours, the second is.
        ("Nobody wrote this. Not the head", "Nobody wrote this. Nicht der Kopf"),
        ("", ""),
    ],
)
def test_a_sentence_is_told_again_with_its_values(said: str, told: str) -> None:
    assert GERMAN.retold(said) == told
    assert catalogue("en").retold(said) == said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Discarded by other on 2026-03-02: read", "Verworfen von other am 02.03.2026: read"),
        ("Discarded by {x} on 2026-03-02: {why} {0}", "Verworfen von {x} am 02.03.2026: {why} {0}"),
        ("Not MR: CT", "Kein MR: CT"),
        ("my head.nii", "my head.nii"),
        ("2,500", "2,500"),
        ("1.2.840.10008", "1.2.840.10008"),
    ],
)
def test_what_a_person_or_a_file_says_stays_word_for_word(said: str, told: str) -> None:
    assert GERMAN.retold(said) == told


@pytest.mark.parametrize("glioma", [0.001, 0.35, 0.5, 0.999])
def test_what_the_ranking_says_is_told_whatever_the_values(glioma: float) -> None:
    values = {Finding.GLIOMA: glioma, Finding.MENINGIOMA: 0.0, Finding.PITUITARY: 0.0, Finding.NOTUMOR: 1 - glioma}
    ranking = rank(values, OperatingPoints(0.4, 0.36), (Finding.GLIOMA, Finding.NOTUMOR))
    assert re.match(r"P\((Gliom|Tumor)\) .*Arbeitspunkt|Unsicher: ", GERMAN.retold(ranking.reason))


@pytest.mark.parametrize("text", ["mean , SD , to " * 60, "a. " * 330, "Prior of a newer study of this patient. " * 24])
def test_no_text_takes_long(text: str) -> None:
    GERMAN.retold(text)  # a pattern that goes back and forth would not end before the time limit of a test


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_a_translation_has_no_hole_that_its_message_lacks(code: str) -> None:
    for message, translation in catalogue(code).messages.items():
        assert set(HOLE.findall(translation)) <= set(HOLE.findall(message)), message


@pytest.mark.parametrize(
    ("chosen", "accepted", "locale"),
    [
        ("", "", "en"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de_AT"),
        ("", "fr-FR,fr;q=0.9,de;q=0.5,en;q=0.7", "en"),
        ("", "en-GB,de", "en_GB"),
        ("de", "en-US,en;q=0.9", "de"),
        ("de", "en-US,de-CH;q=0.5", "de_CH"),
        ("en", "de-DE", "en"),
        ("xx", "de", "de"),
        ("../de", "\x00,*,a-b-c-d,;q=x,zz-ZZ,de;q=abc," + "a" * 1000, "en"),
    ],
)
def test_the_choice_comes_before_what_the_browser_accepts(chosen: str, accepted: str, locale: str) -> None:
    assert preferred(chosen, accepted) == locale
