"""Copied into a pack as ``train.py``: trains its trials. Tested in tests/training/elsewhere/test_train.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "jax"
    try:
        from triage.training.elsewhere.train import main
    except ImportError as error:
        sys.exit(f"{error}. Install JAX, OpenCV, SciPy, Pillow, and what wheels.txt beside this script names.")
    main(Path(__file__).parent)
