"""The registry of models: who promoted, rolled back or shadowed which one, and which one is to serve.

What serves is the newest promotion that was not rolled back, else the model of TRIAGE_MODEL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from triage.errors import ConflictError, PromotionError
from triage.records import audit
from triage.records.acts import SERVING, Act, By, Entry, Model, line_of, requests_of, shadows_of
from triage.records.audit import Event
from triage.records.database import Database
from triage.records.model_tables import RegistryRow
from triage.records.tables import AIResultRow, ModelRow

CHANGED_MEANWHILE = "Somebody else changed which model serves while this page was open. Look at it anew, then decide."


#: Lock of PostgreSQL that is held while an act is checked and written; any number that nobody else uses.
ACTING = 0x7E1A6E02


_EVENTS = {
    Act.PROMOTED: Event.PROMOTED,
    Act.ROLLED_BACK: Event.ROLLED_BACK,
    Act.SHADOW_ON: Event.SHADOW,
    Act.SHADOW_OFF: Event.SHADOW,
    Act.ASKED: Event.OVERRIDE,
    Act.WITHDRAWN: Event.OVERRIDE,
}


class Registry:
    """The registry of one record. Each method that writes is one transaction and may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self) -> tuple[Entry, ...]:
        """Return all acts, the newest first."""
        with self._database.read() as session:
            return _entries(session)

    def turn(self) -> int:
        """Return the number of the newest act after which another model serves; 0 before the first. Cheap."""
        with self._database.read() as session:
            return turn_of(session)

    def promote(
        self,
        model: Model,
        *,
        by: By,
        seen: int,
        against: str,
        network: str = "",
        judgement: str = "",
        reason: str = "",
        request: int | None = None,
    ) -> Entry:
        """Let a model serve from now on; it counts as accepted here.

        Parameters
        ----------
        model
            The candidate.
        by
            Who promotes it.
        seen
            `turn` as it was when the person decided.
        against
            Digest of the card that serves.
        network
            SHA-256 of its network.
        judgement
            Digest of the file that was relied on; "" without one.
        reason
            Of an override.
        request
            Number of the request of an override, which has to be open.

        Raises
        ------
        ConflictError
            If another model serves by now, or the request is not open any more.
        PromotionError
            If results of the model could not be told from those of another.
        """
        if request is None:
            detail = f"{model.name}, card {model.card}, judged against card {against}"
        else:
            detail = f"{model.name}, card {model.card}, against its judgement, request {request}: {reason}"
        with self._acting(by, seen) as acting:
            if request is not None and request not in {one.number for one in requests_of(_entries(acting.session))}:
                raise ConflictError("This request is not open any more. Look at the page anew.")
            _refuse_likeness(acting.session, model, network)
            if acting.session.get(ModelRow, model.card) is None:
                accepted = ModelRow(card=model.card, name=model.name, accepted_at=acting.now, actor=by.actor)
                acting.session.add(accepted)
            return acting.add(Act.PROMOTED, model, against, detail, judgement=judgement, reason=reason, request=request)

    def roll_back(self, to: Model, *, by: By, seen: int, against: str) -> Entry:
        """Let the model serve that served before the newest promotion.

        Parameters
        ----------
        to
            That model, for the trail.
        by, seen, against
            As of `promote`.

        Raises
        ------
        ConflictError
            If another model serves by now.
        PromotionError
            If nothing was promoted.
        """
        with self._acting(by, seen) as acting:
            if not line_of(_entries(acting.session)):
                raise PromotionError("No model was promoted here, so there is nothing to roll back to.")
            return acting.add(Act.ROLLED_BACK, to, against, f"to {to.name}, card {to.card}, from card {against}")

    def shadow(self, model: Model, *, on: bool, by: By, against: str) -> Entry:
        """Begin or end to score new studies with a candidate, unseen.

        Raises
        ------
        ConflictError
            If it is so already.
        """
        with self._acting(by) as acting:
            if (model.card in shadows_of(_entries(acting.session))) is on:
                raise ConflictError("Somebody else changed the shadow of this model. Look at the page anew.")
            act = Act.SHADOW_ON if on else Act.SHADOW_OFF
            return acting.add(act, model, against, f"{act}: {model.name}, card {model.card}")

    def ask(self, model: Model, *, by: By, seen: int, against: str, reason: str) -> Entry:
        """Ask to promote a model against its judgement; a second administrator has to agree.

        Raises
        ------
        ConflictError
            If another model serves by now, or the same was asked already.
        """
        with self._acting(by, seen) as acting:
            if any(one.model.card == model.card for one in requests_of(_entries(acting.session))):
                raise ConflictError("An override of this model is asked for already. Look at the page anew.")
            detail = f"asked for {model.name}, card {model.card}: {reason}"
            return acting.add(Act.ASKED, model, against, detail, reason=reason)

    def withdraw(self, number: int, *, by: By) -> Entry:
        """End a request without a promotion: its author takes it back, or another administrator declines it.

        Raises
        ------
        ConflictError
            If it is not open.
        """
        with self._acting(by) as acting:
            asked = next((one for one in requests_of(_entries(acting.session)) if one.number == number), None)
            if asked is None:
                raise ConflictError("This request is not open any more. Look at the page anew.")
            detail = f"request {number} for {asked.model.name} ended without a promotion"
            return acting.add(Act.WITHDRAWN, asked.model, asked.against, detail, request=number)

    @contextmanager
    def _acting(self, by: By, seen: int | None = None) -> Iterator[_Acting]:
        """Give a transaction for one act; of two at one moment, the second is refused."""
        try:
            with self._database.write() as session:
                if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
                    session.execute(select(func.pg_advisory_xact_lock(ACTING)))
                if seen is not None and turn_of(session) != seen:
                    raise ConflictError(CHANGED_MEANWHILE)
                yield _Acting(session, by, datetime.now(UTC))
        except IntegrityError as error:
            raise ConflictError(CHANGED_MEANWHILE) from error


