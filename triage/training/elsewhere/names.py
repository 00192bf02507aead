"""Names of the files of a pack. Tested in tests/training/elsewhere/test_train.py."""

from __future__ import annotations

TRIALS_FILE = "trials.json"
START_FILE = "start.npz"
#: Only `unpack` reads it: the records of the run folders.
RECORDS_FILE = "records.json.xz"
