"""What a signature is bound to: the reading, those before it, the AI result as shown, the pixels, model and card.

The digest stands in the signed row. A signature that is copied to another study, or whose study had another result,
fits no longer. Tested in tests/records/test_seals.py.
"""

from __future__ import annotations

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from triage.records.canonical import contents, digest, without
from triage.records.tables import AIResultRow, ReadingRow, SealRow

#: Columns of a reading that the digest cannot cover: itself, and a number that the database gives.
LEFT_OUT = ("id", "bound")

_readings: Table = ReadingRow.metadata.tables[ReadingRow.__tablename__]
_results: Table = AIResultRow.metadata.tables[AIResultRow.__tablename__]


def digest_of(session: Session, row: ReadingRow) -> str:
    """Return the digest of what a reading signs, whether its row is stored already or not.

    The pixels are in it as `contents`, the digest of all received files; the model as its sha256 in reading and result,
    and the card as `card` of the result.
    """
    own = {name: getattr(row, name) for name in _readings.columns.keys() if name not in LEFT_OUT}  # noqa: SIM118
    connection = session.connection()
    earlier = select(_readings.c.id).where(_readings.c.study_id == row.study_id, _readings.c.version < row.version)
    keys = [str(key) for key in connection.scalars(earlier.order_by(_readings.c.version))]
    before = contents(connection, _readings, keys)
    shown = select(_results.c.id).where(
        _results.c.study_id == row.study_id,
        _results.c.model_sha256 == row.model_sha256,
        _results.c.contents == row.contents,
    )
    results = contents(connection, _results, [str(key) for key in connection.scalars(shown)])
    return digest(
        {
            "reading": own,
            "before": [without(before[key], ("id",)) for key in keys],
            "result": [without(one, ("id",)) for one in results.values()],
        }
    )


def holds(session: Session, row: ReadingRow) -> bool:
    """Whether a signature fits what was signed; one that bound nothing does if the chain began with it."""
    if row.bound is not None:
        return row.bound == digest_of(session, row)
    of_row = select(func.min(SealRow.at)).where(SealRow.what == ReadingRow.__tablename__, SealRow.key == str(row.id))
    began = session.scalar(select(SealRow.at).where(SealRow.number == 1))
    return began is not None and session.scalar(of_row) == began
