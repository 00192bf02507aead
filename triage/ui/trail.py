"""The audit trail as a table, and what its events are called. Tested in tests/pages/test_audit.py."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from triage.languages.speech import day_pattern, later, number, retold, t
from triage.records.audit import Event
from triage.records.trail import BEGINNING, HIDDEN, TrailEntry
from triage.text import one_line, table_cell
from triage.ui import state

EVENTS = {
    Event.RECEIVED: later("File received"),
    Event.REFUSED: later("File refused"),
    Event.MENDED: later("File mended"),
    Event.CONFLICT: later("Conflict found"),
    Event.RESOLVED: later("Conflict decided"),
    Event.REOPENED: later("Decision undone"),
    Event.RANKED: later("Ranked"),
    Event.NOT_ANALYSABLE: later("Not analysable"),
    Event.OPENED: later("Opened for the first time"),
    Event.VIEWED: later("Viewed"),
    Event.LOADED_AHEAD: later("Loaded ahead"),
    Event.CLAIMED: later("Claimed"),
    Event.TAKEN_OVER: later("Taken over"),
    Event.RELEASED: later("Claim released"),
    Event.EXPIRED: later("Claim expired"),
    Event.COMMITTED: later("Committed blind"),
    Event.SIGNED: later("Reading signed"),
    Event.TAKEN_BACK: later("Signature taken back"),
    Event.EXPORTED: later("Exported"),
    Event.SENT: later("Sent to the PACS"),
    Event.SEARCHED: later("Searched (DICOMweb)"),
    Event.RETRIEVED: later("Retrieved (DICOMweb)"),
    Event.REIDENTIFIED: later("Re-identified"),
    Event.SIGNED_IN: later("Signed in"),
    Event.SIGN_IN_FAILED: later("Sign-in failed"),
    Event.SIGNED_OUT: later("Signed out"),
    Event.DENIED: later("Not allowed"),
    Event.ACCOUNT: later("Account changed"),
    Event.PASSWORD: later("Password changed"),
    Event.TOKEN: later("Token changed"),
    Event.MODEL: later("Model accepted"),
    Event.PROMOTED: later("Model promoted"),
    Event.ROLLED_BACK: later("Model rolled back"),
    Event.SHADOW: later("Shadow changed"),
    Event.OVERRIDE: later("Override of a judgement"),
    Event.RERANKED: later("Ranked anew"),
    Event.RETRAINED: later("Retraining of a model"),
    Event.SETTINGS: later("Settings changed"),
    Event.SEALED: later("Record sealed"),
    Event.VERIFIED: later("Record verified"),
    Event.DAMAGED: later("Damage found"),
    Event.CLOCK: later("Clock set back"),
    Event.TRAIL_SEEN: later("Audit trail seen"),
}
#: Events whose detail the program makes itself; that of the others holds words or names of persons.
FIXED = frozenset(
    {
        Event.RECEIVED,
        Event.MENDED,
        Event.CONFLICT,
        Event.RANKED,
        Event.RERANKED,
        Event.RETRAINED,
        Event.NOT_ANALYSABLE,
        Event.COMMITTED,
        Event.EXPORTED,
        Event.SENT,
        Event.SIGNED_IN,
        Event.DENIED,
        Event.VERIFIED,
        Event.DAMAGED,
    }
)
#: State, role, decision and class of a signed reading.
SIGNED = re.compile(r"(\w+), (\w+): (\w+) (.+)")
#: Why files were refused, and how many where it was more than one.
REFUSED = re.compile(r"(.+?)(?: \(files: ([\d,]+)\))?", re.DOTALL)
# Such details that the search for sentences passes over: of one word, or of modules that say nothing else to a reader.
later("hidden: blind first read")
later("{count} file(s)")
later("others")
later("{count} report(s)")
later("after the study was judged")
later("all of it")
later("filtered by {parts}")
later("words")
later("events")
later("person")
later("study")
later("time")
later("de-identified")
later("not de-identified")
later("{seals} seals and {files} files are as they were")


def named(event: Event) -> str:
    """Return what an event is called."""
    return t(EVENTS[event])


def table(entries: Sequence[TrailEntry], names: Mapping[str, str], *, may_open: bool) -> pd.DataFrame:
    """Return rows of the trail for a table.

    Parameters
    ----------
    entries
        Rows of the trail.
    names
        What the studies are called, by their IDs.
    may_open
        Whether who looks may open studies: their IDs are links then.
    """
    last = t("Open") if may_open else t("ID")
    rows = [
        {
            t("When"): one.at,
            t("Who"): table_cell(one.actor),
            t("What"): named(one.event),
            t("From"): table_cell(one.address),
            t("Study"): table_cell(names.get(one.study_id, "")),
            t("Detail"): table_cell(_detail(one)),
            last: f"/review?study={one.study_id}" if may_open and one.study_id else one.study_id[:BEGINNING],
        }
        for one in entries
    ]
    return pd.DataFrame(rows)


def _detail(entry: TrailEntry) -> str:
    """Return the detail of a row in the language of the page, as far as no person said it."""
    said = one_line(entry.detail)
    if entry.event is Event.SIGNED and (parts := SIGNED.fullmatch(said)):
        condition, role, decision, finding = map(t, parts.groups())
        return f"{condition}, {role}: {decision} {finding}"
    if entry.event is Event.REFUSED and (found := REFUSED.fullmatch(said)):
        reason, count = found.groups()
        told = retold(reason)
        if count is None:
            return told
        return t("{reason} (files: {count})", reason=told, count=number(int(count.replace(",", ""))))
    return retold(said) if entry.event in FIXED or said == HIDDEN else said


def columns(*, may_open: bool) -> dict[str, Any]:
    """Return the configuration of the columns of `table`, whose last one is links or not."""
    column = st.column_config
    zone = str(state.zone())
    told = t(
        "Patient, accession number and name of the study, as the record has them now; the trail keeps the ID alone"
    )
    if may_open:
        last = {
            t("Open"): column.LinkColumn(width=84, help=t("ID of the study"), display_text=f"study=(.{{{BEGINNING}}})")
        }
    else:
        last = {t("ID"): column.TextColumn(width=84, help=t("The first 8 digits of the ID of the study"))}
    return {
        t("When"): column.DatetimeColumn(
            format=f"{day_pattern()} HH:mm:ss", width=146, timezone=zone, help=t("In your time zone, {zone}", zone=zone)
        ),
        t("Who"): column.TextColumn(width=112, help=t("A person, a DICOMweb peer, or the program itself")),
        t("What"): column.TextColumn(width=126),
        t("From"): column.TextColumn(width=90, help=t("Network address; empty on the console")),
        t("Study"): column.TextColumn(width=204, help=told),
        t("Detail"): column.TextColumn(width=292),
        **last,
    }
