from __future__ import annotations

import numpy as np
import pytest

from triage.networks.unet import build_unet


def test_a_mask_has_the_size_of_its_picture() -> None:
    model = build_unet(32, width=4, depth=3)
    assert np.asarray(model(np.zeros((2, 32, 32, 1), np.float32))).shape == (2, 32, 32, 1)


def test_a_size_that_cannot_be_halved_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="multiple of 16, not 40"):
        build_unet(40)
