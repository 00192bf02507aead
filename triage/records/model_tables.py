"""Tables of models: what was decided about them, what a new one changed, what a candidate says beside it.

Tested in tests/records/test_registry.py, tests/records/test_reranks.py and tests/records/test_shadows.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from triage.records.tables import Base


class RegistryRow(Base):
    """One act about a model; append-only. `number` grows without gaps, so of two acts at one moment one is refused.

    `card` is the digest of the model's card, `folder` its name below ``models/`` of the home folder, "" for that of
    TRIAGE_MODEL. `against` is the card that served, `judgement` the digest of the file that was relied on, `request`
    the act that asked for an override.
    """

    __tablename__ = "registry"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(128))
    account: Mapped[str | None] = mapped_column(String(64))
    act: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(Text)
    card: Mapped[str] = mapped_column(String(64))
    folder: Mapped[str] = mapped_column(String(255))
    against: Mapped[str] = mapped_column(String(64))
    judgement: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    request: Mapped[int | None] = mapped_column(ForeignKey("registry.number"))


class RerankRow(Base):
    """What a promotion or rollback made of the rank of one open study; append-only.

    `result_id` is the AI result that ranks the study from then on; None if the model refused the study, which keeps its
    rank then. `before_...` is what was there before.
    """

    __tablename__ = "rerank"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"))
    promotion: Mapped[int] = mapped_column(ForeignKey("registry.number"))
    at: Mapped[datetime]
    model: Mapped[str] = mapped_column(Text)
    card: Mapped[str] = mapped_column(String(64))
    result_id: Mapped[int | None] = mapped_column(ForeignKey("ai_result.id"))
    refusal: Mapped[str | None] = mapped_column(Text)
    band: Mapped[int]
    malignancy: Mapped[float | None]
    predicted: Mapped[str | None] = mapped_column(String(16))
    before_model: Mapped[str] = mapped_column(Text)
    before_band: Mapped[int]
    before_malignancy: Mapped[float | None]
    before_predicted: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (UniqueConstraint("study_id", "promotion", name="rerank_once"),)


class ShadowRow(Base):
    """What a candidate says of a study while another model serves; append-only, and never shown to a reader.

    `probabilities` and `band` are None if the candidate refuses the study, with the reason in `refusal`.
    """

    __tablename__ = "shadow_result"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"))
    card: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(Text)
    model_sha256: Mapped[str] = mapped_column(String(64))
    contents: Mapped[str] = mapped_column(String(64))
    probabilities: Mapped[dict[str, Any] | None]
    band: Mapped[int | None]
    refusal: Mapped[str | None] = mapped_column(Text)
    filed_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("study_id", "card", "contents", name="shadow_result_once"),
        Index("shadow_result_card", "card"),
    )


class AttemptRow(Base):
    """How often scoring a study in the background was begun for a task: one that ends its process is left."""

    __tablename__ = "attempt"

    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), primary_key=True)
    task: Mapped[str] = mapped_column(String(80), primary_key=True)
    tries: Mapped[int]


#: Rows of these are sealed too, see `triage.records.tables.SEALED`.
SEALED_TOO = (RegistryRow, RerankRow, ShadowRow)
