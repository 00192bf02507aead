"""Rows of the record as tables for the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from triage.domain import Finding, Receipt, StudyStatus
from triage.records.views import SignedReading, WorklistRow
from triage.ui import theme

ROW_HEIGHT = 36
WORKLIST_COLUMNS = {
    "Band": st.column_config.TextColumn(width=76),
    "P(glioma)": st.column_config.ProgressColumn(
        min_value=0.0, max_value=1.0, format="%.2f", width=104, help="Calibrated probability of a glioma"
    ),
    "AI": st.column_config.TextColumn(width=112, help="The likeliest class, or why there is none"),
    "Patient": st.column_config.TextColumn(width=118),
    "MRN": st.column_config.TextColumn(width=80, help="Medical record number"),
    "Accession": st.column_config.TextColumn(width=88),
    "Study": st.column_config.TextColumn(width=188),
    "Images": st.column_config.TextColumn(width=66, help="Modality and slices, without series that are set aside"),
    "Waiting": st.column_config.TextColumn(width=72, help="Since arrival"),
    "Why it stands here": st.column_config.TextColumn(width=330),
}
#: What stands in the place of the class where there is none.
UNJUDGED = {StudyStatus.RECEIVED: "being scored", StudyStatus.NOT_ANALYSABLE: "not analysable"}


def worklist(rows: Sequence[WorklistRow], now: datetime) -> pd.io.formats.style.Styler:
    """Return one page of the worklist, the band and the class in their colours."""
    said = [
        UNJUDGED.get(row.status, row.predicted.label if row.predicted else StudyStatus.NOT_ANALYSABLE.value)
        for row in rows
    ]
    table = pd.DataFrame(
        {
            "Band": [row.band.value for row in rows],
            "P(glioma)": [row.malignancy for row in rows],
            "AI": said,
            "Patient": [row.patient_name for row in rows],
            "MRN": [row.mrn for row in rows],
            "Accession": [row.accession_number for row in rows],
            "Study": [row.name for row in rows],
            "Images": [f"{row.modality} {row.slices}".strip() for row in rows],
            "Waiting": [duration(now - row.arrived_at) for row in rows],
            "Why it stands here": [row.reason for row in rows],
        }
    )
    bands = [f"color: {theme.BAND[row.band]}; font-weight: 600" for row in rows]
    colours = [
        theme.MUTED
        if row.status is StudyStatus.RECEIVED
        else theme.FINDING[row.predicted]
        if row.predicted
        else theme.WARNING
        for row in rows
    ]
    styles = {"Band": bands, "AI": [f"color: {colour}" for colour in colours]}
    return table.style.apply(lambda column: styles[column.name], subset=list(styles))


def plain(text: str) -> str:
    """Return a text from a file so that Markdown shows it as it is."""
    return "".join(f"\\{character}" if character in "\\`*_{}[]<>()#+-!|$:~^" else character for character in text)


def readings(items: Sequence[SignedReading]) -> pd.DataFrame:
    """Return signed readings, in the order given."""
    return pd.DataFrame(
        {
            "Signed": [item.reading.signed_at for item in items],
            "Study": [item.name for item in items],
            "AI": [item.predicted.label if item.predicted else "–" for item in items],
            "Signed as": [item.reading.finding.label for item in items],
            "Decision": [item.reading.decision.value for item in items],
            "Reason": [item.reading.reason.value if item.reading.reason else "" for item in items],
            "Comment": [item.reading.comment for item in items],
            "State": [item.reading.state.value for item in items],
        }
    )


def answers(receipts: Sequence[Receipt]) -> list[tuple[Receipt, int]]:
    """Return the first of the receipts that say the same of one study, and how many more there are, in their order.

    A study of hundreds of slices would fill the page with one line. What was refused is of no study and stands alone.
    """
    counted: dict[object, tuple[Receipt, int]] = {}
    for number, receipt in enumerate(receipts):
        same = (receipt.study_id, receipt.outcome, receipt.message) if receipt.study_id else number
        first, others = counted.get(same, (receipt, -1))
        counted[same] = first, others + 1
    return list(counted.values())


def duration(waited: timedelta) -> str:
    """Return a wait as a reader says it: 45 s, 12 min, 3 h 05, 2 d 4 h."""
    seconds = max(int(waited.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d}"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


READING_COLUMNS = {
    "Signed": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", width=140, timezone="UTC"),
    "Comment": st.column_config.TextColumn(width=280),
}


#: Figures of a card as readers know them.
FIGURES = {
    "auroc": "AUROC",
    "brier": "Brier score",
    "dice": "Dice",
    "ece": "Expected calibration error",
    "f1": "F1",
    "map_peak_inside_outline": "Peak of the map inside the outline",
    "sensitivity_at_95_specificity": "Sensitivity at 95 % specificity",
}


def figures(values: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return the figures of a card with their 95 % intervals."""
    return pd.DataFrame(
        {
            "Figure": [_named(name) for name in values],
            "Value": [f"{figure['value']:.3f}" for figure in values.values()],
            "95 % interval": [f"{figure['low']:.3f} to {figure['high']:.3f}" for figure in values.values()],
        }
    )


def confusion(counts: Sequence[Sequence[int]], findings: Sequence[Finding]) -> pd.DataFrame:
    """Return a confusion matrix with named rows and columns."""
    names = [finding.label for finding in findings]
    return pd.DataFrame(counts, index=names, columns=names)


def _named(figure: str) -> str:
    """Return the name of a figure in words, of the class that it is about where there is one."""
    finding = next((finding for finding in Finding if figure.endswith(f"_{finding}")), None)
    kind = figure.removesuffix(f"_{finding}")
    name = FIGURES.get(kind, kind.capitalize())
    return f"{name}, {finding.label.lower()}" if finding else name
