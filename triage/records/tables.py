"""Tables of the record. Triggers keep what is append-only as it is; what is `SEALED` is chained by hash."""

from __future__ import annotations

from datetime import UTC, date, datetime
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
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from triage.records.folding import folded, folded_name, folded_study


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values; another machine would read them in another time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("The record takes datetimes with a time zone only. Pass one with tzinfo.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return UTC for every database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(none_as_null=True),
        list[float]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
    }


def _folded_name(row: DefaultExecutionContext) -> str:
    return folded_name(_values(row).get("patient_name") or "")


def _folded_description(row: DefaultExecutionContext) -> str:
    return folded(_values(row).get("description") or "")


def _folded_study(row: DefaultExecutionContext) -> str:
    values = _values(row)
    return folded_study(*map(values.get, ("name", "patient_name", "mrn", "accession_number")))


def _values(row: DefaultExecutionContext) -> dict[str, Any]:
    values: dict[str, Any] = row.get_current_parameters()  # type: ignore[no-untyped-call]
    return values


class StudyRow(Base):
    """A study with its rank by the current AI result.

    `band` (order of `Band`), `malignancy` and `predicted` repeat the current AI result, so that the worklist sorts
    100,000 studies from one index; they are written only in the transaction that files the result.

    A study that was set aside has no `study_uid` but a `claimed_uid`, which is that of `conflict_with`; `conflict` is
    the reason until a person has decided between the two.

    `prior_of` is the newest study of the patient, if this one is a prior; see `triage.records.priors`.

    The `folded_...` columns hold text as `triage.records.folding` makes it, for searches. A new row fills them itself;
    whoever changes a name, a description or a number of a row changes them too.
    """

    __tablename__ = "study"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    study_uid: Mapped[str | None] = mapped_column(String(64))
    patient_name: Mapped[str | None] = mapped_column(Text)
    mrn: Mapped[str | None] = mapped_column(Text)
    accession_number: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    study_date: Mapped[date | None]
    sex: Mapped[str | None] = mapped_column(Text)
    age: Mapped[str | None] = mapped_column(Text)
    birth_date: Mapped[date | None]
    issuer: Mapped[str | None] = mapped_column(Text)
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
    folded_name: Mapped[str | None] = mapped_column(Text, default=_folded_name)
    folded_description: Mapped[str | None] = mapped_column(Text, default=_folded_description)
    folded_text: Mapped[str | None] = mapped_column(Text, default=_folded_study)
    claimed_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    conflict: Mapped[str | None] = mapped_column(Text)
    conflict_with: Mapped[str | None] = mapped_column(ForeignKey("study.id"), index=True)
    prior_of: Mapped[str | None] = mapped_column(String(32))

    series: Mapped[list[SeriesRow]] = relationship(back_populates="study", order_by="SeriesRow.number")
    results: Mapped[list[AIResultRow]] = relationship(order_by="AIResultRow.id")
    readings: Mapped[list[ReadingRow]] = relationship(order_by="ReadingRow.id")

    __table_args__ = (
        Index("study_queue", "waiting", "band", "arrived_at", "malignancy", "status", "predicted", "prior_of", "id"),
        Index("study_kinds", "status", "waiting", "band", "predicted"),
        Index("study_arrival", "arrived_at"),
        Index("study_patient", "mrn", "study_date"),
        Index("study_name_search", "folded_name", "id"),
        Index("study_uid_once", "study_uid", unique=True),
    )


