"""The command that judges a candidate. Tested in tests/training/retrain/test_judge.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from triage.cli.common import console, exit_with, or_exit
from triage.cli.training_common import RecordKey, sealing
from triage.text import terminal

commands = typer.Typer()
UNSEALED = (
    "The judgement has no seal, since no key of a record was found: an installation asks two administrators to promote "
    "this candidate. Judge it there, or name the key with --record-key."
)


@commands.command()
def judge(
    candidate: Annotated[
        Path, typer.Argument(help="Model folder that `retrain` wrote; judgement.json is put into it.")
    ],
    model: Annotated[Path, typer.Option(help="Model folder of the model that serves.")],
    data: Annotated[Path, typer.Option(help="Export of signed readings that the candidate was retrained on.")],
    reference: Annotated[
        list[Path] | None,
        typer.Option(help="Data set that stands for everything but this site, such as TRIAGE_DATA; may be repeated."),
    ] = None,
    record_key: RecordKey = None,
) -> None:
    """Judge a candidate against the model that serves; exit with 3 if it may not serve."""
    from triage.training.retrain.judge import as_table, judge_candidate

    mac = or_exit(lambda: sealing(record_key))
    judgement = or_exit(lambda: judge_candidate(candidate, model, data, reference or (), mac=mac))
    console.print(as_table(judgement))
    if stopping := judgement.against:
        raise exit_with(f"It may not serve: {'; '.join(check.name for check in stopping)}.", 3)
    console.print(terminal(f"{candidate} may serve in place of {model}."))
    if mac is None:
        console.print(UNSEALED)
