"""The audit trail: who did what, when, from where, on which study; to search, verify and take away."""

from datetime import datetime, time, timedelta
from urllib.parse import urlencode

import streamlit as st

from triage.access.roles import Right
from triage.errors import TriageError
from triage.languages.speech import field_pattern, retold, t
from triage.records.called import called
from triage.records.trail import TrailFilter
from triage.text import markdown, visible
from triage.ui import state, tables, trail
from triage.web.audit_export import MAX_SEARCH, query_of

PAGE_SIZE = 100

me = state.require(Right.AUDIT)
installation = state.installation()


def verify() -> None:
    """Verify the record while a bar shows how far it is, and keep what came of it for the next run of the page."""
    bar = st.progress(0.0, t("Reading every seal, row and file"))
    try:
        st.session_state.verified = state.acting().verify(
            lambda share: bar.progress(share, t("Reading every seal, row and file"))
        )
    except TriageError as error:
        st.error(markdown(retold(str(error))), icon=":material/error:")
        return
    st.rerun()


def asked() -> TrailFilter:
    """Draw the fields of the search, and return what they ask for."""
    words, who, study = st.columns([3, 2, 2])
    events, since, until = st.columns([3, 2, 2])
    first = since.date_input(t("From this day"), value=None, format=field_pattern(), key="trail_since")
    last = until.date_input(t("To this day"), value=None, format=field_pattern(), key="trail_until")
    midnight = time(tzinfo=state.zone())
    return TrailFilter(
        words=visible(
            words.text_input(
                t("Find"),
                type="search",
                max_chars=MAX_SEARCH,
                key="trail_words",
                placeholder=t("Words of the detail, a name, an address"),
                help=t("All words have to be there, in any order."),
            ),
            MAX_SEARCH,
        ),
        actor=visible(
            who.text_input(
                t("Who"), type="search", max_chars=MAX_SEARCH, key="trail_who", placeholder=t("Part of a name")
            ),
            MAX_SEARCH,
        ),
        study=visible(
            study.text_input(
                t("Study"),
                type="search",
                max_chars=MAX_SEARCH,
                key="trail_study",
                placeholder=t("ID, patient, MRN"),
                help=t("ID or its first 8 digits, or words of name, patient, MRN or accession number."),
            ),
            MAX_SEARCH,
        ),
        events=tuple(
            events.multiselect(
                t("What"), list(trail.EVENTS), format_func=trail.named, key="trail_events", placeholder=t("All")
            )
        ),
        since=datetime.combine(first, midnight) if first else None,
        until=datetime.combine(last + timedelta(days=1), midnight) if last else None,
    )


heading, button = st.columns([5, 2], vertical_alignment="bottom")
heading.title(t("Audit trail"))
last = installation.watch.last()
found = st.session_state.pop("verified", None)
if button.button(
    t("Verify the record"),
    icon=":material/verified_user:",
    width="stretch",
    help=t("Compares every row and file with its seal, as `python -m triage verify` does."),
):
    verify()
if found is not None and found.damaged:
    st.error(
        t(
            "**The record is not as it was sealed.** Damaged: {count}. The first: {damage}. "
            "`docs/record.md` says what to do.",
            count=found.damaged,
            damage=markdown(retold(str(found.damage[0]))),
        ),
        icon=":material/gpp_bad:",
    )
elif found is not None:
    said = t("All is as it was sealed: {seals} seals and {files} files.", seals=found.seals, files=found.files)
    st.success(said, icon=":material/verified_user:")
elif last is None:
    st.caption(t("The record has not been verified yet; it is once a day, in the background."))
elif not last.damaged:
    st.caption(t("Verified {time}: all is as it was sealed.", time=state.local(last.at)))

wanted = asked()
pages: list[int] = st.session_state.setdefault("trail_pages", [])
if st.session_state.get("trail_wanted") != wanted:
    st.session_state.trail_wanted = wanted
    pages.clear()
try:
    entries = state.acting().trail(wanted, PAGE_SIZE + 1, pages[-1] if pages else None)
except TriageError as error:
    st.error(markdown(retold(str(error))), icon=":material/error:")
    st.stop()
shown, more = entries[:PAGE_SIZE], len(entries) > PAGE_SIZE
if shown:
    may_open = me.may(Right.READ)
    names = called(installation.store.read, [one.study_id for one in shown])
    table, columns = trail.table(shown, names, may_open=may_open), trail.columns(may_open=may_open)
    place, height = tables.place(len(shown))
    place.dataframe(
        table,
        hide_index=True,
        column_config=columns,
        height=height,
        row_height=tables.row_height(table, columns),
        key="trail_table",
    )
else:
    st.info(t("No row is like this. Take a filter away."), icon=":material/search_off:")
row = st.container(horizontal=True)
row.button(
    t("Newer"), icon=":material/chevron_left:", disabled=not pages, on_click=lambda: pages.pop(), key="trail_newer"
)
row.button(
    t("Older"),
    icon=":material/chevron_right:",
    disabled=not more,
    on_click=lambda: pages.append(shown[-1].number),
    key="trail_older",
)
query = f"?{urlencode(query_of(wanted))}"
row.link_button(
    "CSV",
    f"/trail/rows.csv{query}",
    icon=":material/download:",
    help=t("All rows that the filters let through, as a table. The export is audited."),
)
row.link_button(
    "FHIR",
    f"/trail/events.ndjson{query}",
    icon=":material/download:",
    help=t("The same as FHIR R4 AuditEvent, one a line (NDJSON), for an audit repository."),
)
