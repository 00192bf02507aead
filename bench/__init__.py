"""Measurements as ratios in one run; ``python -m bench`` prints them and writes ``docs/benchmarks.md``."""
