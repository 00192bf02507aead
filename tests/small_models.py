"""A model folder of a small network, an export of signed readings for it, and a recipe of a few steps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
from drawn import FOLDERS, head, manifest_set
from site_samples import Signed, write_export

from triage.copies.seen import SEEN, Pictures, Seen
from triage.inference.card import CARD, GATE, KERAS, ONNX, sha256_of
from triage.inference.preprocess import prepare
from triage.inference.views import FRAME
from triage.learning.parts import Part
from triage.networks.twolook import build_two_look, start_from_packaged
from triage.settings import ROOT
from triage.training.fit.recipe import FOLDER
from triage.training.layouts import read_dataset
from triage.training.release.export import export_onnx
from triage.training.release.replay import REPLAY, remember_features

SIDE = 64


def small_model(folder: Path, *, remembers: bool = True) -> Path:
    """Write a model folder: an untrained network of 64 px with the card and the gate of a released one."""
    released = ROOT / "models" / "two-look-v6.1"
    folder.mkdir(parents=True)
    keras.utils.set_random_seed(1)
    network = build_two_look(SIDE)
    start_from_packaged(network)
    network.save(folder / KERAS)
    frames = np.stack([np.rint(prepare(head(kind, 7), FRAME)[0]).astype(np.uint8) for kind in FOLDERS])
    export_onnx(network, frames, folder / ONNX)
    shutil.copyfile(released / GATE, folder / GATE)
    if remembers:
        drawn = read_dataset(manifest_set(folder.with_name(f"{folder.name}-data"), each=5))
        remember_features(network, drawn, 12).save(folder / REPLAY)
        Seen.of(Pictures.of([head("glioma", 7)]), np.array([True])).save(folder / SEEN)
    card = json.loads((released / CARD).read_text())
    card |= {"name": folder.name, "input_size": SIDE, "familiar_within": 5.0}
    card["files"] = {one.name: sha256_of(one) for one in sorted(folder.iterdir())}
    (folder / CARD).write_text(json.dumps(card))
    return folder


def small_site(target: Path, **changed: object) -> Path:
    """Write an export: three patients of each class for training, one for each other part."""
    studies = []
    parts = [*[Part.TRAIN] * 3, Part.VALIDATION, Part.TEST]
    for kind, label in enumerate(FOLDERS):
        for number, part in enumerate(parts):
            seed = 2000 + 100 * kind + 10 * number
            of_study = (
                (head(label, seed),) if label == "pituitary" else tuple(head(label, seed + at) for at in range(3))
            )
            mask = _outline(of_study[0]) if label == "meningioma" else None
            studies.append(
                Signed(
                    f"{label}-{number}",
                    label,
                    of_study,
                    part,
                    readers=2 if label == "glioma" else 1,
                    lone=label == "glioma",
                    mask=mask,
                    **changed,  # type: ignore[arg-type]
                )
            )
    return write_export(target, studies)


def small_recipe(path: Path) -> Path:
    """Write the recipe of a retraining with two epochs of one step, without drawn heads."""
    text = (FOLDER / "retrain.toml").read_text()
    for name, value in (("epochs", 2), ("steps", 1), ("batch", 4), ("drawn", 0)):
        lines = [f"{name} = {value}" if line.startswith(f"{name} = ") else line for line in text.splitlines()]
        text = "\n".join(lines)
    path.write_text(text + "\n")
    return path


def _outline(picture: np.ndarray) -> np.ndarray:
    mask = np.zeros(picture.shape, np.uint8)
    mask[28:40, 10:22] = 1
    return mask
