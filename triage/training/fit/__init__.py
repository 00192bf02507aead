"""Train a network: the recipe, its stages, the training loop, checkpoints, and the run folder."""
