"""Keras architectures: flat functional graphs of keras ops, so that any Keras backend can train them."""
