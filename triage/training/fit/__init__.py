"""Fit a network: the recipe, its stages, the loop, checkpoints, and the run folder that it leaves."""
