"""What must be refused is refused, in words, quickly and in little memory."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faults import broken
from faults.samples import samples
from faults.tally import MEMORY, PROCESSES, Case, Row, Table
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from triage.domain import Kind
from triage.errors import RefusedError
from triage.scans.formats.identify import IDENTIFY_BYTES, identify
from triage.scans.isolation.door import Door
from triage.scans.quality.gate import not_analysable, unlike_a_head

#: An imperative and what to do: every refusal has one.
REMEDY = re.compile(r"\b(Export|Send|Pack|Put|Upload|Unpack|Resample|Replace|Convert|Free|Compare)\b")
#: Files with flipped bytes that share a seed which hypothesis draws.
AT_ONCE = 50
PROCESSES.loaded()


def refuse(door: Door, case: Case, path: Path, *, members: bool = False) -> None:
    """Hand a file over as intake does; the case is lost unless it is refused in good words."""
    into = path.with_name("into")
    into.mkdir(exist_ok=True)
    try:
        with path.open("rb") as file:
            kind = identify(file.read(IDENTIFY_BYTES))
        if kind is Kind.ZIP:
            unpacked = door.unpack(path, into)
            inspected = [door.inspect(member.path) for member in unpacked.members]
            if inspected or not unpacked.refused:
                case.lost("taken in")
            messages = [message for _, message in unpacked.refused]
        else:
            door.inspect(path)
            messages = []
            case.lost("taken in")
    except RefusedError as error:
        messages = [str(error)]
    for message in messages:
        if not REMEDY.search(message) or str(path.parent) in message:
            case.lost(f"says only: {message}")
    if sum(one.stat().st_size for one in into.iterdir()) > 20 * 2**20:
        case.lost("was inflated")
    for one in into.iterdir():
        one.unlink()


@pytest.mark.parametrize(
    ("title", "count", "files"),
    [
        ("PNG of 50,000 x 50,000", 20, lambda count: broken.huge_pictures()),
        ("PNG, JPEG, DICOM, NIfTI cut short at every kind of place", 300, broken.cut_short),
        ("Deflated DICOM, 1000:1", 20, broken.deflated_dicom),
        (".nii.gz of 10 GB", 20, broken.nifti_bombs),
        ("ZIP in ZIP", 20, broken.nested_archives),
        ("ZIP that inflates to gigabytes", 20, broken.huge_archives),
        ("ZIP with ../ and other ways out", 20, broken.archives_that_lead_out),
        ("ZIP of links, pipes, devices", 20, broken.archives_of_links),
        ("ZIP of more than 10,000 entries", 20, broken.crowded_archives),
        ("DICOM whose frames x rows x columns exceed the payload", 200, broken.short_payloads),
        ("DICOM whose JPEG, JPEG-LS or JPEG 2000 says that it is far larger", 200, broken.swollen_frames),
        ("MZ and ELF in the preamble", 50, broken.programs),
    ],
)
def test_refused(
    table: Table, door: Door, tmp_path: Path, title: str, count: int, files: Callable[[int], broken.Files]
) -> None:
    path = tmp_path / "file"
    with table.row(title, "refused") as row:
        for name, data in files(count):
            path.write_bytes(data)
            with row.one(name) as case:
                refuse(door, case, path)
    assert row.tried == count
    assert row.lost == []
    assert row.memory < MEMORY


def test_strange_volumes(table: Table, door: Door, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with table.row(
        "NIfTI: huge or negative dims, NaN affine, NaN, inf, complex, RGB", "refused or not analysable"
    ) as row:
        for name, data in broken.strange_volumes(1000):
            path.write_bytes(data)
            with row.one(name) as case, contextlib.suppress(RefusedError):
                slices = [one for series in door.decode([path]) for one in series.slices]
                if not all(not_analysable(one) or unlike_a_head(one) for one in slices):
                    case.lost("would be scored")
    assert row.tried == 1000
    assert row.lost == []
    assert row.memory < MEMORY


def test_flipped_bytes(table: Table, door: Door, tmp_path: Path, flips: int) -> None:
    share, more = divmod(flips, len(samples()))
    with table.row("Bytes flipped at random in valid files of each format", "no crash, no hang") as row:
        for number, (kind, whole) in enumerate(samples().items()):
            flip(row, door, tmp_path, kind, whole, share + (number < more))
    assert row.tried == flips
    assert row.lost == []
    assert row.memory < MEMORY


def flip(row: Row, door: Door, folder: Path, kind: str, whole: bytes, count: int) -> None:
    """Try a file with one to eight bytes changed, in so many ways; any answer is good, but the decoder must survive."""
    path, into = folder / "file", folder / "into"
    into.mkdir(exist_ok=True)
    left = count

    @settings(
        max_examples=-(-count // AT_ONCE),
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64 - 1))
    def some(seed: int) -> None:
        nonlocal left
        rng = np.random.default_rng(seed)
        for number in range(min(AT_ONCE, left)):
            left -= 1
            data = np.frombuffer(whole, np.uint8).copy()
            places = rng.integers(0, len(whole), rng.integers(1, 9))
            data[places] ^= rng.integers(1, 256, len(places), np.uint8)
            path.write_bytes(data)
            before = PROCESSES.died()
            with row.one(f"{kind}, seed {seed}, number {number}") as case:
                with contextlib.suppress(RefusedError):
                    if kind == "ZIP":
                        for member in door.unpack(path, into).members:
                            member.path.unlink()
                    else:
                        door.inspect(path)
                if PROCESSES.died() > before:
                    case.lost("a decoding process died")

    some()
