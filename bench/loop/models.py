"""Models that have not seen a source: the cross-validation runs of a release, made into model folders that serve."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from triage.cli.training_common import multiply_in_bfloat16
from triage.copies.seen import SEEN
from triage.inference import preprocess
from triage.inference.card import CARD, GATE, KERAS, MODEL_CARD, ONNX, Card, read_card, sha256_of
from triage.inference.network import Network
from triage.inference.views import FRAME
from triage.networks.twolook import encoder_of
from triage.settings import ROOT, Settings
from triage.training.evaluate.cross_validation import report
from triage.training.evaluate.predictions import predictions_of
from triage.training.evaluate.scorer import Scorer, held_out, named, open_model
from triage.training.fit.checkpoints import save_model
from triage.training.fit.lineage import RESULT_FILE
from triage.training.fit.recipe import adapted, load_recipe
from triage.training.fit.run import Options, read_chosen, run_recipe
from triage.training.layouts import FINDINGS, GUARD, STRANGER, Dataset, Item, joined, read_dataset, with_volumes
from triage.training.release.calibration import calibrate
from triage.training.release.export import export_onnx
from triage.training.release.gate import write_gate
from triage.training.release.ood_threshold import familiar_within
from triage.training.release.release import ARCHITECTURE
from triage.training.release.remember import remember
from triage.training.release.trials import restore_trials
from triage.training.views.frames import load_frames_of

RELEASE = ROOT / "models" / "two-look-v7"
#: Of the training pictures, so many are one for the distance and the ranges of the export.
EVERY = 4
#: Most pictures of a source and label that are at hand for a retraining.
MOST_REPLAYED = 150
#: Most pictures of a source that a gate is fitted on: fitting it on all takes hours, with each source left out once.
MOST_FOR_GATE = 120


def restored(work: Path) -> list[Path]:
    """Return the run folders of the cross-validation, by test fold."""
    runs = work / "runs"
    return sorted(runs.glob("fold-*")) or restore_trials(RELEASE, runs)


def trained_without(sources: Sequence[str], folder: Path) -> Path:
    """Train a run that has not seen some sources, as the pupils of two-look-v7 but without a teacher; once."""
    if not (folder / RESULT_FILE).exists():
        settings = Settings()
        volumes = settings.data / "btp"
        dataset = read_chosen(settings.data, (), volumes, settings.more, sources)
        options = Options(weights="packaged", resume=folder.exists(), volumes=volumes, more=settings.more)
        multiply_in_bfloat16()
        run_recipe(adapted(load_recipe("two-look-lite2"), size=224), dataset, folder, options, Console())
    return folder


def serving_model(run: Path, folder: Path) -> Path:
    """Make a model folder of a run, as `release` does, calibrated on the test fold of the run; once."""
    if (folder / CARD).exists() and SEEN in read_card(folder).files:
        return folder
    scorer = open_model(run)
    settings = Settings()
    pictures = with_volumes(read_dataset(settings.data, verify=False), settings.data / "btp")
    dataset = joined(pictures, read_dataset(settings.more, verify=False))
    folder.mkdir(parents=True, exist_ok=True)
    trained = named(scorer.parts["train"], dataset)[::EVERY]
    save_model(scorer.trained, folder)
    if not (folder / ONNX).exists():
        export_onnx(scorer.trained, load_frames_of(dataset.root, trained, FRAME).pixels, folder / ONNX)
    network = Network(folder / ONNX)
    held = predictions_of(network, dataset.root, held_out(scorer, dataset), scorer.config["test_fold"])
    calibration = calibrate(held.first, held.second, held.items)
    gate = write_gate(network, _for_gate(scorer, dataset), folder)
    limit = familiar_within(held)
    card = Card(
        name=folder.name,
        created="2026-01-01",
        architecture=ARCHITECTURE.format(encoder_of(scorer.trained)[1].title),
        input_size=int(scorer.trained.input_shape[1]),
        preprocessing=preprocess.VERSION,
        classes=list(FINDINGS),
        fusion=calibration.fusion,
        operating_points=calibration.points,
        window_points=calibration.window_points,
        conformal=calibration.conformal,
        familiar_within=limit,
        files={name: sha256_of(folder / name) for name in (KERAS, ONNX, GATE)},
        training={
            "summary": f"Cross-validation run {run.name} of {RELEASE.name}, for bench.learning alone.",
            "config": scorer.config | {"train_folds": _folds(scorer), "validation_folds": []},
            "images": len(scorer.parts["train"]),
            "data": "See the release.",
            "limits": ["It serves a benchmark."],
            "failures": ["See the release."],
        },
        metrics={
            "test": report([(held, calibration)]),
            "gate": {"familiar_within": limit, **gate},
            "operating_points": calibration.threshold_notes,
        },
    )
    (folder / MODEL_CARD).write_text(f"# {card.name}\n\n{card.training['summary']}\n")
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n")
    sources = scorer.config["sources"]
    remember(folder, replace(dataset, items=tuple(item for item in dataset.items if item.source in sources)))
    return folder


def without(root: Path, sources: Sequence[str], folder: Path) -> Path:
    """Copy a data set with a manifest without some of its sources, if it holds any; once."""
    if not any(row["dataset"] in sources for row in _rows(root)):
        return root
    return _copied([(root, row) for row in _rows(root) if row["dataset"] not in sources], folder)


def remembered(roots: Sequence[Path], fold: int, folder: Path) -> Path:
    """Copy a sample of what a run was trained on, as one data set; once.

    Parameters
    ----------
    roots
        Data sets with a manifest, without the sources that the run left out.
    fold
        The test fold of the run.
    folder
        Where to.
    """
    alike: Counter[tuple[str, str]] = Counter()
    rows = []
    for number, root in enumerate(roots):
        for row in sorted(_rows(root), key=lambda row: hashlib.sha256(row["path"].encode()).digest()):
            kind = row["dataset"], row["label"]
            if row["label"] != STRANGER and row["fold"].isdigit() and int(row["fold"]) != fold:
                alike[kind] += 1
                if alike[kind] <= MOST_REPLAYED:
                    rows.append((root, row | {"cluster": f"{number + 1}{int(row['cluster']):07d}"}))
    return _copied(rows, folder)


def _rows(root: Path) -> list[dict[str, str]]:
    with (root / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _copied(rows: Sequence[tuple[Path, dict[str, str]]], folder: Path) -> Path:
    """Copy pictures with their masks, outlines and boxes, and write a manifest last."""
    done = folder / "manifest.csv"
    if done.exists():
        return folder
    for root, row in rows:
        source = Path(row["path"]).parts[0]
        beside = [path.relative_to(root) for path in (root / source).glob("*.json")]
        for path in (row["path"], row.get("mask", ""), *beside):
            if path and not (folder / path).exists():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / path, folder / path)
    part = done.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted({name for _, row in rows for name in row}))
        writer.writeheader()
        writer.writerows(row for _, row in rows)
    part.replace(done)
    return folder


def _for_gate(scorer: Scorer, dataset: Dataset) -> Dataset:
    """Return a sample of the pictures of the sources that the run was trained on, with all strangers."""
    known = [item for item in dataset.items if item.source in scorer.config["sources"] and item.fold != GUARD]
    return replace(dataset, items=tuple(_some(known)))


def _some(items: Sequence[Item]) -> list[Item]:
    totals, taken, kept = Counter(item.source for item in items), Counter[str](), []
    for item in items:
        taken[item.source] += 1
        every = -(-totals[item.source] // MOST_FOR_GATE)
        if taken[item.source] % every == 0:
            kept.append(item)
    return kept


def _folds(scorer: Scorer) -> list[int]:
    return [fold for fold in range(5) if fold != scorer.config["test_fold"]]
