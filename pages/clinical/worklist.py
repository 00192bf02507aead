"""The worklist: waiting studies in reading order, each with the reason for its place."""

import streamlit as st

from triage.domain import Band, Finding, StudyStatus
from triage.records.views import WorklistFilter
from triage.ui import charts, state, tables

PAGE_SIZE = 50

STATUSES: dict[str, tuple[StudyStatus, ...]] = {
    "Waiting": (),
    "Not analysable": (StudyStatus.NOT_ANALYSABLE,),
    "Second read": (StudyStatus.SECOND_READ,),
    "Arbitration": (StudyStatus.ARBITRATION,),
    "Read": (StudyStatus.READ,),
    "Discarded": (StudyStatus.DISCARDED,),
}

installation = state.installation()


def note_click() -> None:
    """Remember the ID of the clicked study: the row is resolved by the rows that were on the screen at the click."""
    cells = st.session_state.worklist_table.selection.cells
    if cells:
        st.session_state.worklist_open = st.session_state.worklist_shown[cells[0][0]]


title, button = st.columns([5, 1], vertical_alignment="bottom")
title.title("Worklist")
if button.button("Read next", icon=":material/play_arrow:", type="primary", width="stretch"):
    top, _ = state.read_next()
    if top is not None:
        state.open_study(top)
    st.toast("Nothing waits to be read.", icon=":material/inbox:")


@st.fragment(run_every="10s")
def worklist() -> None:
    """Draw the counts and the table; repeated every ten seconds, so that new studies appear by themselves."""
    if "worklist_open" in st.session_state:
        state.open_study(st.session_state.pop("worklist_open"))
    time = state.now()
    summary = installation.queue.summary(time)
    if not summary.total:
        st.info("Nothing waits to be read. New studies arrive through **Upload**.", icon=":material/inbox:")
    else:
        figures = st.columns([1, 1.1, 1.2, 1.7, 7], vertical_alignment="center")
        for column, band in zip(figures, Band, strict=False):
            column.metric(band, f"{summary.counts[band]:,}")
        figures[3].metric(
            "Not analysable",
            f"{summary.not_analysable:,}",
            help="The AI could not judge these. They stay in the queue for a reader.",
        )
        strip = charts.queue_strip(summary.histogram, installation.runtime.points)
        figures[4].plotly_chart(strip, key="queue_strip", config={"displayModeBar": False})
    wanted = filters()
    number = st.session_state.get("worklist_page", 1) - 1
    page = installation.queue.page(wanted, time, number=number, size=PAGE_SIZE)
    st.session_state.worklist_shown = [row.study_id for row in page.rows]
    if not page.rows:
        if summary.total:
            st.caption("No study matches these filters. What was read or discarded is found under that **Status**.")
        return
    st.dataframe(
        tables.worklist(page.rows, time),
        column_config=tables.WORKLIST_COLUMNS,
        hide_index=True,
        height=min(len(page.rows) * tables.ROW_HEIGHT + 40, 560),
        row_height=tables.ROW_HEIGHT,
        key="worklist_table",
        on_select=note_click,
        selection_mode="single-cell",
    )
    pages = -(-page.total // PAGE_SIZE)
    # A filter may leave fewer pages than the one that was open.
    st.session_state.worklist_page = page.number + 1
    text, pager = st.columns([4, 1], vertical_alignment="center")
    studies = "study" if page.total == 1 else "studies"
    text.caption(f"{page.total:,} {studies}. Click a row to open it. The order is the reading order.")
    if pages > 1:
        pager.number_input(f"Page of {pages:,}", 1, pages, key="worklist_page", label_visibility="collapsed")


def filters() -> WorklistFilter:
    """Draw the filters and return the chosen one."""
    status, bands, findings, text = st.columns([3.9, 2.5, 2.2, 2.3], vertical_alignment="bottom")
    chosen = status.segmented_control(
        "Status", list(STATUSES), default="Waiting", required=True, key="f_status", persist_state="session"
    )
    return WorklistFilter(
        statuses=STATUSES[chosen],
        bands=tuple(bands.pills("Band", list(Band), selection_mode="multi", key="f_bands", persist_state="session")),
        findings=tuple(
            findings.multiselect(
                "Predicted class",
                list(Finding),
                format_func=lambda finding: finding.label,
                placeholder="Any",
                key="f_findings",
                persist_state="session",
            )
        ),
        text=text.text_input(
            "Study", placeholder="Patient, MRN, accession", type="search", key="f_text", persist_state="session"
        ),
    )


worklist()
