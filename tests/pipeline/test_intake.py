"""The door and what follows it: each file gets its answer, the others go on, nothing is half stored."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from dicomweb import file, study
from helpers import encode, keep, receive, redrawn, take_in, zipped
from pydicom import dcmread, dcmwrite
from pydicom.uid import ImplicitVRLittleEndian
from record_samples import reading
from sqlalchemy import event, select

from triage.domain import Band, Outcome, StudyStatus
from triage.errors import NotFoundError
from triage.inference.runtime import Runtime
from triage.phantoms import Phantom
from triage.pipeline import admission
from triage.pipeline.installation import Installation
from triage.pipeline.intake import MENDED, Intake
from triage.pipeline.spool import Incoming
from triage.pipeline.upload import NOT_TAKEN
from triage.records import database, files
from triage.records.audit import Event
from triage.records.files import FileStore
from triage.records.store import Store
from triage.records.tables import AuditRow, InstanceRow, StudyRow
from triage.records.verify import Verification
from triage.records.views import Added, Arrival, Instance
from triage.records.worklist_views import WorklistFilter
from triage.scans.formats.inspect import Inspected
from triage.scans.isolation.door import Door
from triage.settings import Settings

NOW = datetime.now(UTC)


def test_a_slice_is_ranked(installation: Installation, slices: list[Phantom]) -> None:
    (receipt,) = receive(installation, {"head.png": slices[0].png})
    assert receipt.outcome is Outcome.ACCEPTED
    study = installation.store.study(receipt.study_id or "")
    assert study.status is StudyStatus.RANKED
    assert study.result is not None
    assert sum(study.result.probabilities.values()) == pytest.approx(1, abs=4e-6)  # rounded to six places each
    assert study.result.model_sha256 == installation.runtime.card.sha256
    assert study.result.slices is not None
    assert len(study.result.slices.table[0]) == 1
    assert installation.files.get(study.instances[0].sha256) == slices[0].png
    assert installation.queue.page(WorklistFilter(), NOW).total == 1


def test_one_bad_file_costs_the_others_nothing(installation: Installation, slices: list[Phantom]) -> None:
    good, other = slices[0].png, slices[1].png
    rgba = np.zeros((100, 100, 4), np.uint8)
    rgba[..., 3] = 255
    handed_over = [
        ("good.png", good, Outcome.ACCEPTED),
        ("cut.png", good[:1000], Outcome.REFUSED),
        ("text.png", b"hello", Outcome.REFUSED),
        ("empty.jpg", b"", Outcome.REFUSED),
        ("again.png", good, Outcome.ALREADY_HERE),
        ("../../etc/passwd.png", other, Outcome.ACCEPTED),
        ("blank.png", encode(rgba), Outcome.ACCEPTED),
    ]
    receipts = receive(installation, {name: data for name, data, _ in handed_over})
    assert [receipt.outcome for receipt in receipts] == [outcome for _, _, outcome in handed_over]
    assert all(receipt.message for receipt in receipts)
    assert receipts[4].study_id == receipts[0].study_id
    assert receipts[5].name == "passwd.png"
    with installation.store.read() as session:
        assert len(session.scalars(select(StudyRow)).all()) == 3
        kept = {row.sha256 for row in session.scalars(select(InstanceRow))}
        refused = session.scalars(select(AuditRow).where(AuditRow.event == "refused")).all()
    assert len(refused) == 3
    on_disk = {path.name for path in installation.settings.files.rglob("*") if path.is_file()}
    assert on_disk == kept


def test_what_cannot_be_judged_stays_and_is_never_no_tumour(installation: Installation) -> None:
    (study_id,) = take_in(installation, {"blank.png": encode(np.full((256, 256), 30, np.uint8))})
    row = installation.queue.page(WorklistFilter(), NOW).rows[0]
    assert row.study_id == study_id
    assert (row.status, row.predicted, row.malignancy) == (StudyStatus.NOT_ANALYSABLE, None, None)
    assert row.band is Band.ROUTINE
    assert row.reason.startswith("Blank")


def test_a_missing_file_is_said_on_the_worklist(installation: Installation, slices: list[Phantom]) -> None:
    sha256 = keep(installation.files, slices[0].png)
    taken = installation.store.arrivals.add("head.png", [Arrival(Instance(sha256, "head.png", "PNG", 1))], actor="test")
    installation.files.path(sha256).unlink()
    assert installation.resume() == 1
    assert installation.wait([str(taken.study_id)]) == []
    study = installation.store.study(str(taken.study_id))
    assert study.status is StudyStatus.NOT_ANALYSABLE
    assert "backup" in study.reason


def test_a_scoring_error_leaves_the_study_in_the_queue(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runtime, "answer", lambda *_: 1 / 0)
    (study_id,) = take_in(installation, {"head.png": slices[0].png})
    assert "Internal error" in installation.store.study(study_id).reason
    assert installation.queue.free("", NOW) == [study_id]


def test_a_full_disk_refuses_and_says_so(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    (receipt,) = installation.receive([Incoming("head.png", data=slices[0].png)], actor="test")
    assert receipt.outcome is Outcome.REFUSED
    assert "the disk is full" in receipt.message
    assert installation.queue.free("", NOW) == []


def test_names_that_do_not_reach_the_disk_are_not_acknowledged(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files, "_sync", fail)
    (receipt,) = installation.receive([Incoming("head.png", data=slices[0].png)], actor="test")
    assert receipt.outcome is Outcome.REFUSED
    assert installation.queue.free("", NOW) == []


def test_settings_keep_everything_below_home(tmp_path: Path, slices: list[Phantom]) -> None:
    home = tmp_path / "home"
    installation = Installation(Settings(home=home))
    take_in(installation, {"head.png": slices[0].png})
    installation.close()
    assert {path.name for path in home.iterdir()} == {
        "anchors",
        "files",
        "keys",
        "running.lock",
        "triage.db",
        "work.db",
    }
    assert list(tmp_path.iterdir()) == [home]


def test_a_study_in_an_archive_is_one_study(
    installation: Installation, study_files: dict[str, bytes], slices: list[Phantom]
) -> None:
    seen: list[tuple[int, int, str]] = []
    archive = zipped({f"disc/{name}": file for name, file in study_files.items()} | {"readme.txt": b"hello"})
    receipts = installation.receive(
        [Incoming("study.zip", data=archive), Incoming("head.png", data=slices[0].png)],
        actor="test",
        progress=lambda *step: seen.append(step),
    )
    assert [receipt.outcome for receipt in receipts].count(Outcome.REFUSED) == 1
    accepted = [receipt for receipt in receipts if receipt.outcome is Outcome.ACCEPTED]
    assert len(accepted) == len(study_files) + 1
    assert len({receipt.study_id for receipt in accepted}) == 2
    assert all(done < known for done, known, _ in seen)
    assert installation.wait({str(receipt.study_id) for receipt in accepted}) == []
    study = installation.store.study(str(accepted[0].study_id))
    assert study.header.uid == accepted[0].study_uid
    assert {item.sop_instance_uid for item in study.instances} >= {accepted[0].sop_instance_uid}
    assert (study.header.mrn, study.header.accession_number) == ("PH1000", "ACC2000")
    assert [bool(series.header.set_aside) for series in study.series] == [True, False]
    assert study.result is not None
    assert study.result.slices is not None
    decoded = installation.series(study.study_id)
    assert [len(series.slices) for series in decoded] == [0, 5]
    assert [len(scores) for scores in study.result.slices.table] == [0, 5]
    row = next(row for row in installation.queue.recent(2) if row.mrn)
    assert (row.modality, row.slices) == ("MR", 5)


def test_two_patients_in_one_archive_are_two_studies(installation: Installation, study_files: dict[str, bytes]) -> None:
    other = {
        f"other/{name}": redrawn(file, StudyInstanceUID="1.2.3", SOPInstanceUID=f"1.2.3.{number}", PatientID="PH9")
        for number, (name, file) in enumerate(study_files.items())
    }
    receipts = receive(installation, {"both.zip": zipped(study_files | other)})
    assert len({receipt.study_id for receipt in receipts}) == 2


def test_slices_without_a_study_uid_are_one_study_in_one_hand_over(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    bare = {name: redrawn(file, StudyInstanceUID="", FrameOfReferenceUID="1.2.9") for name, file in study_files.items()}
    receipts = receive(installation, bare)
    assert {receipt.outcome for receipt in receipts} == {Outcome.ACCEPTED}
    assert len({receipt.study_id for receipt in receipts}) == 1
    again = receive(installation, bare)
    assert {receipt.outcome for receipt in again} == {Outcome.ALREADY_HERE}


def test_the_same_study_twice_is_one(installation: Installation, study_files: dict[str, bytes]) -> None:
    first, second = receive(installation, study_files), receive(installation, study_files)
    assert {receipt.outcome for receipt in second} == {Outcome.ALREADY_HERE}
    assert {receipt.study_id for receipt in first} == {receipt.study_id for receipt in second}


def test_late_slices_are_scored_with_the_others(installation: Installation, study_files: dict[str, bytes]) -> None:
    names = list(study_files)
    early, late = ({name: study_files[name] for name in part} for part in (names[:3], names[3:]))
    (study_id,) = set(take_in(installation, early))
    assert set(take_in(installation, late)) == {study_id}
    study = installation.store.study(study_id)
    assert len(study.results) == 2
    assert study.result == study.results[-1]
    assert study.status is StudyStatus.RANKED
    slices = [result.slices for result in study.results]
    assert [sum(map(len, item.table)) for item in slices if item] == [3, 5]


def test_one_identity_with_two_contents_is_set_aside_and_never_stored_over(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    name, file = next(iter(study_files.items()))
    (study_id,) = take_in(installation, {name: file})
    forged = redrawn(file, SeriesDescription="other")
    first, again = (receive(installation, {name: forged})[0] for _ in range(2))
    assert (first.outcome, again.outcome, again.study_id) == (Outcome.CONFLICT, Outcome.CONFLICT, first.study_id)
    assert "page Conflicts" in first.message
    (stranger,) = receive(installation, {name: redrawn(file, PatientID="PH9", SOPInstanceUID="1.2.3")})
    assert stranger.outcome is Outcome.CONFLICT
    studies = [installation.store.study(str(one)) for one in (study_id, first.study_id, stranger.study_id)]
    assert [installation.files.get(item.sha256) for item in studies[0].instances] == [file]
    assert [installation.files.get(item.sha256) for item in studies[1].instances] == [forged]
    assert {row.study_id for row in installation.queue.page(WorklistFilter(), NOW).rows if row.doubt} == {
        study.study_id for study in studies
    }
    with installation.store.read() as session:
        conflicts = session.scalars(select(AuditRow).where(AuditRow.event == "conflict")).all()
    assert len(conflicts) == 2


@pytest.mark.parametrize("together", [False, True])
def test_one_object_in_other_files_is_here_already(
    installation: Installation, study_files: dict[str, bytes], together: bool
) -> None:
    """A disc, an archive and a PACS each write the same objects with their own file meta and transfer syntax."""
    copies = {f"copy/{name}": implicit(file) for name, file in study_files.items()}
    assert not {*copies.values()} & {*study_files.values()}
    if together:
        receipts = receive(installation, study_files | copies)
    else:
        receipts = receive(installation, study_files) + receive(installation, copies)
    half = len(study_files)
    assert [one.outcome for one in receipts] == [Outcome.ACCEPTED] * half + [Outcome.ALREADY_HERE] * half
    assert len({one.study_id for one in receipts}) == 1
    on_disk = {path.name for path in installation.settings.files.rglob("*") if path.is_file()}
    assert on_disk == {hashlib.sha256(file).hexdigest() for file in study_files.values()}


def test_files_of_an_earlier_version_are_compared_by_their_data_set(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    name, file = next(iter(study_files.items()))
    (study_id,) = take_in(installation, {name: file})
    with installation.store.write() as session:
        session.scalars(select(InstanceRow)).one().content = None
    (receipt,) = receive(installation, {name: implicit(file)})
    assert (receipt.outcome, receipt.study_id) == (Outcome.ALREADY_HERE, study_id)
    assert all(item.content for item in installation.store.study(study_id).instances)


def implicit(file: bytes) -> bytes:
    """Return the same object as another program writes it."""
    header = dcmread(io.BytesIO(file))
    header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    header.file_meta.SourceApplicationEntityTitle = "ARCHIVE"
    buffer = io.BytesIO()
    dcmwrite(buffer, header, implicit_vr=True, little_endian=True, enforce_file_format=True)
    return buffer.getvalue()


def test_overlong_identifiers_are_refused(installation: Installation, study_files: dict[str, bytes]) -> None:
    file = next(iter(study_files.values()))
    with pytest.warns(UserWarning, match="UI"):
        overlong = redrawn(file, StudyInstanceUID="1." * 40 + "1")
    (receipt,) = receive(installation, {"a": overlong})
    assert receipt.outcome is Outcome.REFUSED
    assert "64 characters" in receipt.message


def test_what_a_dead_process_left_of_a_hand_over_is_removed(installation: Installation, tmp_path: Path) -> None:
    left, under_way = (installation.files.folder / f"incoming-{name}" for name in ("left", "under-way"))
    for folder in (left, under_way):
        folder.mkdir(parents=True)
        (folder / "0").write_bytes(b"names and all")
    os.utime(left, (1, 1))
    installation.resume()
    assert not left.exists()
    assert under_way.exists()


def test_what_was_looked_at_is_stored_however_the_file_changes(
    installation: Installation, study_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, path, inspect = next(iter(study_files.values())), tmp_path / "growing.dcm", installation.door.inspect
    path.write_bytes(data)

    def grows(looked_at: Path) -> Inspected:
        path.write_bytes(data + bytes(2))
        return inspect(looked_at)

    monkeypatch.setattr(installation.door, "inspect", grows)
    (receipt,) = installation.receive([Incoming(path.name, path=path)], actor="door")
    assert receipt.outcome is Outcome.ACCEPTED
    (instance,) = installation.store.study(str(receipt.study_id)).instances
    assert installation.files.get(instance.sha256) == data


def test_without_a_place_for_files_all_are_refused(installation: Installation, slices: list[Phantom]) -> None:
    installation.files.folder.rmdir()
    receipts = installation.receive([Incoming(f"{n}.png", data=slices[0].png) for n in range(2)], actor="test")
    assert [(receipt.name, receipt.outcome, receipt.retry) for receipt in receipts] == [
        ("0.png", Outcome.REFUSED, True),
        ("1.png", Outcome.REFUSED, True),
    ]


def test_a_failed_commit_accepts_nothing(installation: Installation, study_files: dict[str, bytes]) -> None:
    """The database refuses to write; afterwards the same files are accepted."""
    incoming = [Incoming(name, data=data) for name, data in study_files.items()]
    engine = installation.store.engine

    def forbid(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    engine.dispose()
    event.listen(engine, "connect", forbid)
    receipts = installation.receive(incoming, actor="test")
    assert [receipt.name for receipt in receipts] == list(study_files)
    assert {(receipt.outcome, receipt.retry, receipt.study_id) for receipt in receipts} == {
        (Outcome.REFUSED, True, None)
    }
    assert all(receipt.message.startswith("Not stored") for receipt in receipts)
    event.remove(engine, "connect", forbid)
    engine.dispose()
    assert installation.queue.recent(9) == []
    assert {receipt.outcome for receipt in installation.receive(incoming, actor="test")} == {Outcome.ACCEPTED}


def test_while_the_files_are_committed_no_file_is_accepted(
    installation: Installation, study_files: dict[str, bytes], slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the hand-over at the second study, no receipt of the first one says more than the record."""
    intake = Intake(installation.files, installation.store, installation.door, "test")
    add, outcomes = installation.store.arrivals.add, []

    def watched(*arguments: object, **options: object) -> Added:
        outcomes.append([upload.outcome for upload in intake._uploads])
        return add(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(installation.store.arrivals, "add", watched)
    name, file = next(iter(study_files.items()))
    receipts = intake.receive([Incoming(name, data=file), Incoming("head.png", data=slices[0].png)])
    assert outcomes == [[None, None], [Outcome.ACCEPTED, None]]
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.ACCEPTED]


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["missing", "empty"])
def test_a_file_of_the_record_that_is_gone_from_the_disk_is_put_back(
    installation: Installation, slices: list[Phantom], harm: Callable[[Path], object]
) -> None:
    """«Already here» is an acknowledgement too."""
    (first,) = receive(installation, {"head.png": slices[0].png})
    (instance,) = installation.store.study(first.study_id or "").instances
    harm(installation.files.path(instance.sha256))
    (again,) = receive(installation, {"head.png": slices[0].png})
    assert again.outcome is Outcome.ALREADY_HERE
    assert installation.files.get(instance.sha256) == slices[0].png


