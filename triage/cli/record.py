"""Commands that keep the record trustworthy: verify, migrate, accept-model. Tested in tests/test_cli.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from triage.cli.common import console, count_of, exit_with, operator, or_exit
from triage.settings import Settings
from triage.text import terminal

if TYPE_CHECKING:
    from triage.records.store import Store

commands = typer.Typer()


def open_record(settings: Settings) -> Store:
    """Open the record of an installation without its files, queue and model."""
    from triage.records.private import keep_private
    from triage.records.store import Store

    keep_private(settings.home)
    own_tables = not settings.migration_url.get_secret_value()
    return Store(settings.url, settings.home, settings.record_key, own_tables=own_tables)


def admit_model(settings: Settings) -> None:
    """Check that a model may serve here, and say if it is not the one that was promoted.

    Raises
    ------
    ModelError
        If it may not.
    """
    from triage.pipeline.serving import Serving

    store = open_record(settings)
    try:
        if trouble := Serving(settings, store).current().trouble:
            console.print(terminal(trouble), style="red")
    finally:
        store.engine.dispose()


@commands.command()
def verify() -> None:
    """Compare the record with its seals, anchors and files; exit status 1, and the rows, if anything was changed."""
    from triage.pipeline.serving import Serving
    from triage.pipeline.watch import Watch, verify_all
    from triage.records.files import FileStore

    settings = Settings()
    store = or_exit(lambda: open_record(settings))
    watch = Watch(store, FileStore(settings.files), settings.home)
    with console.status("Reading every seal, row and file"):
        found = or_exit(lambda: verify_all(watch, Serving(settings, store)))
    for one in found.damage:
        console.print(terminal(str(one)), style="red")
    if left := found.damaged - len(found.damage):
        console.print(f"and {left:,} more")
    checked = f"{count_of(found.seals, 'seal')} and {count_of(found.files, 'file')}"
    console.print(f"Checked {checked}; the last seal is {found.head}.", highlight=False)
    if found.damaged:
        raise exit_with("The record is not as it was sealed. docs/record.md says what to do.", 1)


@commands.command()
def migrate() -> None:
    """Bring the tables up to date as the role of TRIAGE_MIGRATION_URL, and give the product's role its rights."""
    from triage.records.ownership import migrate_as_owner

    settings = Settings()
    owner = settings.migration_url.get_secret_value()
    if not owner:
        raise exit_with("Set TRIAGE_MIGRATION_URL to the address of the database as the role that owns the tables.", 2)
    or_exit(lambda: migrate_as_owner(owner, settings.url))
    console.print("The tables are up to date.")


@commands.command()
def accept_model() -> None:
    """Accept the model of TRIAGE_MODEL: from now on it may serve here. The audit trail names who did it."""
    from triage.pipeline.model_guard import ModelGuard

    settings = Settings()
    store = or_exit(lambda: open_record(settings))
    guard = ModelGuard(settings.model, store.models)
    card, is_new = or_exit(lambda: guard.accept(operator()))
    said = "Accepted" if is_new else "Accepted before:"
    console.print(f"{said} {terminal(card.name)}, card {card.digest}.", highlight=False)
