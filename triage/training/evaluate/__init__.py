"""Evaluate a network on patients that it never saw: predictions, metrics with intervals, reports."""
