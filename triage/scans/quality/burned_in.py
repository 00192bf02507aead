"""Find pictures with text burned into the pixels, by the rules of deid: it may name the patient."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydicom import Dataset

RECIPE = Path(__file__).with_name("burned_in.dicom")


def is_suspect(dataset: Dataset) -> bool:
    """Return whether the header suggests text in the pixels; a file that is marked as clean is trusted.

    Parameters
    ----------
    dataset
        As received: de-identification removes the elements that the rules use.
    """
    from deid.dicom.pixels.detect import has_burned_pixels  # imports matplotlib

    results = has_burned_pixels(dataset, deid=_recipe())["results"]
    groups = {result["group"] for result in results}
    return "blacklist" in groups and "whitelist" not in groups


@cache
def _recipe() -> Any:
    from deid.config import DeidRecipe
    from deid.logger import bot

    bot.level = 0  # it would log what it reads
    return DeidRecipe(str(RECIPE))
