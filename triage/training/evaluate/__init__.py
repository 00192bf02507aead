"""Evaluate a network on patients it was not trained on: predictions, metrics with intervals, reports."""
