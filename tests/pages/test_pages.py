"""Each page by AppTest: what it shows when there is nothing, when there is something, and when something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from helpers import encode, nifti_phantom, redrawn, sign_study, take_in, zipped
from record_samples import reading
from streamlit.testing.v1 import AppTest

from triage.domain import Decision, Finding, Plane, Resolution, StudyStatus
from triage.learning.dataset import read_dataset
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.settings import ROOT
from triage.ui import state

NOTICE = "Research use only"


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """The installation that the pages find: an empty one of this test's own."""
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    st.cache_resource.clear()
    st.cache_data.clear()
    installation = state.installation()
    yield installation
    installation.close()
    st.cache_resource.clear()


def page(path: Path, reader: str = "Dr. Ada", **query: str) -> AppTest:
    """Run a page within the app, as the navigation does."""
    app = AppTest.from_file(str(ROOT / "triage" / "ui" / "main.py"), default_timeout=60)
    app.session_state["reader"] = reader
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if path != state.WORKLIST:
        app.switch_page(str(path)).run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    kinds = (
        app.title,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.error,
        app.success,
        app.toast,
        app.text,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def receive(installation: Installation, slices: list[Phantom], count: int = 3) -> list[str]:
    return take_in(installation, {phantom.name: phantom.png for phantom in slices[:count]})


@pytest.mark.parametrize(
    "path",
    [state.WORKLIST, state.REVIEW, state.UPLOAD, state.CONFLICTS, state.READINGS, state.INSIGHTS, state.MODELS],
)
def test_every_page_says_that_it_is_for_research(installation: Installation, path: Path) -> None:
    assert NOTICE in words(page(path))


@pytest.mark.parametrize(
    ("path", "remedy"),
    [(state.REVIEW, "Upload"), (state.READINGS, "Worklist")],
)
def test_an_empty_page_says_what_to_do(installation: Installation, path: Path, remedy: str) -> None:
    assert remedy in words(page(path))


def test_read_next_opens_the_head_of_the_worklist(installation: Installation, slices: list[Phantom]) -> None:
    receive(installation, slices, 4)
    app = page(state.WORKLIST)
    _button(app, "Read next").click().run()
    expected = installation.queue.first(datetime.now(UTC))
    assert app.query_params["study"] in (expected, [expected])


def test_an_upload_answers_each_file(installation: Installation, slices: list[Phantom]) -> None:
    app = page(state.UPLOAD)
    files = [("good.png", slices[0].png, "image/png"), ("bad.png", b"text", "image/png")]
    app.file_uploader[0].set_value(files)
    app.button[0].click().run()
    assert not app.exception
    app = when_stored(installation, app)
    assert "**1** accepted  ·  :red[:material/cancel:] **1** refused" in words(app)
    assert "none of DICOM" in words(app)
    assert "number 1 on the worklist. AI: " in words(app)
    assert "scoring follows" not in words(app)


def test_what_was_sent_is_told_apart_and_leads_on(installation: Installation, study_files: dict[str, bytes]) -> None:
    """Two archives with files of the same names, one of them of another patient under the same UIDs."""
    name, file = next(iter(study_files.items()))
    other = redrawn(file, PatientID="PH9", PatientName="Roe^Richard", SOPInstanceUID="1.2.3")
    app = page(state.UPLOAD)
    archives = {"one.zip": zipped({name: file}), "two.zip": zipped({name: other})}
    app.file_uploader[0].set_value([(sent, data, "application/zip") for sent, data in archives.items()])
    app.button[0].click().run()
    app = when_stored(installation, app)
    said = words(app).replace("\\", "")
    assert (
        said.index("**one.zip**") < said.index("PHANTOM, ADA") < said.index("**two.zip**") < said.index("Roe, Richard")
    )
    assert "**1** in conflict" in said
    assert "Conflicts" in [link.proto.label for link in app.get("page_link")]
    assert "Identity conflict" in words(app.switch_page(str(state.CONFLICTS)).run())


def test_leaving_the_page_loses_no_upload(installation: Installation, study_files: dict[str, bytes]) -> None:
    """To another page and back, and by a reload, which knows the address only."""
    app = page(state.UPLOAD)
    app.file_uploader[0].set_value([(name, file, "application/dicom") for name, file in study_files.items()])
    app.button[0].click().run()
    app.switch_page(str(state.WORKLIST)).run()
    app = when_stored(installation, app.switch_page(str(state.UPLOAD)).run())
    assert f"**{len(study_files)}** accepted" in words(app)
    address = str(app.query_params["upload"])
    assert f"**{len(study_files)}** accepted" in words(page(state.UPLOAD, upload=address))
    assert "no longer listed" in words(page(state.UPLOAD, upload="0" * 32))


def test_a_disk_that_takes_nothing_is_said_at_once(installation: Installation) -> None:
    app = page(state.UPLOAD)
    installation.settings.home.joinpath("uploads").write_text("in the way")
    app.file_uploader[0].set_value([("good.png", b"1", "image/png")])
    app.button[0].click().run()
    assert "Free disk space" in words(app)


def when_stored(installation: Installation, app: AppTest) -> AppTest:
    """Return the upload page as it looks when everything is stored and ranked."""
    installation.uploads.close()
    assert installation.wait(installation.store.results.pending(), timeout=120) == []
    app.run()
    assert not app.exception, app.exception
    return app


def test_a_conflict_is_decided_by_a_person_once(installation: Installation, study_files: dict[str, bytes]) -> None:
    name, file = next(iter(study_files.items()))
    other = redrawn(file, PatientID="PH9", PatientName="Roe^Richard", SOPInstanceUID="1.2.3")
    first, second = take_in(installation, {name: file, "other.dcm": other})
    rows = installation.queue.page(_everything(), datetime.now(UTC)).rows
    assert sorted(row.mrn for row in rows) == ["PH1000", "PH9"]
    assert all("Identity conflict" in row.doubt for row in rows)
    assert "Decide on the page" in words(page(state.REVIEW, study=second))
    app = page(state.CONFLICTS)
    sides = app.dataframe[0].value.set_index("Attribute")
    assert list(sides.loc["MRN"]) == ["PH1000", "PH9"]
    assert list(sides.loc["Patient"]) == ["PHANTOM, ADA", "Roe, Richard"]
    captions = "\n".join(app.radio[0].proto.captions)
    assert "PHANTOM, ADA · MRN PH1000 · birth date unknown" in captions.replace("\\", "")
    assert "Roe, Richard · MRN PH9" in captions.replace("\\", "")
    app.session_state["reader"] = ""
    _button(app, "Decide").click().run()
    assert all(f"**{field}**" in words(app) for field in ("Decision", "Why", "Reader"))
    app.session_state["reader"] = "Dr. Ada"
    app.radio[0].set_value(Resolution.DISCARD_SECOND)
    _button(app, "Decide").click().run()
    assert "**Why**" in words(app)
    assert not any(f"**{field}**" in words(app) for field in ("Decision", "Reader"))
    stale = page(state.CONFLICTS)
    for one in (app, stale):
        one.radio[0].set_value(Resolution.DISCARD_SECOND)
        next(field for field in one.text_input if field.label == "Why").set_value("wrong label")
        _button(one, "Decide").click().run()
        assert not one.exception, one.exception
    assert "The second study was discarded" in app.toast[0].value  # in sight however far down the page it was decided
    assert "Somebody else decided" in stale.toast[0].value
    assert "No identity is in doubt" in words(app)
    assert [row.study_id for row in installation.queue.page(_everything(), datetime.now(UTC)).rows] == [first]
    study = installation.store.study(second)
    assert (study.status, study.reason) == (StudyStatus.DISCARDED, "Discarded: wrong label")
    review = page(state.REVIEW, study=second)
    assert "Discarded\\: wrong label" in words(review)
    assert "Not analysable" not in words(review)
    assert "Sign reading" not in [button.label for button in review.button]


def test_a_conflict_with_a_signed_study_says_why_it_is_not_merged(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    name, file = next(iter(study_files.items()))
    other = redrawn(file, PatientID="PH9", SOPInstanceUID="1.2.3")
    _, second = take_in(installation, {name: file, "other.dcm": other})
    assert "signed reading stays" not in words(page(state.CONFLICTS))
    installation.store.readings.sign(second, reading(), seen=0)
    app = page(state.CONFLICTS)
    assert not any("Merge" in option for option in app.radio[0].options)
    assert "signed reading stays" in words(app)


def test_a_decision_is_listed_and_undone(installation: Installation, study_files: dict[str, bytes]) -> None:
    name, file = next(iter(study_files.items()))
    other = redrawn(file, PatientID="PH9", SOPInstanceUID="1.2.3")
    studies = take_in(installation, {name: file, "other.dcm": other})
    installation.resolve(studies[1], Resolution.DISCARD_FIRST, by="Dr. Bo", reason="wrong label")
    app = page(state.CONFLICTS)
    said = words(app).replace("\\", "")
    assert "**Discard the first**: wrong label" in said
    assert "Dr. Bo · first: PHANTOM, ADA · MRN PH1000" in said
    _button(app, "Undo this decision").click().run()
    assert "**Why**" in words(app)
    next(field for field in app.text_input if field.label == "Why").set_value("it was right")
    _button(app, "Undo this decision").click().run()
    assert not app.exception, app.exception
    assert "The decision was undone" in app.toast[0].value
    assert "Undo this decision" not in [button.label for button in app.button]
    assert installation.wait(studies) == []
    rows = installation.queue.page(_everything(), datetime.now(UTC)).rows
    assert {row.study_id for row in rows} == set(studies)
    assert all(row.doubt and row.status is not StudyStatus.RECEIVED for row in rows)


def test_a_merged_study_says_where_it_went(installation: Installation, study_files: dict[str, bytes]) -> None:
    name, file = next(iter(study_files.items()))
    other = redrawn(file, PatientID="PH9", SOPInstanceUID="1.2.3")
    _, second = take_in(installation, {name: file, "other.dcm": other})
    installation.resolve(second, Resolution.MERGE, by="Dr. Ada", reason="one patient, two numbers")
    assert installation.wait(installation.store.results.pending()) == []
    assert "Merged with the study" in words(page(state.REVIEW, study=second))


def test_an_archive_becomes_a_study_with_its_patient(installation: Installation, study_files: dict[str, bytes]) -> None:
    app = page(state.UPLOAD)
    app.file_uploader[0].set_value([("study.zip", zipped(study_files), "application/zip")])
    app.button[0].click().run()
    assert not app.exception
    when_stored(installation, app)
    (row,) = installation.queue.page(_everything(), datetime.now(UTC)).rows
    assert (row.patient_name, row.mrn, row.accession_number, row.modality, row.slices) == (
        "PHANTOM^ADA",
        "PH1000",
        "ACC2000",
        "MR",
        5,
    )


def test_the_review_opens_at_the_most_suspicious_slice(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    study_id = take_in(installation, study_files)[0]
    slices = installation.store.study(study_id).result.slices  # type: ignore[union-attr]
    app = page(state.REVIEW, study=study_id)
    slider = app.slider(key=f"slice_{study_id}_{slices.series}")
    assert (slider.value, slider.max) == (slices.slice + 1, 5)
    slider.set_value(5).run()
    assert not app.exception
    said = words(app)
    assert "Slice 5 of 5" in said
    assert "MRN PH1000" in said
    assert "Set aside, not scored: localizer" in said


def test_the_reports_of_a_dicom_study_can_be_downloaded(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    app = page(state.REVIEW, study=take_in(installation, study_files)[0])
    _button(app, "DICOM reports").click().run()
    assert not app.exception
    names = [node.proto.label for node in app.get("download_button")]
    assert names
    assert all(name.endswith("\\.dcm") for name in names)
    assert "TRIAGE_STOW_TARGET" in words(app)


def test_a_picture_has_no_dicom_reports(installation: Installation, slices: list[Phantom]) -> None:
    app = page(state.REVIEW, study=receive(installation, slices, 1)[0])
    assert "DICOM reports" not in [button.label for button in app.button]


def test_a_volume_is_shown_in_three_planes(installation: Installation) -> None:
    (study_id,) = take_in(installation, {"head.nii": nifti_phantom(Finding.GLIOMA, 44)})
    app = page(state.REVIEW, study=study_id)
    assert app.segmented_control(key=f"plane_{study_id}_0").value == Plane.AXIAL
    assert "Heat map" in words(app)
    acquired = app.slider(key=f"slice_{study_id}_0").value
    app.segmented_control(key=f"plane_{study_id}_0").set_value(Plane.SAGITTAL).run()
    assert not app.exception
    cut = app.slider(key=f"slice_{study_id}_0sagittal")
    assert cut.value == cut.max // 2 + 1
    said = words(app)
    assert "Reformatted from the axial slices" in said
    assert "Heat map:" not in said
    app.segmented_control(key=f"plane_{study_id}_0").set_value(Plane.AXIAL).run()
    assert app.slider(key=f"slice_{study_id}_0").value == acquired


def test_a_study_whose_files_are_gone_can_still_be_read(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = receive(installation, slices, 1)
    installation.files.path(installation.store.study(study_id).instances[0].sha256).unlink()
    app = page(state.REVIEW, study=study_id)
    assert "backup" in words(app)
    assert not _button(app, "Confirm and sign").disabled


def test_a_reader_confirms(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = receive(installation, slices, 1)
    app = page(state.REVIEW, study=study_id)
    _button(app, "Confirm and sign").click().run()
    assert not app.exception
    study = installation.store.study(study_id)
    assert study.status is StudyStatus.READ
    assert (study.readings[0].decision, study.readings[0].reader) == (Decision.CONFIRM, "Dr. Ada")
    assert "Amend the reading" in words(app)


def test_an_override_needs_its_reason(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = receive(installation, slices, 1)
    predicted = installation.store.study(study_id).result.predicted  # type: ignore[union-attr]
    other = next(finding for finding in Finding if finding is not predicted)
    app = page(state.REVIEW, study=study_id)
    app.segmented_control(key=f"finding_{study_id}_0").set_value(other).run()
    _button(app, "Sign override").click().run()
    assert "reason code" in words(app)
    assert installation.store.study(study_id).readings == ()
    app.selectbox(key=f"reason_{study_id}_0").select_index(0).run()
    _button(app, "Sign override").click().run()
    signed = installation.store.study(study_id).readings[0]
    assert (signed.decision, signed.finding) == (Decision.OVERRIDE, other)


def test_nobody_signs_without_a_name(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = receive(installation, slices, 1)
    app = page(state.REVIEW, reader="", study=study_id)
    _button(app, "Confirm and sign").click().run()
    assert "Enter your name" in words(app)
    assert installation.store.study(study_id).readings == ()


def test_a_study_that_cannot_be_judged_is_read_without_the_ai(installation: Installation) -> None:
    (study_id,) = take_in(installation, {"blank.png": encode(np.full((256, 256), 30, np.uint8))})
    app = page(state.REVIEW, study=study_id)
    assert "Not analysable" in words(app)
    assert _button(app, "Sign reading").disabled
    app.segmented_control(key=f"finding_{study_id}_0").set_value(Finding.NOTUMOR).run()
    _button(app, "Sign reading").click().run()
    assert installation.store.study(study_id).readings[0].decision is Decision.UNAIDED


def test_a_wrong_address_is_said(installation: Installation, slices: list[Phantom]) -> None:
    receive(installation, slices, 1)
    assert "not in the record" in words(page(state.REVIEW, study="nowhere"))


def test_my_readings_lists_mine(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = receive(installation, slices, 1)
    _button(page(state.REVIEW, study=study_id), "Confirm and sign").click().run()
    app = page(state.READINGS)
    assert list(app.dataframe[0].value["Study"]) == [slices[0].name]
    assert "has not signed" in words(page(state.READINGS, reader="Dr. Other"))


def test_my_readings_make_a_data_set_to_download(
    installation: Installation, slices: list[Phantom], tmp_path: Path
) -> None:
    (study_id,) = receive(installation, slices, 1)
    sign_study(installation, study_id, Finding.MENINGIOMA, reader="Dr. Ada")
    app = page(state.READINGS)
    assert not app.get("download_button")
    app = _button(app, "Make a data set (ZIP)").click().run()
    assert not app.exception, app.exception
    assert "Studies: 1 · readings: 1 · slices: 1, with a label: 1" in words(app)
    (download,) = app.get("download_button")
    assert download.proto.label.startswith("Download (")
    path = app.session_state["ready_export"].path
    assert [entry.study for entry in read_dataset(path)] == [study_id]
    first = path
    app = _button(app, "Make a data set (ZIP)").click().run()
    assert not first.exists()


def test_the_model_page_shows_the_card(installation: Installation) -> None:
    app = page(state.MODELS)
    card = installation.runtime.card
    assert card.name in words(app)
    assert {metric.value for metric in app.metric} >= {f"{card.operating_points.glioma:.3f}"}


def _button(app: AppTest, label: str) -> object:
    return next(button for button in app.button if button.label == label)


def _everything() -> object:
    from triage.records.views import WorklistFilter

    return WorklistFilter()
