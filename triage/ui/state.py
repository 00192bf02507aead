"""State that the pages share: the installation, the reader, and the navigation between pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from triage.access.names import MAX_NAME
from triage.access.person import Person, alone
from triage.access.roles import Right
from triage.errors import DeniedError
from triage.languages.speech import later, moment, retold, t
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.records import origin
from triage.settings import ROOT, Settings
from triage.text import markdown
from triage.web import cookies
from triage.web.guard import READER, single_name
from triage.web.onward import onward
from triage.web.site import Site

WORKLIST = ROOT / "pages" / "clinical" / "worklist.py"
UPLOAD = ROOT / "pages" / "clinical" / "upload.py"
REVIEW = ROOT / "pages" / "clinical" / "review.py"
CONFLICTS = ROOT / "pages" / "clinical" / "conflicts.py"
INSIGHTS = ROOT / "pages" / "clinical" / "insights.py"
READINGS = ROOT / "pages" / "clinical" / "readings.py"
MODELS = ROOT / "pages" / "admin" / "models.py"
MONITORING = ROOT / "pages" / "admin" / "monitoring.py"
USERS = ROOT / "pages" / "admin" / "users.py"
AUDIT = ROOT / "pages" / "admin" / "audit.py"
SINGLE = later(
    "No accounts: whoever sits at this computer may do everything, under any name. For others make accounts with "
    "`python -m triage account add NAME --role administrator`."
)


@st.cache_resource(show_spinner=False)
def installation() -> Installation:
    """Return the installation, opened once per process."""
    return Installation(Settings())


def now() -> datetime:
    """Return the current time in UTC, with its time zone."""
    return datetime.now(UTC)


def zone() -> ZoneInfo:
    """Return the time zone of the reader's browser; UTC if it does not say."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def local(time: datetime) -> str:
    """Return a time as the reader's clock shows it."""
    return moment(time.astimezone(zone()))


def person() -> Person:
    """Return who looks at this page; without a session the page ends here.

    In single-user mode it is whoever sits at this computer, under the name that was entered; the cookie of a browser
    may hold anything. What this run of the page does from now on is audited as theirs.
    """
    found = _person()
    origin.begin(found.coming_from(address()))
    return found


def address() -> str:
    """Return the network address of the browser; Streamlit does not say that of this computer."""
    said = st.context.ip_address
    return said if isinstance(said, str) else "127.0.0.1"


def _person() -> Person:
    access = installation().access
    if access.single_user():
        return alone(single_name(str(st.session_state.get("reader", ""))))
    kept = cookies.session_of(st.context.cookies, secure=Site(access.settings.address).secure)
    found = access.live.person(kept)
    if found is None or found.must_change:
        st.info(f"{t('You are signed out.')} [{t('Sign in')}](/sign-in)", icon=":material/login:")
        st.stop()
    if st.session_state.setdefault("of", found.account) != found.account:  # another person in the same tab
        st.session_state.clear()
        st.session_state.of = found.account
    return found


def require(right: Right) -> Person:
    """Return who looks at this page, if they have a right; otherwise the page says so and ends here."""
    try:
        acting().require(right)
    except DeniedError as error:
        st.warning(markdown(retold(str(error))), icon=":material/lock:")
        st.stop()
    return person()


def acting() -> Acting:
    """Return what this person may make the installation do."""
    return Acting(installation(), person())


def reader() -> str:
    """Return the reader's name: of the account; in single-user mode as it was entered, "" while it is not."""
    return person().name


