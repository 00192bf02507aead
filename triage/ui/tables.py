"""Records as tables for the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from triage.domain import Finding, Role, StudyHeader, StudyStatus
from triage.records.views import Side, SignedReading, WorklistRow
from triage.text import one_line, readable_name
from triage.ui import theme
from triage.web.drafts import said

ROW_HEIGHT = 36
WORKLIST_COLUMNS = {
    "Band": st.column_config.TextColumn(width=76),
    "P(glioma)": st.column_config.ProgressColumn(
        min_value=0.0, max_value=1.0, format="%.2f", width=104, help="Calibrated probability of a glioma"
    ),
    "AI": st.column_config.TextColumn(width=112, help="The most probable class, or why there is none"),
    "Patient": st.column_config.TextColumn(width=118),
    "MRN": st.column_config.TextColumn(width=80, help="Medical record number"),
    "Accession": st.column_config.TextColumn(width=88),
    "Study": st.column_config.TextColumn(width=188),
    "Images": st.column_config.TextColumn(
        width=66, help="Modality and number of slices, without series that are set aside"
    ),
    "Waiting": st.column_config.TextColumn(width=72, help="Time since arrival"),
    "Reason for the rank": st.column_config.TextColumn(width=330),
}
#: Columns of the two studies of a conflict.
FIRST, SECOND = "First", "Second"
#: Shown instead of the class of a study without a result.
WITHOUT_RESULT = {StudyStatus.RECEIVED: "being scored", StudyStatus.NOT_ANALYSABLE: "not analysable"}


def worklist(rows: Sequence[WorklistRow], now: datetime) -> pd.io.formats.style.Styler:
    """Return one page of the worklist with band and class in their colours."""
    answers = [
        WITHOUT_RESULT.get(row.status, row.predicted.label if row.predicted else StudyStatus.NOT_ANALYSABLE.value)
        for row in rows
    ]
    table = pd.DataFrame(
        {
            "Band": [row.band.value for row in rows],
            "P(glioma)": [row.malignancy for row in rows],
            "AI": answers,
            "Patient": [readable_name(row.patient_name) for row in rows],
            "MRN": [row.mrn for row in rows],
            "Accession": [row.accession_number for row in rows],
            "Study": [row.name for row in rows],
            "Images": [f"{row.modality} {row.slices}".strip() for row in rows],
            "Waiting": [duration(now - row.arrived_at) for row in rows],
            "Reason for the rank": [f"{row.doubt}. {row.reason}" if row.doubt else row.reason for row in rows],
        }
    )
    bands = [f"color: {theme.palette().band[row.band]}; font-weight: 600" for row in rows]
    colours = [
        theme.palette().muted
        if row.status is StudyStatus.RECEIVED
        else theme.palette().finding[row.predicted]
        if row.predicted
        else theme.palette().warning
        for row in rows
    ]
    styles = {"Band": bands, "AI": [f"color: {colour}" for colour in colours]}
    return table.style.apply(lambda column: styles[column.name], subset=list(styles))


def readings(items: Sequence[SignedReading]) -> pd.DataFrame:
    """Return signed readings, in the order given."""
    return pd.DataFrame(
        {
            "Signed": [item.reading.signed_at for item in items],
            "Patient": [readable_name(item.patient_name) for item in items],
            "MRN": [one_line(item.mrn) for item in items],
            "Accession": [one_line(item.accession_number) for item in items],
            "Study date": [item.study_date for item in items],
            "Study": [item.name for item in items],
            "AI": [item.predicted.label if item.predicted else "–" for item in items],
            "Signed as": [said(item.reading) for item in items],
            "State": ["superseded" if item.superseded else item.reading.state.value for item in items],
            "Changed": [_changed(item) for item in items],
            "Decision": [item.reading.decision.value for item in items],
            "Reason": [item.reading.reason.value if item.reading.reason else "" for item in items],
            "Confidence": [item.reading.confidence.value if item.reading.confidence else "" for item in items],
            "Blind": [item.reading.blind.label if item.reading.blind else "" for item in items],
            "Comment": [one_line(item.reading.comment) for item in items],
        }
    )


def _changed(item: SignedReading) -> str:
    """Return what an amendment changed of the reading before it."""
    if item.before is None or item.reading.role is not Role.AMENDMENT:
        return ""
    before, after = said(item.before), said(item.reading)
    return f"{before} → {after}" if before != after else f"{after}: comment only"


def sides(first: Side, second: Side) -> pd.io.formats.style.Styler:
    """Return who two studies say they are of, side by side, one line an attribute; what differs is in colour."""
    columns = {FIRST: _identity(first), SECOND: _identity(second)}
    table = pd.DataFrame(columns).rename_axis("Attribute").reset_index()
    table = table[(table[FIRST] != "") | (table[SECOND] != "")]
    differs = [
        f"color: {theme.palette().warning}" if one != other else "" for one, other in table[[FIRST, SECOND]].to_numpy()
    ]
    return table.style.apply(lambda _: differs, subset=[FIRST, SECOND])


def _identity(side: Side) -> dict[str, str]:
    header = side.header
    return {
        "Patient": readable_name(header.patient_name),
        "MRN": one_line(header.mrn),
        "Issuer of the MRN": one_line(header.issuer),
        "Born": str(header.birth_date or ""),
        "Sex": one_line(header.sex),
        "Accession": one_line(header.accession_number),
        "Study": one_line(side.name),
        "Study date": str(header.study_date or ""),
        "Files": f"{side.files:,}",
        "Arrived": f"{side.arrived_at:%Y-%m-%d %H:%M:%S} UTC",
        "Signed": "yes" if side.signed else "no",
    }


def patient(header: StudyHeader) -> str:
    """Return who a study is of, in one line."""
    name = readable_name(header.patient_name) or "no name"
    born = f"born {header.birth_date}" if header.birth_date else "birth date unknown"
    return f"{name} · MRN {one_line(header.mrn) or 'none'} · {born}"


def duration(wait: timedelta) -> str:
    """Return a duration as text: 45 s, 12 min, 3 h 05, 2 d 4 h."""
    seconds = max(int(wait.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d}"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def reading_columns(zone: str) -> dict[str, Any]:
    """Return the configuration of the columns of `readings`, with times in the reader's zone."""
    return {
        "Signed": st.column_config.DatetimeColumn(
            format="YYYY-MM-DD HH:mm", width=132, timezone=zone, help=f"In your time zone, {zone}"
        ),
        "Study date": st.column_config.DateColumn(format="YYYY-MM-DD", width=92),
        "State": st.column_config.TextColumn(
            help="Preliminary: waits for another reader. Superseded: a later reading took its place."
        ),
        "Changed": st.column_config.TextColumn(help="What an amendment changed of the reading before it"),
        "Blind": st.column_config.TextColumn(help="What you had concluded before the AI result was shown"),
        "Comment": st.column_config.TextColumn(width=280),
    }


