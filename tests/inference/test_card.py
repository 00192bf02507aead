from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from triage.domain import OperatingPoints
from triage.errors import ModelError
from triage.inference.card import CARD, GATE, KERAS, MAX_CARD, ONNX, read_card, sha256_of
from triage.settings import ROOT

MODEL = ROOT / "models" / "two-look-v7"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "model", ignore=shutil.ignore_patterns("trials")))


def _change(folder: Path, **keys: object) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | keys))


def test_the_shipped_card_names_its_network() -> None:
    card = read_card(MODEL)
    assert card.sha256 == sha256_of(MODEL / ONNX)
    assert KERAS in card.files


def test_the_digest_covers_points_of_windows_but_not_that_there_are_none() -> None:
    card = read_card(MODEL)
    none = card.model_copy(update={"window_points": None})
    some = card.model_copy(update={"window_points": OperatingPoints(glioma=0.4, tumour=0.2)})
    as_before = json.dumps(
        none.model_dump(mode="json", exclude={"window_points"}), sort_keys=True, separators=(",", ":")
    )
    assert none.digest == hashlib.sha256(as_before.encode()).hexdigest()
    assert some.digest != none.digest


def test_a_folder_without_a_card_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="TRIAGE_MODEL"):
        read_card(tmp_path)


@pytest.mark.parametrize("keys", [{"unknown": 1}, {"classes": ["other"]}, {"input_size": "wide"}])
def test_a_card_with_unknown_contents_is_refused(folder: Path, keys: dict[str, object]) -> None:
    _change(folder, **keys)
    with pytest.raises(ModelError, match="not a model card"):
        read_card(folder)


def test_another_preprocessing_is_refused(folder: Path) -> None:
    _change(folder, preprocessing=0)
    with pytest.raises(ModelError, match="another preprocessing"):
        read_card(folder)


@pytest.mark.parametrize("name", [ONNX, KERAS])
def test_an_altered_or_missing_file_is_refused(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=f"{name} is missing or altered"):
        read_card(folder)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing or altered"):
        read_card(folder)


def pipe(path: Path) -> None:
    os.mkfifo(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no text": lambda path: path.write_bytes(b'{"name": "\xff\xfe"}'),
    "deep": lambda path: path.write_text("[" * 100_000),
    "folder": lambda path: path.mkdir(),
    "loop": lambda path: path.symlink_to(path),
    "pipe": pipe,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "large": lambda path: path.write_bytes(b" " * (MAX_CARD + 1)),
}


@pytest.mark.parametrize("file", [CARD, ONNX, GATE])
@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_lies_in_the_place_of_a_file_is_refused_at_once(folder: Path, file: str, damage: str) -> None:
    (folder / file).unlink()
    DAMAGES[damage](folder / file)
    with pytest.raises(ModelError, match=file):
        read_card(folder)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("x")
    with pytest.raises(ModelError, match="cannot be read"):
        read_card(tmp_path / "model")


@pytest.mark.parametrize("name", ["/dev/zero", "../model/model.onnx", "trials/a", "..", ".", "", "nul\0", "line\n"])
def test_a_card_names_files_of_its_folder_only(folder: Path, name: str) -> None:
    _change(folder, files=read_card(folder).files | {name: "0" * 64})
    with pytest.raises(ModelError, match=r"does not name the files|missing or altered"):
        read_card(folder)


@pytest.mark.parametrize("left_out", [{ONNX}, {GATE}, {ONNX, GATE}])
def test_a_card_covers_network_and_gate(folder: Path, left_out: set[str]) -> None:
    _change(folder, files={name: digest for name, digest in read_card(folder).files.items() if name not in left_out})
    with pytest.raises(ModelError, match="does not name the files"):
        read_card(folder)
