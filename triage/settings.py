"""Settings of an installation, from the environment (``TRIAGE_...``) or a ``.env`` file; each has a default."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import ByteSize, Field, SecretStr, TypeAdapter, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

#: Shorter tokens can be guessed: characters.
MIN_TOKEN_LENGTH = 32
#: The folder that holds app.py, pages/, models/ and assets/.
ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Typed settings; a malformed value stops the start with a message that names the setting."""

    model_config = SettingsConfigDict(
        env_prefix="TRIAGE_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # tokens and passwords are among them
    )

    home: Path = Field(default=ROOT / "var", description="Folder of everything that the installation writes.")
    database_url: str = Field(default="", description="SQLAlchemy address; empty: SQLite in the home folder.")
    migration_url: SecretStr = Field(
        default=SecretStr(""),
        description="Address of the database as the role that owns its tables; empty: the role of TRIAGE_DATABASE_URL.",
    )
    record_key: Path | None = Field(
        default=None, description="File of the key that seals the record; unset: `keys/record.key` in the home folder."
    )
    model: Path = Field(default=ROOT / "models" / "two-look-v7", description="Folder of the model in use.")
    data: Path = Field(
        default=ROOT.parent / "shared" / "data", description="Folder of the training data with its manifest.csv."
    )
    more: Path = Field(
        default=ROOT.parent / "shared" / "more", description="Folder of further training data with its manifest.csv."
    )
    urgent_wait: timedelta = Field(
        default=timedelta(hours=8), description="Wait after which an URGENT study is in line for the share."
    )
    routine_wait: timedelta = Field(
        default=timedelta(hours=48), description="Wait after which a ROUTINE study is in line for the share."
    )
    worker: Literal["embedded", "separate"] = Field(
        default="embedded",
        description="Who scores: the web process (embedded), or `python -m triage worker` (separate).",
    )
    keys: Path | None = Field(
        default=None, description="JSON file with other keys of the viewer; unset: `assets/viewer/keys.json`."
    )
    threads: int = Field(default=2, ge=1, description="Slices of a study scored in parallel.")
    deidentify: bool = Field(
        default=False, description="Remove the identity of the patient from every file before it is stored."
    )
    second_read: bool = Field(
        default=True, description="Every glioma, called by a reader or by the AI, waits for a second reader."
    )
    blind_first_read: bool = Field(
        default=False, description="Show the AI result only after the reader has committed a class."
    )
    stow_target: str = Field(
        default="", description="DICOMweb address of the PACS that reports are sent to; empty: none."
    )
    stow_token: SecretStr = Field(default=SecretStr(""), description="Bearer token for that address; empty: none.")

    token: SecretStr = Field(
        default=SecretStr(""), description="Token that DICOMweb peers present; empty: DICOMweb is off."
    )
    stow_limit: ByteSize = Field(default=ByteSize(2 * 2**30), gt=0, description="Largest body of one STOW-RS request.")

    address: str = Field(
        default="",
        description="Address that people type, such as https://triage.hospital.example; empty: this computer.",
    )
    session_idle: timedelta = Field(
        default=timedelta(minutes=30), gt=timedelta(0), description="Time without activity after which a session ends."
    )
    session_limit: timedelta = Field(
        default=timedelta(hours=12), gt=timedelta(0), description="Time after which a session ends in any case."
    )
    sign_with_password: bool = Field(
        default=False, description="Every signature asks for the password, or a new sign-in at the sign-in service."
    )
    oidc_issuer: str = Field(default="", description="Address of the sign-in service (OpenID Connect); empty: none.")
    oidc_client_id: str = Field(default="", description="Name of this installation at the sign-in service.")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="Its secret there.")
    oidc_scope: str = Field(default="openid profile", description="What is asked of the sign-in service.")
    oidc_groups: str = Field(default="groups", description="Claim that holds the groups of a person.")
    oidc_name: str = Field(default="name", description="Claim that holds the name that is signed.")
    oidc_roles: dict[str, Literal["technician", "radiologist", "administrator"]] = Field(
        default_factory=dict, description="Role of each group, as JSON."
    )

    @field_validator("address", "oidc_issuer")
    @classmethod
    def _web_address(cls, address: str) -> str:
        if not address:
            return ""
        parts = urlsplit(address)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (local and parts.scheme == "http"):
            raise ValueError("This is no https address. Write it as https://triage.hospital.example")
        if not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("An address is https:// and the name of the server, no more. Leave out the rest.")
        return address.rstrip("/")

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_roles):
            raise ValueError(
                "TRIAGE_OIDC_ISSUER needs TRIAGE_OIDC_CLIENT_ID, and TRIAGE_OIDC_ROLES such as "
                '{"radiologists": "radiologist"}. Set both'
            )
        return self

    @field_validator("token")
    @classmethod
    def _long_enough(cls, token: SecretStr) -> SecretStr:
        if 0 < len(token.get_secret_value()) < MIN_TOKEN_LENGTH:
            raise ValueError(
                f"TRIAGE_TOKEN is shorter than {MIN_TOKEN_LENGTH} characters. Make one with: openssl rand -hex 32"
            )
        return token

    @field_validator("keys")
    @classmethod
    def _keys_by_action(cls, keys: Path | None) -> Path | None:
        if keys is not None:
            try:
                TypeAdapter(dict[str, list[str]]).validate_json(keys.read_bytes())
            except (OSError, ValueError) as error:
                raise ValueError(
                    "TRIAGE_KEYS is no JSON file of actions and keys. Begin with a copy of assets/viewer/keys.json"
                ) from error
        return keys

    @property
    def url(self) -> str:
        """Address of the database of the record."""
        return self.database_url or f"sqlite:///{(self.home / 'triage.db').resolve()}"

    @property
    def work_url(self) -> str:
        """Address of the database of the durable queue: the PostgreSQL server of the record, or a SQLite file."""
        return self.url if self.url.startswith("postgresql") else f"sqlite:///{(self.home / 'work.db').resolve()}"

    @property
    def files(self) -> Path:
        """Folder of the received files, each under its sha256."""
        return self.home / "files"
