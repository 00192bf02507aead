"""The monthly report on the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from triage.cli import app
from triage.records.audit import Event
from triage.records.store import Store
from triage.records.trail import TrailFilter
from triage.settings import Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def run(*arguments: str, code: int = 0) -> str:
    outcome = CliRunner().invoke(app, ["monthly-report", *arguments])
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def test_a_report_is_written_whole_and_audited(home: Path) -> None:
    out = home / "report.pdf"
    assert "Written to" in run("--month", "2026-01", "--out", str(out))
    assert out.read_bytes().startswith(b"%PDF")
    page = home / "report.html"
    run("--month", "2026-01", "--out", str(page), "--names", "--language", "de_AT")
    assert '<html lang="de-AT">' in page.read_text()
    assert sorted(one.name for one in home.iterdir() if one.is_file()) == ["report.html", "report.pdf"]
    settings = Settings()
    store = Store(settings.url, settings.home)
    said = [one.detail for one in store.trail.page(TrailFilter(events=(Event.EXPORTED,)), 10)]
    store.engine.dispose()
    assert said == [
        "monitoring report of 2026-01, readers by name",
        "monitoring report of 2026-01, readers by pseudonym",
    ]


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("--month", "January", "--out", "a.pdf"), "2026-10"),
        (("--month", "0001-01", "--out", "a.pdf"), "2000-01"),
        (("--month", "9999-12", "--out", "a.pdf"), "earlier month"),
        (("--month", "2999-01", "--out", "a.pdf"), "earlier month"),
        (("--month", "2026-01", "--out", "a.doc"), ".html"),
        (("--month", "2026-01", "--out", "nowhere/a.pdf"), "Create it"),
        (("--month", "2026-01", "--out", "a.pdf", "--language", "xx"), "Choose one of"),
    ],
)
def test_what_is_wrong_names_the_remedy(
    arguments: tuple[str, ...], remedy: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    assert remedy in run(*arguments, code=2)
    assert not list(home.glob("*.pdf"))
