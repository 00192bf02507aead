"""Candidates for the tests: the shipped network under another name, with other answers and a judgement."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import onnx

from triage.inference.card import CARD, GATE, MODEL_CARD, ONNX, read_card, sha256_of
from triage.learning.judgement import REQUIRED, Check, Judgement, Verdict, write_judgement
from triage.records.keys import key_file, open_key
from triage.settings import Settings

SHIPPED = Settings().model


def make_candidate(home: Path, called: str = "ours", /, *, glioma: float = 0.0, **changes: object) -> Path:
    """Write a candidate into a home folder; `glioma` is added to the logit of that class."""
    folder = home / "models" / called
    folder.mkdir(parents=True)
    for file in (GATE, MODEL_CARD):
        shutil.copy(SHIPPED / file, folder / file)
    network = onnx.load(SHIPPED / ONNX)
    network.doc_string = called  # another file with the same answers
    onnx.save(network, folder / ONNX)
    card = json.loads((SHIPPED / CARD).read_text())
    card["name"] = called
    card["fusion"]["bias"][0] += glioma
    card["files"] = {file: sha256_of(folder / file) for file in (ONNX, GATE)}
    (folder / CARD).write_text(json.dumps(card | changes))
    return folder


def judge(folder: Path, serving: Path = SHIPPED, verdict: Verdict = Verdict.PASSED) -> None:
    """Write a judgement of a candidate in the home folder of an installation, sealed there; all checks alike."""
    checks = tuple(Check(name=name, verdict=verdict, said=f"{name}: {verdict}.") for name in REQUIRED)
    judgement = Judgement(
        created=datetime.now(UTC).isoformat(),
        candidate=read_card(folder).digest,
        serving=read_card(serving).digest,
        data_set="0" * 64,
        checks=checks,
    )
    key = open_key(key_file(folder.parents[1]), make=True)
    write_judgement(judgement.sealed(key.mac), folder)
