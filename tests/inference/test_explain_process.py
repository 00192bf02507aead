"""Maps come from another process, which is replaced when it dies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from triage.domain import Finding
from triage.errors import ModelError
from triage.inference.explain import Method, explain
from triage.inference.explain_process import ExplainProcess
from triage.inference.runtime import Runtime
from triage.phantoms import Phantom
from triage.scans.formats.raster import decode
from triage.settings import Settings


@pytest.mark.slow
def test_maps_are_those_of_the_function_and_a_process_that_died_is_replaced(
    slices: list[Phantom], tmp_path: Path
) -> None:
    folder = Settings().model
    pixels = decode(slices[0].png).pixels
    look = Runtime(folder).score(pixels).look
    asked = (folder, pixels, look, Finding.GLIOMA, Method.GRAD_CAM)
    maps = ExplainProcess()
    np.testing.assert_allclose(maps.explain(*asked), explain(*asked), atol=1e-5)
    (child,) = [one for one in psutil.Process().children() if "triage.inference.explain_process" in one.cmdline()]
    with pytest.raises(ModelError, match="TRIAGE_MODEL"):
        maps.explain(tmp_path, pixels, look, Finding.GLIOMA, Method.GRAD_CAM)
    assert child.is_running(), "an error of the model is an answer"
    child.kill()
    child.wait()
    with pytest.raises(ModelError, match="Try again"):
        maps.explain(*asked)
    assert maps.explain(*asked).max() > 0
    maps.close()
    assert not [one for one in psutil.Process().children() if "triage.inference.explain_process" in one.cmdline()]
