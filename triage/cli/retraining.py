"""Commands that turn signed readings into a candidate. Tested in tests/test_cli_retraining.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from triage.cli.common import console, or_exit
from triage.cli.training_common import Recipe, RecordKey, Seed, multiply_in_bfloat16, quiet_tensorflow, sealing
from triage.errors import TriageError
from triage.text import terminal

commands = typer.Typer()


@commands.command()
def retrain(
    model: Annotated[Path, typer.Option(help="Model folder of the model that serves; it is only read.")],
    data: Annotated[Path, typer.Option(help="Export of signed readings: the ZIP, or its unpacked folder.")],
    out: Annotated[Path, typer.Option(help="Model folder to write for the candidate.")],
    recipe: Recipe = "retrain",
    replay: Annotated[
        Path | None, typer.Option(help="Training set of the model, where its pictures are at hand: TRIAGE_DATA.")
    ] = None,
    volumes: Annotated[Path | None, typer.Option(help="Folder of volumes inside --replay to add.")] = None,
    more: Annotated[Path | None, typer.Option(help="Data set to add to --replay: TRIAGE_MORE.")] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(help="Data set that the candidate is judged on besides the site's; may be repeated: TRIAGE_DATA."),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0, help="Time for the epochs; a short time means fewer.")] = 20.0,
    seed: Seed = None,
    any_model: Annotated[
        bool, typer.Option("--any-model", help="Accept readings that were all signed beside other models.")
    ] = False,
    record_key: RecordKey = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a retraining that was stopped.")] = False,
) -> None:
    """Retrain the model that serves on signed readings, and judge the candidate, which serves only once promoted."""
    quiet_tensorflow()
    multiply_in_bfloat16()
    from triage.training.retrain.judge import as_table, judge_candidate
    from triage.training.retrain.retrain import OldPictures
    from triage.training.retrain.retrain import retrain as make_candidate

    mac = or_exit(lambda: sealing(record_key))
    old = OldPictures(replay, volumes, more) if replay else None
    table: list[object] = []

    def judge(made: Path, progress: Callable[[float], object]) -> None:
        """Judge the candidate; what cannot be judged now is a candidate all the same, and `judge` does it later."""
        try:
            table.append(as_table(judge_candidate(made, model, data, reference or (), progress, mac)))
        except TriageError as error:
            table.append(terminal(f"The candidate could not be judged: {error} Then judge it with the command judge."))

    try:
        card = or_exit(
            lambda: make_candidate(
                model,
                data,
                out,
                recipe=recipe,
                replay=old,
                minutes=minutes,
                seed=seed,
                any_model=any_model,
                resume=resume,
                judge=judge,
                console=console,
            )
        )
    except KeyboardInterrupt:
        console.print(terminal("Stopped. Nothing was written as a candidate; go on with --resume."))
        raise typer.Exit(130) from None
    for name in ("accuracy", "recall_glioma", "auroc_glioma", "ece"):
        after, before = (card.metrics[part]["figures"][name]["value"] for part in ("test", "before"))
        console.print(terminal(f"{name}: {_said(after)}, before {_said(before)}"), highlight=False)
    console.print(terminal(f"{out}: {card.name}, card {card.digest}."), highlight=False)
    console.print(*table)


def _said(value: float | None) -> str:
    return "not measurable" if value is None else f"{value:.3f}"
