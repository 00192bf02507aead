"""What the first reader would otherwise wait for, loaded once the server answers.

Tested in tests/ui/test_warm.py.
"""

from __future__ import annotations

from importlib import import_module

from triage.errors import TriageError
from triage.pipeline.installation import Installation

#: Modules of the review page that take a second to import.
HEAVY = ("triage.ui.identity", "triage.ui.reports")


def warm(installation: Installation) -> None:
    """Import what the review page needs, and start the decoders."""
    for name in HEAVY:
        import_module(name)
    try:
        installation.door.warm()
    except TriageError:
        return  # the server is stopping
