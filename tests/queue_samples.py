"""A worklist of random studies, for the tests of `triage.records`."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

from triage.domain import Band, Finding, StudyStatus
from triage.records.store import Store
from triage.records.tables import StudyRow
from triage.worklist import Waiting, WaitLimits

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
LIMITS = WaitLimits(urgent=timedelta(hours=8), routine=timedelta(hours=48))


def fill(store: Store, count: int) -> list[dict[str, object]]:
    """Random studies: every band, status and class, arrivals over four days, some malignancies alike."""
    rng = random.Random(7)
    rows: list[dict[str, object]] = []
    for number in range(count):
        status = rng.choices(list(StudyStatus), [1, 6, 1, 1, 1, 2, 1, 1])[0]
        judged = status in (StudyStatus.RANKED, StudyStatus.READ)
        rows.append(
            {
                "id": f"{number:08d}",
                "name": f"slice_{number}%.png",
                "accession_number": f"ACC{number:06d}",
                "site_band": 2,
                "arrived_at": NOW - timedelta(minutes=rng.randrange(96 * 60)),
                "study_date": date(2026, 1, rng.randrange(1, 20)) if rng.random() < 0.8 else None,
                "mrn": f"M{rng.randrange(40)}" if rng.random() < 0.8 else None,
                "status": status,
                "waiting": status in (StudyStatus.RECEIVED, StudyStatus.RANKED, StudyStatus.NOT_ANALYSABLE),
                "band": rng.randrange(3),
                "malignancy": round(rng.random(), 1) if judged else None,
                "predicted": rng.choice(list(Finding)) if judged else None,
                "reason": "because",
            }
        )
    with store.write() as session:
        session.add_all(StudyRow(**row) for row in rows)
    return rows


def waiting_of(rows: list[dict[str, object]]) -> list[Waiting]:
    return [
        Waiting(row["id"], list(Band)[int(str(row["band"]))], row["malignancy"], row["arrived_at"])  # type: ignore[arg-type]
        for row in rows
        if row["waiting"]
    ]
