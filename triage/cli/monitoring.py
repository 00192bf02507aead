"""The command that writes the monitoring report of a month. Tested in tests/test_cli_monitoring.py."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from triage.cli.common import check_writable, console, exit_with, operator, or_exit
from triage.languages.catalogue import LANGUAGES
from triage.languages.speech import speaking
from triage.settings import Settings

commands = typer.Typer()
#: Months before it are none of this product, and the first year of all has no month before it.
FIRST_YEAR = 2000
FORMS = (".pdf", ".html")


@commands.command()
def monthly_report(
    month: Annotated[str, typer.Option(help="The month, such as 2026-10.")],
    out: Annotated[Path, typer.Option(help="PDF or HTML file to write.")],
    names: Annotated[
        bool, typer.Option("--names", help="Name the readers; otherwise each has a pseudonym, the same every month.")
    ] = False,
    language: Annotated[str, typer.Option(help="Language of the report, such as en or de_AT.")] = "en",
) -> None:
    """Write the monitoring report of a month, noted in the audit trail; docs/monitoring.md. It names no patient."""
    from triage.access.trail import note
    from triage.pipeline.installation import Installation
    from triage.records.audit import Event

    first = _first_day(month)
    check_writable(out)
    if out.suffix.lower() not in FORMS:
        raise exit_with(f"{out.name} is neither a PDF nor an HTML file. Name one that ends in .pdf or .html.", 2)
    if language.partition("_")[0] not in LANGUAGES:
        raise exit_with(f"The report does not speak {language}. Choose one of: {', '.join(LANGUAGES)}.", 2)
    installation = or_exit(lambda: Installation(Settings()))
    with closing(installation), speaking(language), console.status("Counting studies and readings"):
        model = or_exit(lambda: installation.runtime.card.name)
        pdf, page = or_exit(lambda: installation.monitor.report(first, model, named=names))
        readers = "readers by name" if names else "readers by pseudonym"
        detail = f"monitoring report of {first:%Y-%m}, {readers}"
        or_exit(lambda: note(installation.store, Event.EXPORTED, detail, actor=operator()))
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(pdf if out.suffix.lower() == ".pdf" else page)
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise exit_with(
            f"{out} cannot be written: {error.strerror}. Free disk space, or name another file.", 1
        ) from error
    console.print(f"Written to {out}", markup=False)


def _first_day(month: str) -> date:
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise exit_with(f"{month} is no month. Write it as 2026-10.", 2) from error
    if first.year < FIRST_YEAR:
        raise exit_with(
            f"{month} is before the first month that a report covers, {FIRST_YEAR}-01. Choose a later one.", 2
        )
    if first > datetime.now(UTC).date():
        raise exit_with(f"{month} has not begun. Choose an earlier month.", 2)
    return first
