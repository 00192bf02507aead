"""What the tables hold comes back as it was stored, also from older versions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from record_samples import NOW, add, result

from triage.domain import Band, Finding, Inputs, Plane, SeriesHeader, StudyHeader
from triage.inference.slice_selection import scored_slices
from triage.records import rows
from triage.records.store import Store
from triage.records.tables import AIResultRow, InstanceRow, SeriesRow, StudyRow
from triage.records.views import Instance


def test_a_result_without_steps_covers_all_slices(store: Store) -> None:
    study_id = add(store, 1)
    now = result()
    stored = rows.slices_as_json(now.slices)
    assert stored is not None
    with store.write() as session:
        session.add(
            AIResultRow(
                study_id=study_id,
                model=now.model,
                model_sha256=now.model_sha256,
                probabilities=now.probabilities,
                band=0,
                reason="because",
                filed_at=NOW,
                contents=now.contents,
                slices={name: value for name, value in stored.items() if name != "steps"},
            )
        )
    kept = store.study(study_id).result
    assert kept is not None
    assert kept.slices is not None
    assert scored_slices(kept.slices, 0) == range(2)


@pytest.mark.parametrize("inputs", [None, Inputs(2, 1, 0.8, 91.5, 50.25)])
def test_slice_scores_come_back_as_they_were_stored(inputs: Inputs | None) -> None:
    judged = result(numbers=(1, 2)).slices
    assert judged is not None
    slices = replace(judged, inputs=inputs)
    row = AIResultRow(
        model="net",
        model_sha256="a" * 64,
        probabilities=dict.fromkeys(Finding, 0.25),
        band=Band.URGENT.order,
        reason="because",
        contents="c",
        slices=json.loads(json.dumps(rows.slices_as_json(slices))),
        prediction_set=None,
    )
    back = rows.result(row)
    assert back.slices == slices
    assert (back.ranking.band, back.prediction_set) == (Band.URGENT, ())
    assert rows.slices_as_json(None) is None


def test_missing_elements_are_empty_texts() -> None:
    assert rows.header(StudyRow()) == StudyHeader()
    row = InstanceRow(sha256="a", name="n", kind="PNG", size=1, frames=1)
    assert rows.instance(row) == Instance("a", "n", "PNG", 1)
    series = rows.series(SeriesRow(number=2, description="T1", plane="axial", spacing=[1, 1, 3], instances=[row]))
    assert series.header == SeriesHeader("", 2, "T1", plane=Plane.AXIAL, spacing=(1, 1, 3))
    assert series.instances == (rows.instance(row),)
