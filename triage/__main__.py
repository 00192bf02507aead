"""``python -m triage``."""

from triage.cli import app

app()