class SeriesRow(Base):
    """One series of a study."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    number: Mapped[int]
    description: Mapped[str] = mapped_column(Text)
    uid: Mapped[str | None] = mapped_column(String(64))
    modality: Mapped[str | None] = mapped_column(String(16))
    plane: Mapped[str | None] = mapped_column(String(8))
    scanner: Mapped[str | None] = mapped_column(Text)
    spacing: Mapped[list[float] | None]
    set_aside: Mapped[str | None] = mapped_column(Text)

    study: Mapped[StudyRow] = relationship(back_populates="series")
    instances: Mapped[list[InstanceRow]] = relationship(back_populates="series", order_by="InstanceRow.number")


class InstanceRow(Base):
    """One received file; its bytes are in the files folder under `sha256`.

    `content` is the digest of its data set; None for other formats than DICOM, and in rows of earlier versions until it
    is needed. In a study that was set aside, the SOP Instance UID is a `claimed_uid`.
    """

    __tablename__ = "instance"

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    number: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(8))
    size: Mapped[int]

    sop_instance_uid: Mapped[str | None] = mapped_column(String(64))
    sop_class_uid: Mapped[str | None] = mapped_column(String(64))
    claimed_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    content: Mapped[str | None] = mapped_column(String(64))
    transfer_syntax: Mapped[str | None] = mapped_column(String(64))
    frames: Mapped[int] = mapped_column(server_default="1", default=1)

    series: Mapped[SeriesRow] = relationship(back_populates="instances")

    __table_args__ = (Index("instance_uid_once", "sop_instance_uid", unique=True),)


class AIResultRow(Base):
    """The result of one model for one study with certain contents; scoring twice gives one row. Append-only.

    `card` is the digest of the card that the model had, see `triage.inference.card`.
    """

    __tablename__ = "ai_result"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"))
    model: Mapped[str] = mapped_column(String(64))
    model_sha256: Mapped[str] = mapped_column(String(64))
    probabilities: Mapped[dict[str, Any]]
    band: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    filed_at: Mapped[datetime]
    contents: Mapped[str] = mapped_column(String(64))
    slices: Mapped[dict[str, Any] | None]
    prediction_set: Mapped[list[str] | None]
    card: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (UniqueConstraint("study_id", "model_sha256", "contents", name="ai_result_once"),)


class ReadingRow(Base):
    """One signed reading; append-only.

    `bound` is the digest of what was signed, see `triage.records.bound`; `account` is the account of the reader.
    """

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
    contents: Mapped[str | None] = mapped_column(String(64))
    role: Mapped[str | None] = mapped_column(String(16))
    lesion: Mapped[str | None] = mapped_column(Text)
    confidence: Mapped[str | None] = mapped_column(String(16))
    blind: Mapped[str | None] = mapped_column(String(16))
    account: Mapped[str | None] = mapped_column(String(64))
    meaning: Mapped[str | None] = mapped_column(String(32))
    bound: Mapped[str | None] = mapped_column(String(64))

    # Of two readers who sign the same version at the same moment, the second one gets an error.
    __table_args__ = (UniqueConstraint("study_id", "version", name="reading_once"),)


class DraftRow(Base):
    """What one reader has entered about a study and not signed yet.

    A signature that can still be taken back is in `signature`, as JSON of the reading, until `due_at`; then the reading
    is stored and the draft is gone. `seen` is the number of readings when the draft was begun.
    """

    __tablename__ = "draft"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"))
    reader: Mapped[str] = mapped_column(String(128), index=True)
    version: Mapped[int]
    seen: Mapped[int]
    entries: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]
    blind: Mapped[str | None] = mapped_column(String(16))
    signature: Mapped[dict[str, Any] | None]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    refusal: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (UniqueConstraint("study_id", "reader", name="draft_once"),)


class ImageCountRow(Base):
    """How many images a study has, without those of series that are set aside: so that 100,000 are sorted by it.

    It follows from the files, is no part of the record and is not sealed; see `triage.records.studies.count_images`.
    """

    __tablename__ = "image_count"

    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), primary_key=True)
    images: Mapped[int]


class ClaimRow(Base):
    """Who has a study open; it holds until `until`. `changed_at` is when it last passed from hand to hand."""

    __tablename__ = "claim"

    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), primary_key=True)
    reader: Mapped[str] = mapped_column(String(128))
    changed_at: Mapped[datetime] = mapped_column(index=True)
    until: Mapped[datetime]
    note: Mapped[str] = mapped_column(Text)


class AuditRow(Base):
    """Who did what, when, from where; append-only."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(128))
    event: Mapped[str] = mapped_column(String(32))
    study_id: Mapped[str | None] = mapped_column(String(32), index=True)
    detail: Mapped[str] = mapped_column(Text)
    account: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))


class PseudonymRow(Base):
    """An identifier and its pseudonym; see `triage.records.pseudonyms`."""

    __tablename__ = "pseudonym"

    id: Mapped[int] = mapped_column(primary_key=True)
    identity: Mapped[str] = mapped_column(String(16))
    original: Mapped[str] = mapped_column(Text)
    replacement: Mapped[str] = mapped_column(String(64), unique=True)
    shift: Mapped[int]
    made_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("original", "identity", name="pseudonym_once"),)


class PreferenceRow(Base):
    """What a reader has chosen for a page, under the name of the choice."""

    __tablename__ = "preference"

    reader: Mapped[str] = mapped_column(String(128), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[dict[str, Any]]


class MarkDraftRow(Base):
    """What a reader marked in a study and has not signed yet; see `triage.records.marked`."""

    __tablename__ = "mark_draft"

    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), primary_key=True)
    reader: Mapped[str] = mapped_column(String(128), primary_key=True)
    content: Mapped[dict[str, Any]]
    version: Mapped[int]
    saved_at: Mapped[datetime]


class MarkRow(Base):
    """What was marked for a signed reading; append-only."""

    __tablename__ = "mark"

    reading_id: Mapped[int] = mapped_column(ForeignKey("reading.id"), primary_key=True)
    content: Mapped[dict[str, Any]]


class ModelRow(Base):
    """A model that may serve here, by the digest of its card, which covers its files; append-only."""

    __tablename__ = "model"

    card: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    accepted_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(128))


class SealRow(Base):
    """One link of the chain, see `triage.records.seals`; append-only."""

    __tablename__ = "seal"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(64))

    __table_args__ = (Index("seal_of_row", "what", "key", "number"),)


#: Every change of a row of these tables is sealed; each has one column as its key.
SEALED = (StudyRow, SeriesRow, InstanceRow, AIResultRow, ReadingRow, MarkRow, AuditRow, PseudonymRow, ModelRow)
