"""Decoders run in child processes with limits, so that a hostile file costs nobody else anything."""
