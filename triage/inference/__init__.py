"""From slices to AI results: preprocess, score, calibrate, explain."""
