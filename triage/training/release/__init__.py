"""Release a model folder from runs: calibrate, set thresholds, export, quantize, write the cards."""
