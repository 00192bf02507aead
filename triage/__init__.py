"""NeuroTriage: brain MRI in, a ranked worklist out, every reading kept. Research use only."""

#: As in pyproject.toml; a test compares them.
__version__ = "0.4.0"
