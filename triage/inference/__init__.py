"""Slices to AI results: preprocess, score, calibrate, explain."""
