"""A simulated site: studies of a source come as DICOM, are scored, and readers sign them on a real record."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from bench.loop.models import RELEASE
from triage.domain import Finding, ReasonCode, Series, SeriesHeader
from triage.inference.runtime import Runtime
from triage.learning.judged import FINDINGS, Cases
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.reading import UNSETTLED, Entries, sign
from triage.settings import Settings
from triage.training.data.copies import one_per_cluster
from triage.training.layouts import UNTYPED, Item, load_slice, read_dataset
from triage.training.retrain.judge import answers_of
from triage.training.retrain.studies import Studies

#: Slices of a study: neighbours, as the worklist judges them.
SLICES = 3
SLICE_MM = 6.0
#: Number of the slice at the end of a file's name, before its sequence.
NUMBER = re.compile(r"_(\d+)(?:_[a-z0-9]+)?\.jpg$")
#: Studies that are handed over at once.
BATCH = 20
READERS = ("Dr. A", "Dr. B")


@dataclass(frozen=True)
class Given:
    """A study that comes to the site, with what it truly shows.

    Attributes
    ----------
    root
        Data set that its files are in.
    items
        Its slices, from below.
    type
        What a reader sees where the data set does not tell the type of the tumour.
    """

    root: Path
    items: tuple[Item, ...]
    type: Finding | None = None

    @property
    def truth(self) -> str:
        """What is known of it: a `Finding`, or `UNTYPED`."""
        return self.items[0].label

    @property
    def shows(self) -> Finding:
        """What a reader who is right signs."""
        return self.type or Finding(self.truth)

    @property
    def sequence(self) -> str:
        """Its sequence."""
        return self.items[0].sequence or ""

    @property
    def patient(self) -> str:
        """Its patient; where nobody is named, each picture is of another one, and its copies of the same."""
        first = self.items[0]
        return first.patient or f"{first.source} {first.cluster}"

    @property
    def accession(self) -> str:
        """Its accession number, the same each time: at most 16 characters."""
        return hashlib.sha256(self.items[0].name.encode()).hexdigest()[:16]


#: What a reader signs instead of the truth; None for a study that nobody signs.
Signs = Callable[[Given], Finding | None]


def studies_of(roots: Sequence[Path], sources: Sequence[str]) -> list[Given]:
    """Return the studies of some sources, patients in turn: the first of them are of as many patients as there are.

    A picture of no known patient is a study by itself; of its copies one is kept.
    """
    studies = []
    for root in roots:
        stacks: dict[tuple[str, str, str], list[Item]] = defaultdict(list)
        alone = []
        for item in read_dataset(root, verify=False).items:
            if item.source in sources and item.label in {*Finding, UNTYPED}:
                if item.patient:
                    stacks[item.patient, item.label, item.sequence or ""].append(item)
                else:
                    alone.append(item)
        studies += [
            Given(root, tuple(items[at : at + SLICES]))
            for items in (sorted(stack, key=_number) for stack in stacks.values())
            for at in range(0, len(items), SLICES)
        ]
        studies += [Given(root, (item,)) for item in one_per_cluster(alone)[0]]
    turn: Counter[str] = Counter()
    ordered = []
    for study in sorted(studies, key=lambda study: study.accession):
        turn[study.patient] += 1
        ordered.append((turn[study.patient], study.accession, study))
    return [study for *_, study in sorted(ordered, key=lambda row: row[:2])]


def typed(studies: Sequence[Given], known: Path) -> list[Given]:
    """Return the studies, tumours of no known type with the type that readers sign; it is kept in a file.

    Nobody knows these types. The readers are taken to see what the model that was trained on all sources finds
    likeliest of the three; what is measured only asks whether there is a tumour.
    """
    unknown = [study for study in studies if study.truth == UNTYPED]
    if unknown and not known.exists():
        said = answers_of(Runtime(RELEASE, threads=1), asked(unknown)).probabilities
        tumours = [finding for finding in Finding if finding is not Finding.NOTUMOR]
        likeliest = np.nan_to_num(said[:, [FINDINGS.index(finding) for finding in tumours]]).argmax(axis=1)
        types = {study.accession: tumours[at] for study, at in zip(unknown, likeliest, strict=True)}
        known.write_text(json.dumps(types))
    types = json.loads(known.read_text()) if unknown else {}
    return [
        replace(study, type=Finding(types[study.accession])) if study.truth == UNTYPED else study for study in studies
    ]


def received(studies: Sequence[Given], model: Path, home: Path) -> None:
    """Hand the studies to a new installation and let its model score them; once."""
    done = _done(home)
    if done.exists():
        return
    shutil.rmtree(home, ignore_errors=True)
    installation = _opened(home, model)
    ids = {}
    for start in range(0, len(studies), BATCH):
        sent = [(study, file) for study in studies[start : start + BATCH] for file in _files(study)]
        receipts = installation.receive([file for _, file in sent], actor="bench")
        refused = [receipt.message for receipt in receipts if receipt.study_id is None]
        assert not refused, refused[0]
        assert not installation.wait({str(receipt.study_id) for receipt in receipts}, timeout=3600)
        ids |= {study.accession: receipt.study_id for (study, _), receipt in zip(sent, receipts, strict=True)}
    installation.close()
    done.write_text(json.dumps(ids))


def signed(home: Path, model: Path, studies: Sequence[Given], signs: Signs, export: Path) -> Path:
    """Let readers sign the studies of a copy of an installation, and export their readings; once.

    The second reader, whom a glioma waits for, signs the same as the first, mistakes included: the worst case.
    """
    if export.exists():
        return export
    copy = export.with_suffix(".home")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(home, copy)
    installation = _opened(copy, model)
    ids = json.loads(_done(home).read_text())
    for given in studies:
        if (finding := signs(given)) is not None:
            _sign(installation, ids[given.accession], finding)
    part = export.with_suffix(".part.zip")
    installation.export_readings(part, deidentified=True)
    installation.close()
    part.replace(export)
    shutil.rmtree(copy)
    return export


def _done(home: Path) -> Path:
    """Return the file with the ID of each study by its accession number; it is there once all are scored."""
    return home.with_name(f"{home.name}.json")


def _opened(home: Path, model: Path) -> Installation:
    return Installation(Settings(home=home, model=model))


def _sign(installation: Installation, study_id: str, finding: Finding) -> None:
    for reader in READERS:
        study = installation.store.study(study_id)
        if study.readings and study.status not in UNSETTLED:
            return
        reading = sign(
            reader=reader,
            entries=Entries(finding, reason=ReasonCode.WRONG_CLASS),
            result=study.result,
            earlier=study.readings,
            status=study.status,
            second_read=True,
            now=datetime.now(UTC),
            contents=study.contents,
        )
        installation.store.readings.sign(study_id, reading, seen=len(study.readings))


def _number(item: Item) -> int:
    found = NUMBER.search(item.path)
    return int(found[1]) if found else 0


def _files(study: Given) -> Iterator[Incoming]:
    for at, item in enumerate(study.items):
        yield Incoming(
            f"IM{at:04d}", data=_file(study, at, load_slice(study.root, item).pixels.astype(np.uint16), _number(item))
        )


def _file(study: Given, at: int, pixels: np.ndarray, number: int) -> bytes:
    header = Dataset()
    header.SOPClassUID = MRImageStorage
    header.SOPInstanceUID = generate_uid(entropy_srcs=[f"{study.accession} {at}"])
    header.StudyInstanceUID = generate_uid(entropy_srcs=[study.accession])
    header.SeriesInstanceUID = generate_uid(entropy_srcs=[f"{study.accession} series"])
    header.FrameOfReferenceUID = generate_uid(entropy_srcs=[f"{study.patient} frame"])
    header.PatientName, header.PatientID, header.PatientBirthDate = "SIMULATED", study.patient[:64], ""
    header.AccessionNumber, header.StudyID = study.accession, "1"
    header.StudyDate, header.StudyTime, header.ReferringPhysicianName = "20260302", "081500", ""
    header.StudyDescription, header.SeriesDescription = "MRI brain", study.sequence
    header.Modality, header.Manufacturer, header.ManufacturerModelName = "MR", "Simulated", study.items[0].source
    header.SeriesNumber, header.InstanceNumber, header.ImageType = 1, at + 1, ["ORIGINAL", "PRIMARY", "M"]
    header.ScanningSequence, header.SequenceVariant, header.MRAcquisitionType = "SE", "SK", "2D"
    header.PatientSex, header.PatientAge = "", ""
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.ImagePositionPatient = [0.0, 0.0, number * SLICE_MM]
    header.PixelSpacing, header.SliceThickness = [1.0, 1.0], SLICE_MM
    header.Rows, header.Columns = pixels.shape
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PixelRepresentation = 1, "MONOCHROME2", 0
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 12, 11
    header.PixelData = pixels.tobytes()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    buffer = io.BytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def asked(studies: Sequence[Given]) -> Studies:
    """Return the studies as they are judged without the record, with what they truly show."""
    cases = Cases(
        np.array([study.accession for study in studies], np.str_),
        np.array([study.truth for study in studies], np.str_),
        np.array([study.patient for study in studies], np.str_),
        np.array([study.sequence for study in studies], np.str_),
        np.array([study.items[0].source for study in studies], np.str_),
    )
    return Studies(cases, tuple(partial(series_of, study) for study in studies))


def series_of(study: Given) -> tuple[Series, ...]:
    """Return the slices of a study, to be judged without the record."""
    return (Series(SeriesHeader(), tuple(load_slice(study.root, item) for item in study.items)),)
