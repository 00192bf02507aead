from __future__ import annotations

import numpy as np
from drawn import draw_head
from PIL import Image, ImageDraw

from triage.copies.descriptors import head_of
from triage.domain import Slice
from triage.training.audit.suspects import suspicion


def test_a_closed_ring_of_bone_is_suspect() -> None:
    image = Image.new("L", (256, 256))
    draw = ImageDraw.Draw(image)
    draw.ellipse((30, 20, 226, 236), fill=255)
    draw.ellipse((46, 36, 210, 220), fill=90)
    noise = np.random.default_rng(0).normal(0, 4, (256, 256))
    pixels = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
    assert "CT" in (suspicion(Slice(pixels), head_of(pixels).pixels[0]) or "")


def test_a_head_on_mri_is_none() -> None:
    pixels = np.asarray(draw_head(1))
    assert suspicion(Slice(pixels), head_of(pixels).pixels[0]) is None
