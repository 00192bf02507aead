"""What comes in through the pipeline: nothing escapes, nothing strange is ranked as normal, studies stay apart."""

from __future__ import annotations

import io
import itertools
import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
from drawn_dicom import instance
from faults import broken
from faults.names import names
from faults.samples import archive, dicom
from faults.tally import MEMORY, PROCESSES, Case, Table
from helpers import encode
from PIL import Image
from pydicom.uid import generate_uid
from sqlalchemy import func, select

from triage.domain import Outcome, Receipt
from triage.phantoms import Phantom
from triage.pipeline.installation import Installation
from triage.pipeline.process import judge
from triage.pipeline.spool import Incoming
from triage.records.audit import Event
from triage.records.tables import AIResultRow, AuditRow, InstanceRow, StudyRow
from triage.training.release.ood_images import ood_images

PROCESSES.loaded()


def count(installation: Installation, table: type) -> int:
    with installation.store.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def audited(installation: Installation, event: str) -> int:
    with installation.store.read() as session:
        return session.scalar(select(func.count()).where(AuditRow.event == event)) or 0


def refused_files(installation: Installation) -> int:
    """Return how many files the audit trail says were refused; those of one hand-over with one reason share a row."""
    with installation.store.read() as session:
        details = session.scalars(select(AuditRow.detail).where(AuditRow.event == Event.REFUSED))
        said = [re.search(r"\(files: ([\d,]+)\)$", detail) for detail in details]
    return sum(int(found[1].replace(",", "")) if found else 1 for found in said)


def hand_over(installation: Installation, files: list[tuple[str, bytes]]) -> list[Receipt]:
    """Hand files over and wait until what was accepted is judged."""
    receipts = installation.receive([Incoming(name, data=data) for name, data in files], actor="faults")
    late = installation.wait({receipt.study_id for receipt in receipts if receipt.study_id}, timeout=120)
    assert late == []
    return receipts


def test_refusals_are_audited_and_the_others_go_on(
    table: Table, installation: Installation, slices: list[Phantom]
) -> None:
    bad: list[broken.Files] = [
        broken.huge_pictures(),
        broken.cut_short(40),
        broken.nested_archives(10),
        broken.archives_that_lead_out(10),
        broken.archives_of_links(10),
        broken.deflated_dicom(10),
        broken.nifti_bombs(10),
        broken.huge_archives(10),
        broken.crowded_archives(10),
        broken.short_payloads(40),
        broken.swollen_frames(10),
        broken.programs(20),
    ]
    expected = "refused with an audit row; the other files go on; nothing of it is stored"
    with table.row("One of each of the above in one handing-over, good files between them", expected) as row:
        for number, group in enumerate(zip(*bad, range(10), strict=False)):
            files = [(name, data) for name, data in group[:-1]]
            good = (f"good-{number}.png", fresh(slices[number % 8].png, number))
            before, stored = refused_files(installation), count(installation, InstanceRow)
            with row.one(f"round {number}") as case:
                receipts = hand_over(installation, [*files[:3], good, *files[3:]])
                outcomes = [receipt.outcome for receipt in receipts]
                refused = outcomes.count(Outcome.REFUSED)
                if refused < len(files) or outcomes.count(Outcome.ACCEPTED) != 1:
                    case.lost(f"{refused} of {len(files)} refused, {outcomes.count(Outcome.ACCEPTED)} accepted")
                if refused_files(installation) - before != refused:
                    case.lost("the audit trail does not count every refused file")
                if count(installation, InstanceRow) - stored != 1 or len(on_disk(installation)) != stored + 1:
                    case.lost("something else was stored")
    assert row.lost == []
    assert row.memory < MEMORY


def fresh(png: bytes, seed: int) -> bytes:
    """The same slice with other noise."""
    pixels = np.asarray(Image.open(io.BytesIO(png))).astype(int)
    return encode(np.clip(pixels + np.random.default_rng(seed).integers(-3, 4, pixels.shape), 0, 255).astype(np.uint8))


def on_disk(installation: Installation) -> list[Path]:
    return [path for path in installation.settings.files.rglob("*") if path.is_file()]


def test_names_lead_nowhere(table: Table, installation: Installation, tmp_path: Path) -> None:
    hostile, title = names(500), "Names: double extension, ../, NUL, 4 kB, bidi, Windows devices"
    with table.row(title, "none leaves the data folder") as row:
        for number in range(10):
            study = generate_uid()  # one study, or the queue would have 500
            files = [(name, dicom(StudyInstanceUID=study)) for name in itertools.islice(hostile, 50)]
            receipts = hand_over(installation, [("folder.zip", archive(dict(files)))] if number % 2 else files)
            for (name, _), receipt in zip(files, receipts, strict=True):
                with row.one(repr(name[:60])) as case:
                    check_name(case, receipt)
        outside = [path for path in tmp_path.iterdir() if path != installation.settings.home]
        strange = [path for path in on_disk(installation) if len(path.name) != 64 or not path.name.isalnum()]
    assert row.tried == 500
    assert row.lost == []
    assert row.memory < MEMORY
    assert outside == []
    assert strange == []
    assert not list(Path("/tmp").glob("escaped-*"))
    assert not list(Path.cwd().glob("escaped-*"))


def check_name(case: Case, receipt: Receipt) -> None:
    if receipt.outcome not in {Outcome.ACCEPTED, Outcome.REFUSED} or not receipt.message:
        case.lost(f"{receipt.outcome}: {receipt.message}")
    if len(receipt.name) > 255 or any(unicodedata.category(c)[0] == "C" for c in receipt.name):
        case.lost("is shown as it came")
    if "/" in receipt.name or "\\" in receipt.name:
        case.lost("is shown as a path")


