"""Audit of a data set before training: copies, contradicting labels, leaks between parts, pictures that are not MRI.

The public sets contain copies of each other, and a score on copies measures memory. `audit` finds them, `tables` and
`contact_sheet` show the findings, and `Audit.as_json` returns them for a file.
"""

from __future__ import annotations

from triage.training.audit.findings import Audit, CopyPair, Match
from triage.training.audit.report import contact_sheet, tables
from triage.training.audit.run import audit

__all__ = ["Audit", "CopyPair", "Match", "audit", "contact_sheet", "tables"]
