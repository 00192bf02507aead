"""The record: received files, AI results, signed readings. All SQL is here."""
