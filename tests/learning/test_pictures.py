"""Pictures of an export that somebody changed, took away, or put elsewhere; from the folder and from the ZIP."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from triage.learning.entries import DatasetError, SliceEntry
from triage.learning.pictures import ALTERED, MISSING, faults_of, is_inside, picture_of

PNG = b"a picture"


def entry(name: str, data: bytes | None = PNG, outline: str = "") -> SliceEntry:
    sha256 = hashlib.sha256(data).hexdigest() if data is not None else ""
    of_outline = hashlib.sha256(PNG).hexdigest() if outline else ""
    return SliceEntry(
        f"slices/s/{name}", 1, 1, None, False, "", "", "", outline, sha256=sha256, outline_sha256=of_outline
    )


@pytest.fixture(params=["folder", "ZIP"])
def export(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An export with a picture that is whole, one that was changed, and outlines of both kinds."""
    files = {"slices/s/1.png": PNG, "slices/s/2.png": b"another", "outlines/1.png": PNG, "outlines/2.png": b"another"}
    if request.param == "ZIP":
        with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return tmp_path / "export.zip"
    for name, data in files.items():
        (tmp_path / "export" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "export" / name).write_bytes(data)
    return tmp_path / "export"


def test_what_is_missing_or_altered_is_told(export: Path) -> None:
    entries = [
        entry("1.png"),
        entry("2.png"),
        entry("3.png"),
        entry("2.png", None),
        entry("1.png", outline="outlines/1.png"),
    ]
    assert faults_of(export, entries) == {"slices/s/2.png": ALTERED, "slices/s/3.png": MISSING}
    assert faults_of(export, [entry("1.png", outline="outlines/2.png")]) == {"slices/s/1.png": ALTERED}
    assert faults_of(export, [entry("1.png", outline="outlines/3.png")]) == {"slices/s/1.png": MISSING}


def test_a_picture_is_read_as_the_tables_name_it(export: Path) -> None:
    assert picture_of(export, entry("1.png")) == PNG
    with pytest.raises(DatasetError, match=r"slices/s/2.png .*altered.*Export again"):
        picture_of(export, entry("2.png"))
    with pytest.raises(DatasetError, match=r"slices/s/3.png .*missing.*Export again"):
        picture_of(export, entry("3.png"))


@pytest.mark.parametrize("target", ["/dev/zero", "../../../outside.png", "nowhere", "."])
def test_a_link_that_leads_out_is_missing(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside.png").write_bytes(PNG)
    folder = tmp_path / "export" / "slices" / "s"
    folder.mkdir(parents=True)
    (folder / "1.png").symlink_to(target)
    assert faults_of(tmp_path / "export", [entry("1.png")]) == {"slices/s/1.png": MISSING}


@pytest.mark.parametrize(
    "name",
    ["", "slices", "slices/", "/slices/a", "slices/../a", "./slices/a", "slices//a", "a.png", "slices\\a", "slices/\0"],
)
def test_only_plain_names_are_inside(name: str) -> None:
    assert is_inside("slices/s/1.png", "slices")
    assert not is_inside(name, "slices")


def test_an_archive_that_is_cut_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(DatasetError, match=r"damaged. Export the readings again"):
        faults_of(tmp_path / "a.zip", [])
