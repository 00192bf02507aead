"""NeuroTriage: brain MRI in, a ranked worklist out, every reading kept. Research use only."""

import os

# ONNX Runtime sends what it is used for to its makers unless this is set before it is imported: nothing leaves.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

#: As in pyproject.toml; a test compares them.
__version__ = "0.5.0"
