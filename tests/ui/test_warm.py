"""After the start, the review page finds its modules imported and the decoders running."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from triage.settings import ROOT

SCRIPT = """
import sys
from pathlib import Path
from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.ui.warm import warm

installation = Installation(Settings(home=Path(sys.argv[1])))
assert not {"pandas", "highdicom"} & set(sys.modules), "the start would wait for them"
warm(installation)
assert "highdicom" in sys.modules
assert all(child is not None and child.alive for child in installation.door._free.queue)
installation.close()
warm(installation)  # as if it stopped meanwhile
"""


@pytest.mark.slow
def test_what_the_first_reader_needs_is_loaded_after_the_start(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT, check=True, timeout=120)
