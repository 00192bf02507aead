"""The record behind one database address: one part for each purpose, all on the same database."""

from __future__ import annotations

from pathlib import Path

from triage.records import studies
from triage.records.accounts import Accounts
from triage.records.arrivals import Arrivals
from triage.records.audit import AuditTrail
from triage.records.claims import Claims
from triage.records.conflicts import Conflicts
from triage.records.decisions import Decisions
from triage.records.drafts import Drafts
from triage.records.marks import MarkStore
from triage.records.models import Models
from triage.records.preferences import Preferences
from triage.records.readings import Readings
from triage.records.registry import Registry
from triage.records.reranks import Reranks
from triage.records.results import Results
from triage.records.sealed import SealedDatabase
from triage.records.sessions import Sessions
from triage.records.shadows import Shadows
from triage.records.tokens import Tokens
from triage.records.trail import Trail
from triage.records.views import Study


class Store(SealedDatabase):
    """The record.

    Parameters
    ----------
    url
        SQLAlchemy address, SQLite or PostgreSQL; the schema is brought up to date if `own_tables`.
    home, key
        Where the anchors and the key are, see `SealedDatabase`.

    Attributes
    ----------
    arrivals
        Received files become studies, series and instances.
    conflicts
        Studies that were set aside because their identity is in doubt.
    decisions
        What was decided about them, and its undoing.
    results
        AI results, and the studies that wait for one.
    readings
        Opened studies and signed readings.
    preferences
        What readers have chosen for a page.
    drafts
        What readers have entered and not signed yet.
    claims
        Who has which study open.
    marks
        Measurements, outlines and key images of the readers.
    models
        Models that may serve here.
    registry
        Who promoted, rolled back or shadowed which model.
    reranks
        Ranks that open studies got anew from another model.
    shadows
        What candidates say of new studies, unseen.
    accounts, sessions, tokens
        Who may sign in, who is signed in, and which DICOMweb peers are let in.
    audit
        Events that change nothing else.
    trail
        All events, to be read.
    """

    def __init__(self, url: str, home: Path | None = None, key: Path | None = None, *, own_tables: bool = True) -> None:
        super().__init__(url, home, key, own_tables=own_tables)
        self.arrivals = Arrivals(self)
        self.conflicts = Conflicts(self)
        self.decisions = Decisions(self)
        self.results = Results(self)
        self.readings = Readings(self)
        self.preferences = Preferences(self)
        self.drafts = Drafts(self)
        self.claims = Claims(self)
        self.marks = MarkStore(self)
        self.models = Models(self)
        self.registry = Registry(self)
        self.reranks = Reranks(self)
        self.shadows = Shadows(self)
        self.accounts = Accounts(self)
        self.sessions = Sessions(self)
        self.tokens = Tokens(self)
        self.audit = AuditTrail(self)
        self.trail = Trail(self.read)

    def study(self, study_id: str) -> Study:
        """Return a study with its files, AI results and readings.

        Raises
        ------
        NotFoundError
            If there is no such study.
        """
        with self.read() as session:
            return studies.whole(session, study_id)