@dataclass(frozen=True, slots=True)
class _Acting:
    """One act within its transaction."""

    session: Session
    by: By
    now: datetime

    def add(
        self,
        act: Act,
        model: Model,
        against: str,
        detail: str,
        *,
        judgement: str = "",
        reason: str = "",
        request: int | None = None,
    ) -> Entry:
        """Write the act and its audit row."""
        row = RegistryRow(
            number=(self.session.scalar(select(func.max(RegistryRow.number))) or 0) + 1,
            at=self.now,
            actor=self.by.actor,
            account=self.by.account or None,
            act=act,
            name=model.name,
            card=model.card,
            folder=model.folder,
            against=against,
            judgement=judgement or None,
            reason=reason,
            request=request,
        )
        account = self.by.account or None
        self.session.add(row)
        self.session.add(audit.row(self.by.actor, _EVENTS[act], None, detail, self.now, account=account))
        self.session.flush()
        return _entry(row)


def _refuse_likeness(session: Session, model: Model, network: str) -> None:
    """Refuse a model whose results on the record could be taken for those of another one."""
    namesake = select(ModelRow.card).where(func.lower(ModelRow.name) == model.name.lower(), ModelRow.card != model.card)
    if session.scalar(namesake.limit(1)) is not None:
        raise PromotionError(
            f"Another model of the name {model.name} serves or served here. Give this one a name of its own: train or "
            "release it again under another name."
        )
    others = select(AIResultRow.id).where(
        AIResultRow.model_sha256 == network, AIResultRow.card.is_not(None), AIResultRow.card != model.card
    )
    if session.scalar(others.limit(1)) is not None:
        raise PromotionError(
            f"{model.name} has the network of a model that served here, with another card, so their results could not "
            "be told apart. Train it further, then release it."
        )


def turn_of(session: Session) -> int:
    """Return `Registry.turn` within a transaction."""
    return session.scalar(select(func.max(RegistryRow.number)).where(RegistryRow.act.in_(SERVING))) or 0


def _entries(session: Session) -> tuple[Entry, ...]:
    return tuple(map(_entry, session.scalars(select(RegistryRow).order_by(RegistryRow.number.desc()))))


def _entry(row: RegistryRow) -> Entry:
    return Entry(
        number=row.number,
        at=row.at,
        by=By(row.actor, row.account or ""),
        act=Act(row.act),
        model=Model(row.name, row.card, row.folder),
        against=row.against,
        reason=row.reason,
        request=row.request,
    )
