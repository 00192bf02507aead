"""Bytes to slices: decode what was handed over, and say honestly what cannot be judged."""
