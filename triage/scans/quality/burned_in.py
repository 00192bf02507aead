"""Text burned into the pixels names patients too, and no header rule removes it: suspects are found with deid."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydicom import FileDataset

RECIPE = Path(__file__).with_name("burned_in.dicom")


def is_suspect(dataset: FileDataset) -> bool:
    """Return whether the header speaks for text in the pixels; a file marked as clean is believed.

    Parameters
    ----------
    dataset
        As it was received: the signs are among what de-identification removes.
    """
    from deid.dicom.pixels.detect import has_burned_pixels  # imports matplotlib

    results = has_burned_pixels(dataset, deid=_recipe())["results"]
    groups = {result["group"] for result in results}
    return "blacklist" in groups and "whitelist" not in groups


@cache
def _recipe() -> Any:
    from deid.config import DeidRecipe
    from deid.logger import bot

    bot.level = 0  # it would write what it reads to the log
    return DeidRecipe(str(RECIPE))
