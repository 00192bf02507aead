"""``python -m triage``. Tested in tests/test_cli.py."""

from triage.cli import app

app()