def test_strangers_are_never_normal(table: Table, installation: Installation, tmp_path: Path) -> None:
    path, tried, ranked = tmp_path / "file", Counter[str](), Counter[str]()
    with table.row(
        "Blank, constant, noise, CT, X-ray, photo, page of text, heart on MRI", "not analysable, with a reason"
    ) as row:
        for kind, pixels in ood_images(200):
            path.write_bytes(encode(pixels))
            with row.one(kind) as case:
                tried[kind] += 1
                said = judge(installation.door.decode([path]), installation.runtime)
                if not isinstance(said, str):
                    case.lost("ranked")
                    ranked[kind] += 1
    row.lost = [f"{kind}: {ranked[kind]} of {tried[kind]} are ranked" for kind in ranked]
    assert row.tried == 200
    assert row.memory < MEMORY
    assert not ranked


def mri(phantom: Phantom, seed: int, **elements: object) -> bytes:
    """A phantom as an MR image."""
    made = instance(np.asarray(Image.open(io.BytesIO(fresh(phantom.png, seed)))), **elements)
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def volume(slices: list[Phantom], seed: int, size: int = 3, **elements: object) -> list[tuple[str, bytes]]:
    """The files of a study of one series."""
    shared = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), "PatientID": f"MRN{seed}"}
    return [
        (
            f"{seed}-{number}.dcm",
            mri(
                slices[4 * (seed % 2)],  # both are familiar to the model
                1000 + 10 * seed + number,
                **shared | {"ImagePositionPatient": [0, 0, 5 * number], "InstanceNumber": number + 1} | elements,
            ),
        )
        for number in range(size)
    ]


def test_the_same_study_twice(table: Table, installation: Installation, slices: list[Phantom]) -> None:
    with table.row("The same study twice, as files and as a ZIP", "one study") as row:
        for seed in range(13):
            files = volume(slices, seed)
            first = hand_over(installation, files)
            before = (count(installation, StudyRow), count(installation, InstanceRow), count(installation, AIResultRow))
            with row.one(f"study {seed}") as case:
                again = hand_over(installation, [("study.zip", archive(dict(files)))] if seed % 2 else files)
                after = (
                    count(installation, StudyRow),
                    count(installation, InstanceRow),
                    count(installation, AIResultRow),
                )
                if after != before or {one.outcome for one in again} != {Outcome.ALREADY_HERE}:
                    case.lost(f"{before} became {after}")
                if {one.study_id for one in again} != {one.study_id for one in first}:
                    case.lost("answered with another study")
    assert row.lost == []
    assert row.memory < MEMORY


def test_slices_that_arrive_late(table: Table, installation: Installation, slices: list[Phantom]) -> None:
    with table.row("Slices of a study that arrive late", "one study, scored anew with all of them") as row:
        for seed in range(20, 33):
            files = volume(slices, seed)
            split = 1 + seed % 2
            with row.one(f"study {seed}") as case:
                first = hand_over(installation, files[split:])[0].study_id or ""
                before = installation.store.study(first).result
                late = hand_over(installation, files[:split])[0].study_id
                study = installation.store.study(first)
                if late != first or len(study.instances) != len(files):
                    case.lost("became another study")
                if (
                    not before
                    or not study.result
                    or not study.result.slices
                    or study.result.contents == before.contents
                ):
                    case.lost("was not scored anew")
                elif sum(map(len, study.result.slices.table)) != len(files):
                    case.lost("was scored without some of its slices")
    assert row.lost == []
    assert row.memory < MEMORY


def test_two_patients_in_one_archive(table: Table, installation: Installation, slices: list[Phantom]) -> None:
    with table.row("Two patients in one ZIP", "two studies, each with its own slices") as row:
        for seed in range(40, 64, 2):
            files = [*volume(slices, seed, 2), *volume(slices, seed + 1, 2)]
            with row.one(f"studies {seed} and {seed + 1}") as case:
                receipts = hand_over(installation, [("both.zip", archive(dict(files[::2] + files[1::2])))])
                studies = [installation.store.study(one) for one in {receipt.study_id or "" for receipt in receipts}]
                if sorted(study.header.mrn for study in studies) != [f"MRN{seed}", f"MRN{seed + 1}"]:
                    case.lost("the patients were mixed up")
                if [len(study.instances) for study in studies] != [2, 2]:
                    case.lost("the slices were mixed up")
    assert row.lost == []
    assert row.memory < MEMORY


def test_one_identity_with_two_contents(table: Table, installation: Installation, slices: list[Phantom]) -> None:
    with table.row("One SOP Instance UID with two contents", "a conflict is reported; the first one stays") as row:
        for seed in range(70, 82):
            same = {"SOPInstanceUID": generate_uid(), "StudyInstanceUID": generate_uid()}
            first, second = (mri(slices[seed % 8], number, **same) for number in (seed, seed + 500))
            with row.one(f"instance {seed}") as case:
                if seed % 2:
                    receipts = hand_over(installation, [("a.dcm", first), ("b.dcm", second)])
                else:
                    receipts = hand_over(installation, [("a.dcm", first)]) + hand_over(
                        installation, [("b.dcm", second)]
                    )
                if [one.outcome for one in receipts] != [Outcome.ACCEPTED, Outcome.CONFLICT]:
                    case.lost(" then ".join(one.outcome for one in receipts))
                (kept,) = installation.store.study(receipts[0].study_id or "").instances
                if installation.files.get(kept.sha256) != first:
                    case.lost("the first one was stored over")
        if audited(installation, "conflict") != row.tried:
            row.lost.append("an audit row is missing")
    assert row.lost == []
    assert row.memory < MEMORY
