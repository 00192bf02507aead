"""Settings come from the environment; a malformed value stops the start and shows no secret."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from triage.settings import MIN_TOKEN_LENGTH, ROOT, Settings

TOKEN = "x" * MIN_TOKEN_LENGTH


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_URGENT_WAIT", "PT2H")
    monkeypatch.setenv("TRIAGE_STOW_LIMIT", "3 MiB")
    monkeypatch.setenv("TRIAGE_WORKER", "separate")
    settings = Settings()
    assert (settings.urgent_wait, settings.stow_limit) == (timedelta(hours=2), 3 * 2**20)
    assert settings.worker == "separate"


@pytest.mark.parametrize(
    ("name", "value"), [("THREADS", "0"), ("WORKER", "none"), ("STOW_LIMIT", "0"), ("URGENT_WAIT", "soon")]
)
def test_a_malformed_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TRIAGE_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_a_token_that_can_be_guessed_stops_the_start() -> None:
    with pytest.raises(ValidationError, match="openssl rand") as error:
        Settings(token=TOKEN[1:])
    assert TOKEN[1:] not in str(error.value)
    assert TOKEN not in repr(Settings(token=TOKEN))


def test_databases_and_files_are_below_home() -> None:
    settings = Settings(home=Path("/data"))
    assert (settings.url, settings.work_url) == ("sqlite:////data/triage.db", "sqlite:////data/work.db")
    assert settings.files == Path("/data/files")


def test_on_postgresql_the_queue_is_in_the_database_of_the_record() -> None:
    address = "postgresql+psycopg://triage@db/triage"
    settings = Settings(database_url=address)
    assert (settings.url, settings.work_url) == (address, address)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"invert": "i"}', '{"invert": [1]}', None])
def test_keys_that_cannot_be_read_stop_the_start(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValidationError, match=r"Begin with a copy of assets/viewer/keys\.json"):
        Settings(keys=path)
    assert Settings(keys=ROOT / "assets" / "viewer" / "keys.json").keys


@pytest.mark.parametrize(
    "address", ["https://triage.hospital.example", "http://localhost:8501", "https://t.example:8443/"]
)
def test_the_address_that_people_type_is_taken(address: str) -> None:
    assert Settings(address=address).address == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        "triage.hospital.example",
        "http://triage.hospital.example",
        "https://",
        "https://a@b.example",
        "https://b.example/?x=1",
    ],
)
@pytest.mark.parametrize("name", ["address", "oidc_issuer"])
def test_an_address_that_is_none_stops_the_start(name: str, address: str) -> None:
    with pytest.raises(ValidationError, match="address"):
        Settings(**{name: address})


def test_a_sign_in_service_is_set_up_whole() -> None:
    with pytest.raises(ValidationError, match="TRIAGE_OIDC_ROLES"):
        Settings(oidc_issuer="https://sso.example", oidc_client_id="x")
    with pytest.raises(ValidationError, match="oidc_roles"):
        Settings(oidc_roles={"everybody": "owner"})
    whole = Settings(
        oidc_issuer="https://sso.example",
        oidc_client_id="x",
        oidc_client_secret="geheim",
        oidc_roles={"readers": "radiologist"},
    )
    assert "geheim" not in repr(whole)
