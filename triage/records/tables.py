"""Tables of the record. Readings and audit rows are append-only: triggers refuse to change or delete them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values; they would silently mean another hour elsewhere."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the record takes aware datetimes only")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return UTC, whatever the database gives."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime(), dict[str, Any]: JSON()}


class StudyRow(Base):
    """A study with the place that its current AI result gave it.

    `band` (order of `Band`), `malignancy` and `predicted` repeat the current AI result, so that the worklist sorts
    100,000 studies from one index; they are written in the transaction that files the result, and nowhere else.
    """

    __tablename__ = "study"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    mrn: Mapped[str | None] = mapped_column(String(64))
    accession_number: Mapped[str | None] = mapped_column(String(64))
    site_band: Mapped[int]
    arrived_at: Mapped[datetime]
    ranked_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(16))
    waiting: Mapped[bool]
    band: Mapped[int]
    malignancy: Mapped[float | None]
    predicted: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)

    series: Mapped[list[SeriesRow]] = relationship(back_populates="study", order_by="SeriesRow.number")
    results: Mapped[list[AIResultRow]] = relationship(order_by="AIResultRow.id")
    readings: Mapped[list[ReadingRow]] = relationship(order_by="ReadingRow.id")

    __table_args__ = (
        Index("study_queue", "waiting", "band", "arrived_at", "malignancy", "status", "predicted", "id"),
        Index("study_arrival", "arrived_at"),
    )


class SeriesRow(Base):
    """One series of a study."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    number: Mapped[int]
    description: Mapped[str] = mapped_column(String(255))

    study: Mapped[StudyRow] = relationship(back_populates="series")
    instances: Mapped[list[InstanceRow]] = relationship(back_populates="series", order_by="InstanceRow.number")


class InstanceRow(Base):
    """One received file; its bytes lie in the files folder under `sha256`."""

    __tablename__ = "instance"

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    number: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(8))
    size: Mapped[int]

    series: Mapped[SeriesRow] = relationship(back_populates="instances")


class AIResultRow(Base):
    """What one model said of one study; scoring twice gives one row."""

    __tablename__ = "ai_result"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"))
    model: Mapped[str] = mapped_column(String(64))
    model_sha256: Mapped[str] = mapped_column(String(64))
    probabilities: Mapped[dict[str, Any]]
    band: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    filed_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("study_id", "model_sha256", name="ai_result_once"),)


class ReadingRow(Base):
    """One signed reading; append-only."""

    __tablename__ = "reading"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"))
    version: Mapped[int]
    reader: Mapped[str] = mapped_column(String(128), index=True)
    decision: Mapped[str] = mapped_column(String(16))
    finding: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    comment: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    signed_at: Mapped[datetime]
    model_sha256: Mapped[str | None] = mapped_column(String(64))

    # Two readers who sign the same version of a study at the same moment: the second one is told.
    __table_args__ = (UniqueConstraint("study_id", "version", name="reading_once"),)


class AuditRow(Base):
    """Who did what, when; append-only."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(128))
    event: Mapped[str] = mapped_column(String(32))
    study_id: Mapped[str | None] = mapped_column(String(32), index=True)
    detail: Mapped[str] = mapped_column(Text)