def test_a_record_that_does_not_answer_refuses_all_and_they_may_be_sent_again(
    settings: Settings, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    with closing(Installation(settings)) as installation:
        lock = sqlite3.connect(settings.home / "triage.db", isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        receipts = installation.receive([Incoming("head.png", data=slices[0].png)], actor="test")
        lock.close()
        assert [(receipt.outcome, receipt.retry) for receipt in receipts] == [(Outcome.REFUSED, True)]
        (receipt,) = receive(installation, {"head.png": slices[0].png})
        assert receipt.outcome is Outcome.ACCEPTED


def test_a_queue_that_does_not_answer_costs_no_receipt(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(installation.work, "enqueue", lambda *_: 1 / 0)
        receipts = installation.receive([Incoming("head.png", data=slices[0].png)], actor="test")
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED]
    assert installation.resume() == 1, "and the next search for studies left behind finds it"
    assert installation.wait([receipts[0].study_id or ""]) == []


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_file_that_the_database_does_not_take_costs_no_other(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL holds identifiers to their length; without the check before it, one file made it refuse a study."""
    monkeypatch.setattr(admission, "MAX_UID_LENGTH", 100)
    store, kept = Store(postgres, tmp_path), FileStore(tmp_path / "files")
    images = [file(one) for one in study(5)]
    odd = study(1, StudyInstanceUID=dcmread(io.BytesIO(images[0])).StudyInstanceUID, SOPInstanceUID="1." * 32 + "1")[0]
    alone = study(1, SOPInstanceUID="2." * 32 + "1")[0]
    handed_over = [*images[:2], file(odd), *images[2:], file(alone)]
    with Door() as door:
        intake = Intake(kept, store, door, "test")
        receipts = intake.receive([Incoming(f"{number}", data=data) for number, data in enumerate(handed_over)])
    refused = [receipt for receipt in receipts if receipt.outcome is not Outcome.ACCEPTED]
    assert [receipt.name for receipt in refused] == ["2", "6"]
    assert {(receipt.outcome, receipt.message, receipt.retry) for receipt in refused} == {
        (Outcome.REFUSED, NOT_TAKEN, False)
    }
    (study_id,) = intake.accepted
    assert len(store.study(study_id).instances) == len(images)
    store.engine.dispose()


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"other")], ids=["deleted", "altered"])
@pytest.mark.parametrize("other_bytes", [False, True], ids=["same bytes", "same data set"])
def test_what_was_lost_is_mended_before_it_is_acknowledged(
    installation: Installation, study_files: dict[str, bytes], harm: Callable[[Path], object], other_bytes: bool
) -> None:
    name, sent = next(iter(study_files.items()))
    (study_id,) = take_in(installation, {name: sent})
    (item,) = installation.store.study(study_id).instances
    harm(installation.files.path(item.sha256))
    (receipt,) = receive(installation, {name: implicit(sent) if other_bytes else sent})
    assert (receipt.outcome, receipt.message, receipt.study_id) == (Outcome.ALREADY_HERE, MENDED, study_id)
    study = installation.store.study(study_id)
    assert [installation.files.holds(one.sha256) for one in study.instances] == [True]
    assert study.status is not StudyStatus.RECEIVED
    with installation.store.read() as session:
        assert Event.MENDED in session.scalars(select(AuditRow.event)).all()
    assert [one for step in Verification(installation.store, installation.files).steps() for one in step] == []


def test_nobody_confirms_what_is_lost(installation: Installation, slices: list[Phantom]) -> None:
    (study_id,) = take_in(installation, {"head.png": slices[0].png})
    study = installation.store.study(study_id)
    assert study.result is not None
    signed = replace(reading(), signed_at=NOW, contents=study.contents, model_sha256=study.result.model_sha256)
    installation.files.path(study.instances[0].sha256).unlink()
    with pytest.raises(NotFoundError, match=r"head\.png .*Send the study again"):
        installation.signatures.hold(study_id, signed, seen=0)
    receive(installation, {"head.png": slices[0].png})
    installation.signatures.hold(study_id, signed, seen=0)
