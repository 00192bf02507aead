"""One command line: ``python -m triage COMMAND``."""

from __future__ import annotations

import typer

from triage.cli import access, monitoring, product, record, retraining, training

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False, help=__doc__)
app.add_typer(product.commands)
app.add_typer(record.commands)
app.add_typer(training.commands)
app.add_typer(retraining.commands)
app.add_typer(monitoring.commands)
app.add_typer(access.accounts, name="account")
app.add_typer(access.tokens, name="token")
