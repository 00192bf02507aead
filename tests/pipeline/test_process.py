"""How a study is decoded after its receipt: by two decoders, with the same outcome as by one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from dicoms import file_of, head, mr
from helpers import redrawn, take_in
from pydicom.uid import generate_uid

from triage.domain import Plane, StudyStatus
from triage.errors import ModelError
from triage.inference.card import CARD
from triage.pipeline.installation import Installation
from triage.pipeline.process import process
from triage.pipeline.serving import Serving
from triage.pipeline.spool import Incoming
from triage.settings import Settings


def test_a_large_study_is_left_to_one_decoder(
    installation: Installation, study_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    decode = installation.door.decode
    monkeypatch.setattr(installation.door, "decode", lambda paths: asked.append(len(paths)) or decode(paths))
    (study_id,) = set(take_in(installation, study_files))
    assert sorted(asked) == [1, 5], "the localiser and the series"
    monkeypatch.setattr(sys.modules["triage.pipeline.process"], "MAX_SPLIT_BYTES", 1000)
    installation.series(study_id)
    assert asked[2:] == [6]


def test_two_decoders_make_of_a_study_what_one_makes_of_it(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    more = {
        f"{series}/{name}": redrawn(
            file,
            SeriesInstanceUID=f"1.2.3.{series}",
            SeriesNumber=series,
            SOPInstanceUID=f"1.2.3.{series}.{place}",
        )
        for series in (9, 4)
        for place, (name, file) in enumerate(study_files.items())
    }
    (study_id,) = set(take_in(installation, study_files | more))
    study = installation.store.study(study_id)
    assert len(study.series) > 3
    whole = installation.door.decode([installation.files.path(item.sha256) for item in study.instances])
    decoded = installation.series(study_id)
    assert [series.header for series in decoded] == [series.header for series in whole]
    for one, other in zip(decoded, whole, strict=True):
        assert [(slice_.instance, slice_.frame) for slice_ in one.slices] == [
            (slice_.instance, slice_.frame) for slice_ in other.slices
        ]
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one.slices, other.slices, strict=True))


@pytest.mark.parametrize("together", [True, False], ids=["one hand-over", "file by file"])
@pytest.mark.parametrize(
    "stray",
    [
        {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "PixelSpacing": [2, 2]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    ],
    ids=["coronal", "localiser"],
)
def test_one_stray_file_does_not_describe_its_series(
    installation: Installation, stray: dict[str, object], together: bool
) -> None:
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "FrameOfReferenceUID": frame}
    files = {"0.dcm": file_of(mr(head(9), number=9, **uids, **stray))}
    files |= {f"{at}.dcm": file_of(mr(head(at), number=at, **uids)) for at in range(1, 5)}
    for part in [files] if together else [{name: file} for name, file in files.items()]:
        (study_id,) = set(take_in(installation, part))
    (one,) = installation.store.study(study_id).series
    assert (one.header.plane, one.header.spacing, one.header.set_aside) == (Plane.AXIAL, (0.5, 0.6, 5.0), "")
    (row,) = installation.queue.recent(1)
    assert row.slices == 5


def test_a_copy_with_the_other_decoder_counts_once(
    installation: Installation, study_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (study_id,) = set(take_in(installation, study_files))
    alone = installation.store.study(study_id).result
    asked: list[int] = []
    decode = installation.door.decode
    monkeypatch.setattr(installation.door, "decode", lambda paths: asked.append(len(paths)) or decode(paths))
    for number, (name, file) in enumerate(study_files.items()):
        changed = {"SeriesInstanceUID": "1.2.9", "SeriesNumber": 1, "SeriesDescription": "Key images"}
        take_in(installation, {f"key/{name}": redrawn(file, SOPInstanceUID=f"1.2.9.{number}", **changed)})
        if number == 1:
            break
    asked.clear()
    decoded = installation.series(study_id)
    assert len(asked) == 2, "two decoders"
    assert [len(series.slices) for series in decoded if not series.header.set_aside] == [5]
    result = installation.store.study(study_id).result
    assert alone is not None
    assert result is not None
    assert result.probabilities == alone.probabilities


def test_a_study_waits_for_a_model_that_cannot_be_looked_up(
    settings: Settings, tmp_path: Path, study_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Path(shutil.copytree(settings.model, tmp_path / "model"))
    installation = Installation(settings.model_copy(update={"model": model, "worker": "separate"}))
    try:
        whole = (model / CARD).read_bytes()
        _ = installation.runtime
        files = [Incoming(name, data=data) for name, data in study_files.items()]
        study_id = str(installation.receive(files, actor="test")[0].study_id)
        (model / CARD).write_bytes(b"\xff" + whole)
        with pytest.raises(ModelError, match="Nothing serves"):
            process(installation, study_id)
        with monkeypatch.context() as patch:
            patch.setattr(Serving, "current", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                process(installation, study_id)
        assert installation.store.study(study_id).status is StudyStatus.RECEIVED
        (model / CARD).write_bytes(whole)
        process(installation, study_id)
        assert installation.store.study(study_id).status is StudyStatus.RANKED
    finally:
        installation.close()
