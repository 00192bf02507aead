"""What pages tell in German, row by row; whole pages in Chromium: tests/e2e/test_languages.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from triage.domain import Band, Finding, ReadingState, StudyStatus
from triage.languages.speech import field_pattern, speaking, t
from triage.records.audit import Event
from triage.records.trail import TrailEntry
from triage.records.worklist_views import WorklistRow
from triage.ui import insights, tables, trail


def test_no_word_is_wider_than_the_column_of_what_the_ai_says() -> None:
    with speaking("de"):
        hidden = t("Hidden")
    assert hidden == "Verborgen"
    assert max(map(len, hidden.split())) <= 12


def test_no_word_is_wider_than_its_column_among_the_readings() -> None:
    with speaking("de"):
        columns = tables.reading_columns("UTC")
        words = {name: [column["label"]] for name, column in columns.items() if name in tables.IN_SIGHT}
        for name in ("ai_label", "label"):
            words[name] += [t(one.label) for one in Finding]
        words["state"] += [t("superseded"), *(t(one.value) for one in ReadingState)]
    for name, said in words.items():
        longest = max((word for text in said for word in text.split()), key=len)
        assert len(longest) * tables.CHARACTER <= columns[name]["width"] - tables.MARGIN + 8, longest


def test_numbers_and_days_are_written_as_in_german() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    row = WorklistRow("a", "Head", StudyStatus.RANKED, Band.STAT, 0.9, Finding.GLIOMA, now, "because")
    with speaking("de"):
        assert ">0,90<" in tables.worklist([row, replace(row, malignancy=None)], now).to_html()
        assert field_pattern() == "DD.MM.YYYY"
        axis = insights.over_time({Band.STAT: [1]}, [now], blind=False).layout.xaxis
        assert [stop.value for stop in axis.tickformatstops] == [
            "%H:%M:%S\n%d.%m.%Y",
            "%H:%M\n%d.%m.%Y",
            "%d.%m.%Y",
        ]
        assert axis.hoverformat == "%d.%m.%Y %H:%M"
    with speaking("en"):
        assert field_pattern() == "YYYY-MM-DD"


def test_the_audit_trail_and_the_log_have_two_words() -> None:
    with speaking("de"):
        assert (t("Audit trail"), t("Log")) == ("Protokoll", "Logdatei")


@pytest.mark.parametrize(
    ("event", "detail", "told"),
    [
        (Event.RECEIVED, "3 file(s), after the study was judged", "3 Datei(en), nachdem die Untersuchung bewertet war"),
        (
            Event.RANKED,
            "STAT: P(glioma) 0.93 ≥ 0.37, the operating point",
            "NOTFALL: P(Gliom) 0,93 ≥ 0,37, der Arbeitspunkt",
        ),
        (Event.SIGNED, "final, first: override notumor", "endgültig, Erstbefundung: abweichend kein Tumor"),
        (Event.COMMITTED, "glioma", "Gliom"),
        (Event.EXPORTED, "worklist as CSV, 28 studies", "Arbeitsliste als CSV, 28 Untersuchungen"),
        (Event.EXPORTED, "audit trail as CSV, all of it", "Protokoll als CSV, vollständig"),
        (
            Event.EXPORTED,
            "audit trail as CSV, filtered by words, time",
            "Protokoll als CSV, gefiltert nach Wörtern und Zeit",
        ),
        (
            Event.EXPORTED,
            "data set of readings: 3 studies, not de-identified",
            "Datensatz der Befunde: 3 Untersuchungen, nicht de-identifiziert",
        ),
        (Event.VERIFIED, "90 seals and 28 files are as they were", "90 Siegel und 28 Dateien sind, wie sie waren"),
        (
            Event.REFUSED,
            "The ZIP is damaged or cut short. Pack it again and upload the new file. (files: 1,200)",
            "Das ZIP ist beschädigt oder abgeschnitten. Packen Sie es neu und laden Sie die neue Datei hoch. "
            "(Dateien: 1.200)",
        ),
        (Event.REFUSED, "others (files: 7)", "weitere (Dateien: 7)"),
        # What a person wrote stays as it is, whatever it is.
        (Event.TAKEN_OVER, "from Dr. Bo: glioma", "from Dr. Bo: glioma"),
        (Event.ACCOUNT, "made: final", "made: final"),
    ],
)
def test_details_of_a_fixed_form_are_told_in_german(event: Event, detail: str, told: str) -> None:
    row = TrailEntry(1, datetime(2026, 1, 1, tzinfo=UTC), "Dr. Ada", "", "", event, "", detail)
    for language, expected in (("de", told), ("en", detail)):
        with speaking(language):
            assert trail.table([row], {}, may_open=False).iloc[0, -2] == expected
