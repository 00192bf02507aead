"""The honest look at a data set before anything is trained on it: copies, contradictions, leaks, strangers.

The popular sets are one another, and a score on copies measures memory. `audit` finds them; `tables` and
`contact_sheet` show what it found, `Audit.as_json` keeps it.
"""

from __future__ import annotations

from triage.training.audit.findings import Audit, CopyPair, Match
from triage.training.audit.report import contact_sheet, tables
from triage.training.audit.run import audit

__all__ = ["Audit", "CopyPair", "Match", "audit", "contact_sheet", "tables"]