#: Metrics of a model card by their usual names.
METRIC_NAMES = {
    "auroc": "AUROC",
    "brier": "Brier score",
    "dice": "Dice",
    "ece": "Expected calibration error",
    "f1": "F1",
    "map_peak_inside_outline": "Heat map peak inside the outline",
    "sensitivity_at_95_specificity": "Sensitivity at 95 % specificity",
}


def metrics(values: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return the metrics of a model card with their 95 % intervals."""
    return pd.DataFrame(
        {
            "Metric": [_metric_name(name) for name in values],
            "Value": [f"{metric['value']:.3f}" for metric in values.values()],
            "95 % interval": [f"{metric['low']:.3f} to {metric['high']:.3f}" for metric in values.values()],
        }
    )


def confusion(counts: Sequence[Sequence[int]], findings: Sequence[Finding]) -> pd.DataFrame:
    """Return a confusion matrix with named rows and columns."""
    names = [finding.label for finding in findings]
    return pd.DataFrame(counts, index=names, columns=names)


def _metric_name(metric: str) -> str:
    """Return the name of a metric in words, with the class that it is about, if any."""
    finding = next((finding for finding in Finding if metric.endswith(f"_{finding}")), None)
    kind = metric.removesuffix(f"_{finding}")
    name = METRIC_NAMES.get(kind, kind.capitalize())
    return f"{name}, {finding.label.lower()}" if finding else name
