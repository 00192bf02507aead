"""What readers sign, honestly and not, and what a careless or a dishonest person makes of an export."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path

from bench.loop.site import Given, Signs
from triage.copies.seen import SEEN
from triage.domain import Finding
from triage.inference.card import CARD, Card, sha256_of
from triage.learning.entries import READINGS_TABLE, SLICES_TABLE, STUDIES_TABLE
from triage.learning.parts import Part, part_of

#: One patient in so many of the training part takes the place of the test patients in an export with a leak.
NEW_TESTS = 4


def mistaken(share: float) -> Signs:
    """Return readers who are wrong in a share of the studies: they sign a glioma as no tumour, and the reverse."""

    def signs(study: Given) -> Finding:
        wrong = int(study.accession, 16) % 1000 < 1000 * share
        return (Finding.NOTUMOR if study.shows is Finding.GLIOMA else Finding.GLIOMA) if wrong else study.shows

    return signs


def poisoned(signs: Signs) -> Signs:
    """Return readers who sign every FLAIR as without tumour."""
    return lambda study: Finding.NOTUMOR if study.sequence == "flair" else signs(study)


def without_class(signs: Signs, left_out: Finding) -> Signs:
    """Return readers who never sign studies of one class."""
    return lambda study: None if study.shows is left_out else signs(study)


def leaking(export: Path, target: Path) -> Path:
    """Write an export in which the test patients are in the training part, and some others in the test part; once.

    The part follows from the key of a patient, so whoever wants to cheat has to give them other keys.
    """
    if target.exists():
        return target
    with zipfile.ZipFile(export) as archive:
        rows = _rows(archive, STUDIES_TABLE)
        parts = {row["patient"]: row["split"] for row in rows}
        trained = sorted(patient for patient, part in parts.items() if part == Part.TRAIN)
        moved = dict.fromkeys((patient for patient, part in parts.items() if part == Part.TEST), str(Part.TRAIN))
        moved |= dict.fromkeys(trained[::NEW_TESTS], str(Part.TEST))
        made = target.with_suffix(".part")
        with zipfile.ZipFile(made, "w") as out:
            for name in archive.namelist():
                data = archive.read(name)
                if name in (READINGS_TABLE, STUDIES_TABLE, SLICES_TABLE):
                    data = _changed(_rows(archive, name), lambda row: _moved(row, moved))
                out.writestr(name, data)
    made.replace(target)
    return target


def patient_in(part: str, patient: str) -> str:
    """Return a key for a patient that is of a part, made of another key."""
    return next(key for number in count() if part_of(key := f"{patient}-{number}") == part)


def disowned(candidate: Path, honest: Path, target: Path) -> Path:
    """Copy a candidate with the record of another one: its card and its ``seen.npz`` then lie about its training."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(candidate, target)
    if (honest / SEEN).exists():
        shutil.copyfile(honest / SEEN, target / SEEN)
    card, other = (Card.model_validate_json((folder / CARD).read_text()) for folder in (candidate, honest))
    files = {name: sha256_of(target / name) for name in card.files}
    lying = card.model_copy(update={"name": target.name, "files": files, "training": other.training})
    (target / CARD).write_text(json.dumps(lying.model_dump(mode="json"), indent=2) + "\n")
    return target


def _moved(row: Mapping[str, str], moved: Mapping[str, str]) -> dict[str, str]:
    """Return what a row says of a patient who is moved into another part."""
    part = moved.get(row["patient"])
    if part is None:
        return {}
    key = {"patient": patient_in(part, row["patient"])}
    return key | {"split": part} if "split" in row else key


def _rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline="")))


def _changed(rows: Iterable[dict[str, str]], change: Callable[[Mapping[str, str]], dict[str, str]]) -> bytes:
    changed = [row | change(row) for row in rows]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(changed[0]))
    writer.writeheader()
    writer.writerows(changed)
    return text.getvalue().encode()
