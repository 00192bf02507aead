"""Which models may serve here: the first one, and those that an administrator accepted since.

Tested in tests/pipeline/test_model_guard.py.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select

from triage.errors import ModelError
from triage.records import audit, seals
from triage.records.audit import Event
from triage.records.sealed import SealedDatabase
from triage.records.tables import ModelRow, SealRow

NOT_ACCEPTED = (
    "{name} is not as this installation accepted it. Bring back the model folder from the release; if the change is "
    "meant, accept it: python -m triage accept-model"
)
PLANTED = (
    "The record says that {name} was accepted, and nobody accepted it here. Find out who changed it; for the rows: "
    "python -m triage verify"
)


class Models:
    """Accepted models of one record.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: SealedDatabase) -> None:
        self._database = database

    def accepted(self, card: str, name: str) -> bool:
        """Return whether a model was accepted here; False only if none was so far.

        Only what is sealed counts: whoever writes the database could add a row, or remove all of them.

        Parameters
        ----------
        card
            Digest of its card, which covers its files.
        name
            Of the model.

        Raises
        ------
        ModelError
            If others were accepted, and this one was not.
        """
        with self._database.read() as session:
            if seals.is_sealed(session.connection(), self._database.key, ModelRow.__tablename__, card):
                return True
            rows = session.scalar(select(func.count()).select_from(ModelRow))
            ever = session.scalar(select(func.count()).where(SealRow.what == ModelRow.__tablename__))
            if rows or ever:
                raise ModelError(NOT_ACCEPTED.format(name=name))
        return False

    def accept(self, card: str, name: str, *, actor: str) -> bool:
        """Accept a model; returns whether it was not accepted before.

        Raises
        ------
        ModelError
            If somebody else wrote that it was.
        """
        now = datetime.now(UTC)
        with self._database.write() as session:
            if session.get(ModelRow, card) is not None:
                if not seals.is_sealed(session.connection(), self._database.key, ModelRow.__tablename__, card):
                    raise ModelError(PLANTED.format(name=name))
                return False
            session.add(ModelRow(card=card, name=name, accepted_at=now, actor=actor))
            session.add(audit.row(actor, Event.MODEL, None, f"{name}, card {card}", now))
            return True
