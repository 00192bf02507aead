"""Keras architectures: flat functional graphs, keras ops only, so any Keras backend can train them."""
