"""The server without its guards, to show that the attempts can fail: ``python tests/attack/weakened.py PORT``."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import triage.text as text  # noqa: E402 - the path comes first

# Others import these by name, so they go first.
text.markdown = text.html_text = text.csv_cell = lambda value: value  # type: ignore[assignment]

from triage.web import site  # noqa: E402

site.local_path = lambda asked: asked  # type: ignore[assignment]
site.Site.knows_host = lambda self, host: True  # type: ignore[method-assign]

from streamlit.web import cli  # noqa: E402

from triage.access import codes, live, passwords, peers, throttle  # noqa: E402
from triage.access.person import alone  # noqa: E402
from triage.access.roles import PeerRight  # noqa: E402
from triage.pipeline.installation import Installation  # noqa: E402
from triage.pipeline.visits import Visits  # noqa: E402
from triage.records import drafts, readings  # noqa: E402
from triage.records.audit import AuditTrail  # noqa: E402
from triage.records.files import FileStore  # noqa: E402
from triage.ui import server, state  # noqa: E402
from triage.web import cookies, guard, holding, reader  # noqa: E402


async def everybody(self: guard.Guard, scope: guard.Scope, *_: object) -> None:
    """Let anybody do anything."""
    scope[guard.PERSON] = alone("Dr. Ada")


def open_cookie(answer: guard.Response, cookie: str, value: str, **_: object) -> None:
    """Set a cookie that scripts and other sites may use."""
    answer.set_cookie(cookie, value)


def one_by_one(self: AuditTrail, details: Counter[str], *, actor: str) -> None:
    """Note each refused file in a row of its own."""
    for detail in details.elements():
        together(self, Counter([detail]), actor=actor)


together, AuditTrail.refused = AuditTrail.refused, one_by_one  # type: ignore[method-assign]
holding.PATH = re.compile("/_stcore/upload_file/([^/]+)/([^/]+)")
holding.Holding._owns = lambda self, scope, page: True  # type: ignore[method-assign]
guard.Guard._refusal = everybody  # type: ignore[assignment,method-assign]
guard.with_headers = lambda send, path, secure: send  # type: ignore[assignment,misc]
cookies.keep = open_cookie  # type: ignore[assignment]
throttle.Throttle.attempt = throttle.Throttle.wait = lambda self, key: 0.0  # type: ignore[method-assign]
peers.Peers.of = lambda self, token, address: peers.Peer(token, frozenset(PeerRight))  # type: ignore[method-assign]
passwords.is_right = lambda password, known: bool(known)  # type: ignore[assignment]
codes.step_of = lambda key, code, after, now=None: int(time.time())  # type: ignore[assignment]
live.digest = lambda secret: secret  # type: ignore[assignment]
reader.refuse_other_sites = lambda request: None  # type: ignore[assignment]
Installation.hides_ai = lambda self, study, reader: False  # type: ignore[method-assign]
Visits.note = lambda self, person, event, study_id=None: None  # type: ignore[method-assign]
readings.check_shown = lambda study, shown: None
drafts.check = lambda session, study, reading, seen: None
_commit = drafts.Drafts.commit_blind
drafts.Drafts.commit_blind = lambda self, *given, contents=None, **named: _commit(self, *given, **named)  # type: ignore[method-assign]
FileStore.holds = lambda self, sha256: True  # type: ignore[method-assign]
server.tame = lambda address: None  # type: ignore[assignment]
state.person = lambda: alone("Dr. Ada")  # type: ignore[assignment]

sys.argv = ["streamlit", "run", str(ROOT / "app.py"), "--server.port", sys.argv[1], "--server.address", "localhost"]
cli.main()
