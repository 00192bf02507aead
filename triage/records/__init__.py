"""The record: what was received, what the AI said, what was signed. All SQL lives here."""
