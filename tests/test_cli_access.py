"""Accounts and tokens on the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from triage.access.access import Access
from triage.cli import app
from triage.records.store import Store
from triage.settings import Settings

PASSWORD = "several words in a row"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def run(*arguments: str, typed: str = "", code: int = 0) -> tuple[str, str]:
    outcome = CliRunner().invoke(app, list(arguments), input=typed)
    assert outcome.exit_code == code, outcome.output
    return outcome.stdout, outcome.stderr


def test_the_first_account_is_an_administrator_with_a_password_that_works(home: Path) -> None:
    _, said = run("account", "add", "bob", "--role", "technician", code=2)
    assert "--role administrator" in said
    printed, _ = run("account", "add", "ada", "--name", "Dr. Ada", "--role", "administrator", "--role", "radiologist")
    run("account", "add", "bob", "--role", "technician", "--ask-password", typed=f"{PASSWORD}\n")
    settings = Settings()
    store = Store(settings.url)
    access = Access(store, settings)
    from access_samples import HERE

    for login, password, changes in (("ada", printed.strip(), True), ("bob", PASSWORD, False)):
        person = access.live.person(access.sign_in.with_password(login, password, "", HERE))
        assert person is not None
        assert person.must_change == changes
    store.engine.dispose()


def test_accounts_are_listed_reset_and_closed() -> None:
    run("account", "add", "ada", "--role", "administrator")
    run("account", "add", "bob", "--role", "technician")
    assert run("account", "reset", "BOB")[0].strip()
    run("account", "close", "bob")
    _, said = run("account", "list")
    assert said.splitlines() == ["ada (ada): administrator", "bob (bob): technician, closed"]
    assert "last administrator" in run("account", "close", "ada", code=1)[1]
    assert "account list" in run("account", "close", "nobody", code=1)[1]
    assert "looks like it" in run("account", "add", "BOB", "--role", "technician", code=1)[1]


def test_tokens_are_made_listed_and_revoked() -> None:
    token, _ = run("token", "add", "MRI 1", "--may", "store", "--may", "query")
    assert len(token.strip()) >= 43
    assert run("token", "list")[1].strip() == "MRI 1: query, store, never used"
    run("token", "revoke", "MRI 1")
    assert run("token", "list")[1].strip() == "MRI 1: query, store, revoked"
    assert "no valid token" in run("token", "revoke", "MRI 1", code=1)[1]


def test_nobody_else_is_served_without_accounts_or_an_address() -> None:
    assert "account add" in run("serve", "--address", "0.0.0.0", code=1)[1]
    run("account", "add", "ada", "--role", "administrator")
    assert "TRIAGE_ADDRESS" in run("serve", "--address", "0.0.0.0", code=1)[1]
