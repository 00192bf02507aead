"""Readings become training data."""
