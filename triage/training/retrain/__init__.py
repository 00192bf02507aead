"""A model that serves becomes a candidate: retrained on the signed readings of its own site."""
