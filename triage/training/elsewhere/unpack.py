"""``python -m triage unpack``: run folders of what the trials of a pack have learnt elsewhere."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras

from triage.errors import TriageError
from triage.networks.twolook import build_two_look, freeze
from triage.training.elsewhere.learnt import RESULTS_FILE, read_weights
from triage.training.elsewhere.names import RECORDS_FILE, START_FILE, TRIALS_FILE
from triage.training.elsewhere.pictures import PackError
from triage.training.elsewhere.starts import read_start
from triage.training.fit.checkpoints import save_model, write_json
from triage.training.fit.curves import draw_curves
from triage.training.fit.lineage import PARTS_FILE, RESULT_FILE
from triage.training.fit.loop import CURVE_FILE, CURVE_PLOT
from triage.training.fit.run import CONFIG_FILE, ENVIRONMENT_FILE, SKIPPED_FILE


def unpack(out: Path, pack: Path, runs: Path) -> list[Path]:
    """Write the run folder of every finished trial whose parts are there.

    It holds what `triage.training.fit.run.run_recipe` writes, without the state to continue from.

    Parameters
    ----------
    out
        What the pack's ``train.py`` wrote.
    pack
        The pack.
    runs
        Folder for the run folders.

    Returns
    -------
    list
        The run folders.

    Raises
    ------
    PackError
        If a file is missing or damaged, `out` is of another pack, or a run folder exists.
    """
    try:
        results = json.loads((out / RESULTS_FILE).read_text())
        plan = json.loads((pack / TRIALS_FILE).read_text())
        records = json.loads(lzma.decompress((pack / RECORDS_FILE).read_bytes()))
        if results["pack"] != plan["id"]:
            raise PackError(f"{out} is not of the pack {pack}. Name the pack that its trials were trained with.")
        folders = {
            name: runs / name
            for name, trial in results["trials"].items()
            if name in records and all((out / part).is_file() for part in trial["parts"])
        }
        for folder in folders.values():
            if folder.exists():
                raise PackError(f"{folder} exists. Name another folder for the --runs.")
        for name, folder in folders.items():
            trial = results["trials"][name]
            _write(folder, records[name], trial, results["environment"], _model(out, pack, trial, records[name]))
    except TriageError:
        raise
    except (OSError, ValueError, KeyError, EOFError, lzma.LZMAError, BadZipFile) as error:
        raise PackError(
            f"{out} or {pack} is incomplete or damaged ({type(error).__name__}). Copy both again, whole."
        ) from error
    return list(folders.values())


def _model(out: Path, pack: Path, trial: dict[str, Any], record: dict[str, Any]) -> keras.Model:
    stage = record["config"]["recipe"]["train"]
    network = stage["network"]
    model = build_two_look(
        stage["size"], len(record["config"]["classes"]), network["dropout"], encoder=network["encoder"]
    )
    model.set_weights(read_start(pack / START_FILE, network["encoder"]))
    freeze(model, network["learns"])
    for variable, values in zip(model.trainable_variables, read_weights(out, trial), strict=True):
        variable.assign(values)
    return model


def _write(
    folder: Path, record: dict[str, Any], trial: dict[str, Any], environment: dict[str, Any], model: keras.Model
) -> None:
    folder.mkdir(parents=True)
    parts = record["parts"]
    write_json(folder / CONFIG_FILE, record["config"])
    write_json(folder / ENVIRONMENT_FILE, environment)
    write_json(folder / SKIPPED_FILE, record["skipped"])
    write_json(folder / PARTS_FILE, parts)
    write_json(folder / CURVE_FILE, trial["curve"])
    draw_curves(trial["curve"], folder / CURVE_PLOT)
    save_model(model, folder)
    result = {
        "recipe": record["config"]["recipe"]["name"],
        "started_from": record["started_from"],
        "parameters": model.count_params(),
        "pictures": {part: len(parts[part]) for part in ("train", "validation", "test")},
        "notes": parts["notes"],
        "classifier": {
            "epochs": trial["epochs"],
            "kept_epoch": trial["epochs"],
            "network_share": trial["network_share"],
            "seconds": trial["seconds"],
            "at_kept_epoch": trial["curve"][-1],
        },
    }
    write_json(folder / RESULT_FILE, result)
