"""Each page by AppTest: what it shows when there is nothing, when there is something, and when something is wrong."""

from __future__ import annotations

import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encode, redrawn, sign_study, take_in, zipped
from record_samples import add, reading, result
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from triage.domain import Beyond, Finding, Resolution, StudyStatus
from triage.learning.dataset import read_dataset
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.pipeline.uploads import Progress
from triage.reading import Entries
from triage.records.worklist_views import WorklistFilter
from triage.settings import ROOT
from triage.ui import state, tables
from triage.ui.reports import name_of

NOTICE = "Research use only"


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
    html = [element.proto.body for element in app.get("html")]
    return "\n".join([*(str(element.value) for kind in kinds for element in kind), *html])


def receive(installation: Installation, slices: list[Phantom], count: int = 3) -> list[str]:
    return take_in(installation, {phantom.name: phantom.png for phantom in slices[:count]})


@pytest.mark.parametrize(
    "path",
    [
        *(state.WORKLIST, state.REVIEW, state.UPLOAD, state.CONFLICTS),
        *(state.READINGS, state.INSIGHTS, state.MODELS, state.MONITORING),
    ],
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
    expected = installation.queue.page(WorklistFilter(), datetime.now(UTC)).rows[0].study_id
    assert app.query_params["study"] in (expected, [expected])


def test_who_opens_another_page_or_study_leaves_the_one_that_was_open(
    installation: Installation, slices: list[Phantom]
) -> None:
    first, second = receive(installation, slices, 2)

    def held() -> list[str]:
        return [one for one in (first, second) if installation.store.claims.holder(one, datetime.now(UTC))]

    app = page(state.REVIEW, study=first)
    app.run()
    assert held() == [first]
    app.query_params["study"] = second
    app.run()
    assert held() == [second]
    app.switch_page(str(state.WORKLIST)).run()
    assert held() == []
    app = page(state.REVIEW, study=first)
    typed = Entries(comment="a ring")
    installation.store.drafts.save(first, "Dr. Ada", typed, base=0, seen=0, now=datetime.now(UTC))
    app.switch_page(str(state.READINGS)).run()
    assert held() == [first], "a draft is there"


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


def test_before_a_blind_reading_an_upload_tells_nothing_of_the_ai(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    app = page(state.UPLOAD)
    app.file_uploader[0].set_value([("good.png", slices[0].png, "image/png")])
    app.button[0].click().run()
    app = when_stored(installation, app)
    assert "it waits for a blind reading." in words(app)
    assert "AI: " not in words(app)
    assert "number 1" not in words(app)
    (arrivals,) = app.dataframe
    assert not {"band", "p_glioma", "ai_label", "rank_reason"} & set(arrivals.value.columns)
    sent = arrivals.proto.SerializeToString()
    assert not [finding for finding in Finding if finding.label.encode() in sent]
    assert b"color: " not in sent


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
    assert "The disk does not answer" in words(app)


def test_what_is_sent_takes_the_place_of_an_earlier_answer_at_once(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(state.UPLOAD)
    app.file_uploader[0].set_value([("bad.png", b"text", "image/png")])
    app.button[0].click().run()
    app = when_stored(installation, app)
    assert "none of DICOM" in words(app)
    said = []
    monkeypatch.setattr(DeltaGenerator, "progress", lambda _, share, text: said.append((share, text)))
    monkeypatch.setattr(installation.uploads, "begin", lambda *_, **__: said.append("handed over") or "a" * 32)
    app.file_uploader[0].set_value([("other.png", b"text", "image/png")])
    app.button[0].click().run()
    assert said[:2] == [(0.0, "Taking over what was chosen, 1 file(s). Stay on this page for a moment."), "handed over"]
    assert "none of DICOM" not in words(app)


def when_stored(installation: Installation, app: AppTest) -> AppTest:
    """Return the upload page as it looks when everything is stored and ranked."""
    installation.uploads.close()
    assert installation.wait(installation.store.results.pending(), timeout=120) == []
    app.run()
    assert not app.exception, app.exception
    return app


@pytest.mark.parametrize(("done", "share"), [(0, 0), (18, 50), (35, 97)])
def test_the_bar_of_an_upload_stands_where_its_words_do(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, done: int, share: int
) -> None:
    state_of_it = Progress(done=done, known=36, name="scan.dcm", receipts=None, error="")
    monkeypatch.setattr(type(installation.uploads), "progress", lambda *_: state_of_it)
    (bar,) = page(state.UPLOAD, upload="a" * 32).get("progress")
    assert bar.proto.text.startswith(f"Storing {done + 1} of 36: ")
    assert bar.proto.value == share


def test_a_conflict_is_decided_by_a_person_once(installation: Installation, study_files: dict[str, bytes]) -> None:
    name, file = next(iter(study_files.items()))
    other = redrawn(file, PatientID="PH9", PatientName="Roe^Richard", SOPInstanceUID="1.2.3")
    first, second = take_in(installation, {name: file, "other.dcm": other})
    rows = installation.queue.page(WorklistFilter(), datetime.now(UTC)).rows
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
    assert [row.study_id for row in installation.queue.page(WorklistFilter(), datetime.now(UTC)).rows] == [first]
    study = installation.store.study(second)
    assert (study.status, study.reason) == (StudyStatus.DISCARDED, "Discarded: wrong label")
    review = page(state.REVIEW, study=second)
    assert "Discarded\\: wrong label" in words(review)
    assert "Not analysable" not in words(review)
    assert not [node for node in review.get("bidi_component") if node.proto.component_name == "reading_form"]


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
    rows = installation.queue.page(WorklistFilter(), datetime.now(UTC)).rows
    assert {row.study_id for row in rows} == set(studies)
    assert all(row.doubt and row.status is not StudyStatus.RECEIVED for row in rows)


def test_a_merge_is_asked_for_twice(installation: Installation, study_files: dict[str, bytes]) -> None:
    name, file = next(iter(study_files.items()))
    other = redrawn(file, PatientID="PH9", SOPInstanceUID="1.2.3")
    _, second = take_in(installation, {name: file, "other.dcm": other})
    app = page(state.CONFLICTS)
    app.session_state["reader"] = "Dr. Ada"

    def decide(choice: Resolution) -> StudyStatus:
        app.radio[0].set_value(choice)
        next(field for field in app.text_input if field.label == "Why").set_value("one patient, two numbers")
        _button(app, "Decide").click().run()
        assert not app.exception, app.exception
        return installation.store.study(second).status

    assert decide(Resolution.MERGE) is not StudyStatus.MERGED
    assert re.search(r"Press Decide again to merge them\. One study with all 2 files.*of \*\*", words(app))
    assert decide(Resolution.MERGE_AS_SECOND) is not StudyStatus.MERGED, "another merge was asked for"
    assert decide(Resolution.MERGE_AS_SECOND) is StudyStatus.MERGED
    assert installation.wait(installation.store.results.pending()) == []


def test_a_merged_study_says_where_it_went(installation: Installation, study_files: dict[str, bytes]) -> None:
    name, file = next(iter(study_files.items()))
    other = redrawn(file, PatientID="PH9", SOPInstanceUID="1.2.3")
    _, second = take_in(installation, {name: file, "other.dcm": other})
    entered = Entries(Beyond.OTHER_LESION, "cyst", comment="first *line*\nsecond")
    drafts = installation.store.drafts
    drafts.save(second, "Dr. Ada", entered, base=0, seen=0, now=datetime.now(UTC))
    installation.resolve(second, Resolution.MERGE, by="Dr. Ada", reason="one patient, two numbers")
    assert installation.wait(installation.store.results.pending()) == []
    app = page(state.REVIEW, study=second)
    assert "Merged with the study" in words(app)
    assert [code.value for code in app.code] == ["Other lesion: cyst\nfirst *line*\nsecond"], "to be copied"
    app = page(state.REVIEW, reader="Dr. Bo", study=second)
    assert "Merged with the study" in words(app)
    assert not app.code, "nobody else's"


def test_what_was_entered_in_a_discarded_study_is_in_sight(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    name, file = next(iter(study_files.items()))
    other = redrawn(file, PatientID="PH9", SOPInstanceUID="1.2.3")
    _, second = take_in(installation, {name: file, "other.dcm": other})
    entered = Entries(comment="a ring")
    installation.store.drafts.save(second, "Dr. Ada", entered, base=0, seen=0, now=datetime.now(UTC))
    installation.resolve(second, Resolution.DISCARD_SECOND, by="Dr. Ada", reason="wrong label")
    assert [code.value for code in page(state.REVIEW, study=second).code] == ["a ring"]


def test_an_archive_becomes_a_study_with_its_patient(installation: Installation, study_files: dict[str, bytes]) -> None:
    app = page(state.UPLOAD)
    app.file_uploader[0].set_value([("study.zip", zipped(study_files), "application/zip")])
    app.button[0].click().run()
    assert not app.exception
    when_stored(installation, app)
    (row,) = installation.queue.page(WorklistFilter(), datetime.now(UTC)).rows
    assert (row.patient_name, row.mrn, row.accession_number, row.modality, row.slices) == (
        "PHANTOM^ADA",
        "PH1000",
        "ACC2000",
        "MR",
        5,
    )


def test_the_review_names_the_patient_above_the_picture_and_beside_it(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    study_id = take_in(installation, study_files)[0]
    app = page(state.REVIEW, study=study_id)
    (viewer,) = (one for one in app.get("bidi_component") if one.proto.component_name == "viewer")
    data = json.loads(viewer.proto.json)
    assert data["study"] == study_id
    assert data["banner"] == "PHANTOM, ADA · F · 54Y · MRN PH1000 · Accession ACC2000 · Mar 2, 2026"
    said = words(app)
    assert "MRN PH1000" in said
    assert "Set aside, not scored: localizer" in said.replace("\\", "")


def test_the_reports_of_a_dicom_study_can_be_downloaded(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    app = page(state.REVIEW, study=take_in(installation, study_files)[0])
    _button(app, "DICOM reports").click().run()
    assert not app.exception
    names = [node.proto.label for node in app.get("download_button")]
    assert names[0].replace("\\", "") == "SR-1_ACC2000_2026-03-02.dcm"
    assert all(name.endswith("\\.dcm") for name in names)
    assert len(set(names)) == len(names)
    assert "TRIAGE_STOW_TARGET" in words(app)


def test_the_report_is_shown_and_can_be_downloaded(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = receive(installation, slices, 1)
    app = page(state.REVIEW, study=study_id)
    _button(app, "Report").click().run()
    assert not app.exception
    assert [node.proto.label for node in app.get("download_button")] == ["PDF", "FHIR"]
    study = installation.store.study(study_id)
    assert name_of("report", study, ".pdf") == f"report_{study_id[:8]}_{study.arrived_at:%Y-%m-%d}.pdf"
    _button(app, "Back to the reading").click().run()
    assert not app.get("download_button")
    assert _form(app)["verb"] == "Confirm and sign"


def test_a_report_says_that_a_signature_is_not_in_it_yet(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,), later = receive(installation, slices, 1), datetime.now(UTC) + timedelta(hours=1)
    installation.store.drafts.hold(study_id, reading(reader="Dr. Ada"), seen=0, due=later)
    app = page(state.REVIEW, study=study_id)
    _button(app, "Report").click().run()
    assert "can still be taken back, so it is not in here yet" in words(app)
    installation.store.drafts.settle(later + timedelta(hours=1))
    assert "can still be taken back" not in words(app.run())


def test_a_picture_has_no_dicom_reports(installation: Installation, slices: list[Phantom]) -> None:
    app = page(state.REVIEW, study=receive(installation, slices, 1)[0])
    assert "DICOM reports" not in [button.label for button in app.button]


def test_a_study_whose_files_are_gone_can_still_be_read(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = receive(installation, slices, 1)
    installation.files.path(installation.store.study(study_id).instances[0].sha256).unlink()
    app = page(state.REVIEW, study=study_id)
    assert _form(app)["verb"] == "Confirm and sign"


def test_the_form_gets_what_it_needs_and_no_class(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = receive(installation, slices, 1)
    form = _form(page(state.REVIEW, study=study_id))
    predicted = installation.store.study(study_id).result.predicted  # type: ignore[union-attr]
    assert (form["study"], form["reader"], form["predicted"]) == (study_id, "Dr. Ada", predicted)
    assert [value for value, _ in form["choices"]] == [*Finding, *Beyond]
    assert form["snapshot"]["draft"] is None
    assert form["snapshot"]["claim"]["reader"] == "Dr. Ada"
    sign_study(installation, study_id, Finding.NOTUMOR)
    assert _form(page(state.REVIEW, study=study_id))["title"] == "Amend the reading"


def test_two_readers_get_two_studies_and_see_who_reads_the_other(
    installation: Installation, slices: list[Phantom]
) -> None:
    receive(installation, slices, 2)
    first, second = (_form(page(state.REVIEW, reader=reader))["study"] for reader in ("Dr. Ada", "Dr. Bo"))
    assert first != second
    claim = _form(page(state.REVIEW, reader="Dr. Bo", study=first))["snapshot"]["claim"]
    assert (claim["reader"], claim["mine"]) == ("Dr. Ada", False)


def test_a_reader_who_changes_their_name_has_the_study_open_under_the_new_one(
    installation: Installation, slices: list[Phantom]
) -> None:
    receive(installation, slices, 1)
    app, claims = page(state.REVIEW, reader="Dr. Adda"), installation.store.claims
    study = _form(app)["study"]
    other = page(state.REVIEW, reader="Dr. Adda", study=study)
    app.session_state["reader"] = "Dr. Ada"
    app.run()
    claim = _form(app)["snapshot"]["claim"]
    assert (claim["reader"], claim["mine"]) == ("Dr. Ada", True)
    claim = _form(other.run())["snapshot"]["claim"]
    assert (claim["reader"], claim["mine"]) == ("Dr. Ada", False), "another tab with the old name is told the truth"
    app.switch_page(str(state.WORKLIST)).run()
    assert claims.holder(study, state.now()) is None


def test_a_study_that_cannot_be_judged_is_read_without_the_ai(installation: Installation) -> None:
    (study_id,) = take_in(installation, {"blank.png": encode(np.full((256, 256), 30, np.uint8))})
    app = page(state.REVIEW, study=study_id)
    assert "Not analysable" in words(app)
    form = _form(app)
    assert (form["verb"], form["predicted"]) == ("Sign reading", "")


def test_a_second_reader_sees_no_first_reading(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = receive(installation, slices, 1)
    sign_study(installation, study_id, Finding.GLIOMA, reader="Dr. Bo", comment="butterfly", second_read=True)
    app = page(state.REVIEW, study=study_id)
    assert "Dr\\. Bo has signed" in words(app)
    assert "butterfly" not in words(app)
    assert _form(app)["title"] == "Second reading"
    assert "butterfly" in words(page(state.REVIEW, reader="Dr. Bo", study=study_id))
    # The first reader, who looks at it again, does not keep the second one away.
    installation.store.claims.release(study_id, "Dr. Ada", datetime.now(UTC))
    page(state.REVIEW, reader="Dr. Bo", study=study_id)
    assert installation.store.claims.holder(study_id, datetime.now(UTC)) is None
    sign_study(installation, study_id, Finding.NOTUMOR, second_read=True, comment="clear")
    app = page(state.REVIEW, study=study_id)
    assert _form(app)["title"] == "Arbitration: two readers disagree"
    assert "Comment: butterfly" in words(app)
    assert "Comment: clear" in words(app)


def test_a_blind_reader_sees_nothing_of_the_ai_before_committing(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    (study_id,) = receive(installation, slices, 1)
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    app = page(state.REVIEW, study=study_id)
    assert "Blind reading" in words(app)
    assert not any("AI:" in node.proto.body for node in app.get("html"))
    assert not any("Probability of each class" in node.proto.body for node in app.get("html"))
    form = _form(app)
    assert (form["blind"], form["predicted"]) == (True, "")
    installation.store.drafts.commit_blind(study_id, "Dr. Ada", Finding.NOTUMOR, seen=0, now=datetime.now(UTC))
    app = page(state.REVIEW, study=study_id)
    assert any("AI:" in node.proto.body for node in app.get("html"))
    (bars,) = (node.proto.body for node in app.get("html") if "Probability of each class" in node.proto.body)
    result = installation.store.study(study_id).result
    assert result is not None
    for finding in Finding:
        assert f"{finding.label}</th>" in bars
        assert f">{result.probabilities[finding]:.1%}</span>" in bars
    assert _form(app)["blind"] is False


def test_what_the_ai_never_judged_is_read_without_a_class_committed_first(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = add(installation.store, 1)
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    app = page(state.REVIEW, study=study_id)
    assert "You can read the study without the AI" in words(app)
    assert _form(app)["blind"] is False
    installation.store.results.file_not_analysable(study_id, "Damaged slice")
    app = page(state.REVIEW, study=study_id)
    assert "Damaged slice" in words(app)
    assert (_form(app)["blind"], _form(app)["verb"]) == (False, "Sign reading")


def test_a_blind_reader_is_told_that_no_ai_result_follows(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had one, and more images came, which cannot be judged."""
    store = installation.store
    study_id = add(store, 1, uid="1.2.3")
    store.results.file(study_id, result())
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    app = page(state.REVIEW, study=study_id)
    assert "The AI result is shown once you have committed a class" in words(app)
    assert _form(app)["verb"] == "Commit, then show the AI"
    assert add(store, 2, uid="1.2.3") == study_id
    store.results.file_not_analysable(study_id, "Damaged slice")
    said = words(page(state.REVIEW, study=study_id))
    assert "The AI result is shown" not in said
    assert "No AI result follows: the study is not analysable. Damaged slice." in said.replace("\\", "")
    app = page(state.REVIEW, study=study_id)
    assert (_form(app)["blind"], _form(app)["verb"]) == (True, "Commit the class")


def test_a_blind_arbitration_does_not_learn_from_the_readings_what_the_ai_said(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    (study_id,) = receive(installation, slices, 1)
    for reader, finding in (("Dr. A", Finding.GLIOMA), ("Dr. B", Finding.NOTUMOR)):
        sign_study(installation, study_id, finding, reader=reader, second_read=True)
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    said = words(page(state.REVIEW, study=study_id)).replace("\\", "")
    assert "First reading, Dr. A, " in said
    assert "Second reading, Dr. B, " in said
    assert "the AI result:" not in said
    assert "confirms the AI" not in said
    installation.store.drafts.commit_blind(study_id, "Dr. Ada", Finding.NOTUMOR, seen=2, now=datetime.now(UTC))
    said = words(page(state.REVIEW, study=study_id)).replace("\\", "")
    assert "overrides the AI result: wrong class" in said
    assert "confirms the AI result" in said


def test_a_wrong_address_is_said(installation: Installation, slices: list[Phantom]) -> None:
    receive(installation, slices, 1)
    assert "not in the record" in words(page(state.REVIEW, study="nowhere"))


def test_my_readings_lists_mine(installation: Installation, study_files: dict[str, bytes]) -> None:
    (study_id,) = set(take_in(installation, study_files))
    sign_study(installation, study_id, Finding.MENINGIOMA, reader="Dr. Ada")
    sign_study(installation, study_id, Finding.NOTUMOR, reader="Dr. Ada", comment="better pictures")
    (newest, oldest) = page(state.READINGS).dataframe[0].value.to_dict("records")
    assert (newest["patient_name"], newest["mrn"], newest["accession"]) == ("PHANTOM, ADA", "PH1000", "ACC2000")
    assert (newest["state"], newest["changed"]) == ("amended", "Meningioma → No tumour")
    assert (oldest["state"], oldest["changed"]) == ("superseded", "")
    assert list(page(state.READINGS).dataframe[0].proto.column_order) == list(tables.IN_SIGHT)
    counts = {one.label: one.value for one in page(state.READINGS).metric}
    assert counts == {"Readings": "1", "Overrides": "0", "Without AI": "0", "Superseded": "1"}
    assert "has not signed" in words(page(state.READINGS, reader="Dr. Other"))


@pytest.mark.parametrize("discreet", [True, False])
def test_my_readings_make_a_data_set_to_download(
    installation: Installation, slices: list[Phantom], discreet: bool
) -> None:
    (study_id,) = receive(installation, slices, 1)
    sign_study(installation, study_id, Finding.MENINGIOMA, reader="Dr. Ada", comment="Mrs Miller")
    app = page(state.READINGS)
    assert not app.get("download_button")
    assert "burned-in text" in words(app)
    assert app.checkbox[0].value is True
    if not discreet:
        app.checkbox[0].uncheck().run()
        assert "name the readers" in words(app)
    app = _button(app, "Make it").click().run()
    assert not app.exception, app.exception
    assert "Studies: 1 · readings: 1 · slices: 1, with a label: 1" in words(app)
    (download,) = app.get("download_button")
    assert download.proto.label.startswith("Download (")
    path = app.session_state["ready_export"].path
    assert [entry.study for entry in read_dataset(path).studies] == [study_id]
    with zipfile.ZipFile(path) as archive:
        assert (b"Miller" in archive.read("readings.csv")) is not discreet


def test_the_model_page_shows_the_card(installation: Installation) -> None:
    app = page(state.MODELS)
    card = installation.runtime.card
    assert card.name in words(app)
    assert {metric.value for metric in app.metric} >= {f"{card.operating_points.glioma:.3f}"}


def test_a_damaged_record_is_said_on_the_model_page(installation: Installation) -> None:
    add(installation.store, 1)  # whose file is not there
    assert not page(state.MODELS).error
    installation.watch.verify()
    (said,) = page(state.MODELS).error
    assert "file missing" in said.value


def _form(app: AppTest) -> dict[str, Any]:
    """Return what the form of the reading gets from Python; the form itself is tested in Chromium."""
    (form,) = (node.proto for node in app.get("bidi_component") if node.proto.component_name == "reading_form")
    found: dict[str, Any] = json.loads(form.json)
    return found


def _button(app: AppTest, label: str) -> object:
    return next(button for button in app.button if button.label == label)


def test_a_signature_that_can_still_be_taken_back_is_said_among_the_readings(installation: Installation) -> None:
    study_id, now = add(installation.store, 1), datetime.now(UTC)
    installation.store.drafts.hold(study_id, reading(reader="Dr. Ada"), seen=0, due=now + timedelta(hours=1))
    app = page(state.READINGS)
    assert "listed here in a few seconds: 1" in words(app)
    installation.store.drafts.settle(now + timedelta(hours=2))
    assert "listed here in a few seconds" not in words(app.run())
    assert len(app.dataframe[0].value) == 1
