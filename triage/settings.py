"""What an installation may set, from the environment (``TRIAGE_...``) or a ``.env`` file; all of it has a default."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

#: A token that is shorter can be guessed.
MIN_TOKEN = 32
#: The folder that holds app.py, pages/, models/ and assets/.
ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Typed settings; an unknown or malformed value stops the start with a message that names it."""

    model_config = SettingsConfigDict(
        env_prefix="TRIAGE_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # tokens and passwords are among them
    )

    home: Path = Field(default=ROOT / "var", description="Everything that the installation writes lies here.")
    database_url: str = Field(default="", description="SQLAlchemy address; empty: SQLite in the home folder.")
    model: Path = Field(default=ROOT / "models" / "two-look-v6", description="Folder of the model that serves.")
    data: Path = Field(default=ROOT.parent / "shared" / "data", description="Training data with its manifest.csv.")
    urgent_wait: timedelta = Field(
        default=timedelta(hours=8), description="After this wait an URGENT study is moved up."
    )
    routine_wait: timedelta = Field(
        default=timedelta(hours=48), description="After this wait a ROUTINE study is moved up."
    )
    worker: Literal["embedded", "separate"] = Field(
        default="embedded", description="Who scores: the web process itself, or `python -m triage worker` beside it."
    )
    threads: int = Field(default=2, ge=1, description="Slices of a study scored side by side.")
    deidentify: bool = Field(default=False, description="Take out of every file who it is of, before it is stored.")
    stow_target: str = Field(default="", description="DICOMweb address that results are sent to; empty: none.")
    stow_token: SecretStr = Field(default=SecretStr(""), description="Bearer token for it; empty: none.")

    token: SecretStr = Field(
        default=SecretStr(""), description="What DICOMweb peers present; empty: the DICOMweb door is shut."
    )
    stow_limit: ByteSize = Field(default=ByteSize(2 * 2**30), gt=0, description="Largest body of one STOW-RS request.")

    @field_validator("token")
    @classmethod
    def _long_enough(cls, token: SecretStr) -> SecretStr:
        if 0 < len(token.get_secret_value()) < MIN_TOKEN:
            raise ValueError(
                f"TRIAGE_TOKEN is shorter than {MIN_TOKEN} characters. Make one with: openssl rand -hex 32"
            )
        return token

    @property
    def url(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{(self.home / 'triage.db').resolve()}"

    @property
    def work_url(self) -> str:
        """Address of the database that the durable work is kept in: the record's own server, or a file beside it."""
        return self.url if self.url.startswith("postgresql") else f"sqlite:///{(self.home / 'work.db').resolve()}"

    @property
    def files(self) -> Path:
        """Folder of the received files, each under its sha256."""
        return self.home / "files"