def who() -> None:
    """Draw who is signed in; in single-user mode ask for a name, which the browser remembers across reloads."""
    if not installation().access.single_user():
        draw = st.components.v2.component("session", js=(ROOT / "assets" / "session.js").read_text(), html="\n")
        found = person()
        roles = ", ".join(t(one) for one in sorted(found.roles))
        data = {"name": found.name, "roles": roles, "account": t("Your account"), "out": t("Sign out")}
        draw(data=data, key="session")
        return
    if "reader" not in st.session_state:
        st.session_state.reader = single_name(unquote(st.context.cookies.get(READER, "")))
    st.text_input(
        t("Reader"),
        key="reader",
        placeholder=t("Your name"),
        max_chars=MAX_NAME,
        persist_state="session",
        icon=":material/person:",
        help=t("Signed under every reading; this browser remembers it."),
    )
    st.caption(f":material/computer: **{t('Single user, this computer only.')}**", help=t(SINGLE))
    if reader():
        st.session_state.named = True
    if "named" not in st.session_state:
        return  # an empty name must not overwrite the name that the browser remembers
    remember = st.components.v2.component("remember", js=(ROOT / "assets" / "remember.js").read_text())
    remember(data={"cookie": READER, "value": reader()}, key="remember", height=1)


def open_study(study_id: str) -> NoReturn:
    """Open a study on the review page; its ID is in the address, so a reload stays there."""
    st.switch_page(REVIEW, query_params={"study": study_id})


def arrive(study_id: str, *, to_read: bool) -> None:
    """Note which study is open now, and leave the one that was open before in this tab.

    Who goes by another name since it was opened has it open under that name, and not twice.

    Parameters
    ----------
    study_id
        The study.
    to_read
        Whether it waits for this reader, who claims it then; one who looks at what they signed keeps nobody away.
    """
    claims, name, time = installation().store.claims, reader(), now()
    if st.session_state.get("at") != study_id:
        leave()
        st.session_state.came, st.session_state.at = time, study_id
    before = st.session_state.pop("claimed_as", name)
    if before != name:
        claims.rename(study_id, before, name, time)
    if name and to_read:
        claims.take(study_id, name, time)
        st.session_state.claimed_as = name


def leave() -> None:
    """End the claim of the study that was open in this tab, if one was: another study or another page is opened.

    A tab that leaves by an address begins anew, and knows of none; its browser says so itself (`assets/events.js`).
    """
    before, name = st.session_state.pop("at", None), st.session_state.pop("claimed_as", reader())
    if before is not None and name:
        installation().store.claims.release(before, name, now())


def coming(study_id: str) -> dict[str, Any]:
    """Return what `read_next` gives a reader who leaves a study, in words.

    With it goes what the browser needs to ask for it again.
    """
    left = [one for one in st.session_state.get("left", []) if one != study_id]
    since: datetime = st.session_state.get("came", now())
    found = onward(installation(), reader(), [*left, study_id], since)
    return {**found, "left": left, "since": since.isoformat()}


def read_above(study_id: str) -> str | None:
    """Claim the first free STAT study that stands above a study, and return it; None if there is none any more.

    The study that is left for it is not passed over: the list comes to it again.
    """
    record, name, time = installation(), reader(), now()
    above = record.queue.onward(name, time, left=[study_id], since=time).above
    return record.store.claims.take_first(above, name, time) if name else next(iter(above), None)


def read_next(leaving: str = "") -> tuple[str | None, bool]:
    """Claim the study to read next, so that two readers get two, and return it; None if none is free.

    The list goes on below the study that is left, then from its top, past those that this reader left before; once it
    is through, it begins again. The second value tells whether it did.

    Parameters
    ----------
    leaving
        The study that is left; its claim ends.
    """
    record, name, time = installation(), reader(), now()
    left: list[str] = st.session_state.setdefault("left", [])
    since: datetime = st.session_state.get("came", time)
    if leaving:
        left[:] = [*(one for one in left if one != leaving), leaving]
        record.store.claims.release(leaving, name, time)
    for again in (False, True):
        free = record.queue.free(name, time, left=left, since=since)
        following = record.store.claims.take_first(free, name, time) if name else next(iter(free), None)
        if following is not None:
            return following, again
        left[:] = left[-1:]
    return None, False
