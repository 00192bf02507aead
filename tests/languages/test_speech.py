"""Messages, numbers and dates in the language that is spoken."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest
from anyio import to_thread

from triage.languages import speech
from triage.languages.speech import speaking, t


def test_english_is_spoken_where_nobody_says_which() -> None:
    assert speech.locale() == "en"
    assert t("Worklist") == "Worklist"
    assert speech.retold("Not the head") == "Not the head"


def test_a_message_is_said_in_the_language_with_its_values() -> None:
    assert t("{count} studies", count=12345) == "12,345 studies"
    with speaking("de_AT"):
        assert t("{count} studies", count=12345) == "12.345 Untersuchungen"
        assert t("not a message {x}", x="{y}") == "not a message {y}"
        assert speech.retold("Not the head") == "Nicht der Kopf"
        with speaking("en"):
            assert t("Worklist") == "Worklist"
        assert speech.language() == "de"


@pytest.mark.parametrize(
    ("locale", "number", "percent", "day", "pattern"),
    [
        ("en", "1,234.50", "97.6%", "Mar 2, 2026", "MMM D, YYYY"),
        ("en_GB", "1,234.50", "97.6%", "2 Mar 2026", "D MMM YYYY"),
        ("de", "1.234,50", "97,6\u00a0%", "02.03.2026", "DD.MM.YYYY"),
    ],
)
def test_numbers_and_dates_are_written_as_the_locale_writes_them(
    locale: str, number: str, percent: str, day: str, pattern: str
) -> None:
    with speaking(locale):
        assert speech.number(1234.5, 2) == number
        assert speech.percent(0.976, 1) == percent
        assert speech.day(date(2026, 3, 2)) == day
        assert speech.day(None) == ""
        assert speech.day_pattern() == pattern


def test_a_time_says_its_zone() -> None:
    time = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
    with speaking("de"):
        assert speech.moment(time) == "02.03.2026, 14:05 UTC"
    with speaking("en_GB"):
        assert speech.moment(time) == "2 Mar 2026, 14:05 UTC"


@pytest.mark.parametrize(
    ("wait", "english", "german"),
    [
        (timedelta(seconds=-5), "0 s", "0 s"),
        (timedelta(seconds=59), "59 s", "59 s"),
        (timedelta(minutes=59), "59 min", "59 min"),
        (timedelta(hours=3, minutes=5), "3 h 05", "3 h 05"),
        (timedelta(days=2, hours=4), "2 d 4 h", "2 T 4 h"),
    ],
)
def test_a_duration_is_short(wait: timedelta, english: str, german: str) -> None:
    assert speech.duration(wait) == english
    with speaking("de"):
        assert speech.duration(wait) == german


@pytest.mark.anyio
async def test_threads_of_a_request_speak_its_language() -> None:
    with speaking("de"):
        assert await to_thread.run_sync(lambda: t("Worklist")) == "Arbeitsliste"


def test_threads_of_a_page_ask_for_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "_sources", [])
    speech.otherwise(lambda: "de")
    said: list[str] = []
    thread = Thread(target=lambda: said.append(t("Worklist")))
    thread.start()
    thread.join()
    assert said == ["Arbeitsliste"]
    with speaking("en"):
        assert t("Worklist") == "Worklist"
