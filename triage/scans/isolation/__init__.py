"""Decoding in child processes with limits, so that a hostile file cannot harm the server or other files."""
