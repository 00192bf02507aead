"""Records as tables for the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from triage.domain import Finding, Role, StudyHeader, StudyStatus
from triage.inference.card_facts import Figure
from triage.languages.speech import day, day_pattern, duration, later, number, retold, t
from triage.records.conflict_views import Side
from triage.records.views import SignedReading
from triage.records.worklist_views import WorklistRow
from triage.text import one_line, readable_name, table_cell
from triage.ui import theme
from triage.web.drafts import said

#: Most rows of a table that is shown whole.
SHORT = 10
#: Pixels of a character, of a line, and around a text in a cell; and of a row in which Streamlit breaks lines at all.
CHARACTER, LINE, MARGIN, BREAKS = 7, 20, 16, 66
#: Lines of a cell; a longer text is on the page of its study.
MOST_LINES = 4
#: Columns of the worklist that tell what the AI found.
OF_THE_AI = ("band", "p_glioma", "ai_label", "rank_reason")
#: Shown instead of a number that could not be measured.
NONE = "–"
#: Columns of `readings` that are in sight on a small screen; the table's own menu shows the others.
IN_SIGHT = (
    *("signed_at", "patient_name", "mrn", "study_date", "description"),
    *("ai_label", "label", "state", "comment"),
)
#: Columns of the two studies of a conflict.
FIRST, SECOND = later("First"), later("Second")
#: Shown instead of the class of a study without a result.
WITHOUT_RESULT = {StudyStatus.RECEIVED: later("being scored"), StudyStatus.NOT_ANALYSABLE: "not analysable"}


def worklist_columns() -> dict[str, Any]:
    """Return the configuration of the columns of `worklist`."""
    return {
        "band": st.column_config.TextColumn(t("Band"), width=82),
        # A bar would write its number with a point in every language.
        "p_glioma": st.column_config.NumberColumn(
            t("P(glioma)"), width=84, help=t("Calibrated probability of a glioma")
        ),
        "ai_label": st.column_config.TextColumn(
            t("AI"), width=112, help=t("The most probable class, or why there is none")
        ),
        "patient_name": st.column_config.TextColumn(t("Patient"), width=118),
        "mrn": st.column_config.TextColumn(t("MRN"), width=80, help=t("Medical record number")),
        "accession": st.column_config.TextColumn(t("Accession"), width=88),
        "description": st.column_config.TextColumn(t("Study"), width=188),
        "images": st.column_config.TextColumn(
            t("Images"), width=66, help=t("Modality and number of slices, without series that are set aside")
        ),
        "waiting": st.column_config.TextColumn(t("Waiting"), width=76, help=t("Time since arrival")),
        "rank_reason": st.column_config.TextColumn(t("Reason for the rank"), width=330),
    }


def worklist(rows: Sequence[WorklistRow], now: datetime, *, blind: bool = False) -> pd.io.formats.style.Styler:
    """Return one page of the worklist with band and class in their colours.

    Before a blind reading it holds nothing of what the AI found: a browser is sent all columns, shown or not.
    """
    answers = [
        t(WITHOUT_RESULT.get(row.status, row.predicted.label if row.predicted else StudyStatus.NOT_ANALYSABLE.value))
        for row in rows
    ]
    table = pd.DataFrame(
        {
            "band": [t(row.band.value) for row in rows],
            "p_glioma": np.array([row.malignancy for row in rows], dtype=np.float64),
            "ai_label": answers,
            "patient_name": [table_cell(readable_name(row.patient_name)) for row in rows],
            "mrn": [table_cell(row.mrn) for row in rows],
            "accession": [table_cell(row.accession_number) for row in rows],
            "description": [table_cell(row.name) for row in rows],
            "images": [f"{row.modality} {row.slices}".strip() for row in rows],
            "waiting": [duration(now - row.arrived_at) for row in rows],
            "rank_reason": [retold(f"{row.doubt}. {row.reason}" if row.doubt else row.reason) for row in rows],
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
    styles = {"band": bands, "ai_label": [f"color: {colour}" for colour in colours]}
    if blind:
        return table.drop(columns=list(OF_THE_AI)).style
    coloured = table.style.apply(lambda column: styles[column.name], subset=list(styles))
    return coloured.format({"p_glioma": partial(number, digits=2)}, na_rep="")


def place(rows: int) -> tuple[DeltaGenerator, Literal["stretch", "content"]]:
    """Return where a table of so many rows is drawn, and its height: a long one fills the window, and scrolls."""
    return (st.container(key="tall"), "stretch") if rows > SHORT else (st.container(), "content")


def row_height(table: pd.DataFrame, columns: Mapping[str, Any]) -> int | None:
    """Return the height of the rows of a table in which every text is read whole, in at most `MOST_LINES` lines."""
    lines = [
        -(-len(text) * CHARACTER // (column["width"] - MARGIN))
        for name, column in columns.items()
        if name in table and column["type_config"]["type"] == "text"
        for text in table[name]
    ]
    most = min(max(lines, default=1), MOST_LINES)
    return None if most < 2 else max(LINE * most + MARGIN, BREAKS)


def readings(items: Sequence[SignedReading]) -> pd.DataFrame:
    """Return signed readings, in the order given; the columns are named as in every table that can be taken away."""
    return pd.DataFrame(
        {
            "signed_at": [item.reading.signed_at for item in items],
            "patient_name": [table_cell(readable_name(item.patient_name)) or "–" for item in items],
            "mrn": [table_cell(item.mrn) for item in items],
            "study_date": [item.study_date for item in items],
            "description": [table_cell(item.name) for item in items],
            "ai_label": [t(item.predicted.label) if item.predicted else "–" for item in items],
            "label": [table_cell(said(item.reading)) for item in items],
            "state": [_state(item) for item in items],
            "comment": [table_cell(item.reading.comment) for item in items],
            "accession": [table_cell(item.accession_number) for item in items],
            "changed": [table_cell(_changed(item)) for item in items],
            "decision": [t(item.reading.decision.value) for item in items],
            "reason": [t(item.reading.reason.value) if item.reading.reason else "" for item in items],
            "confidence": [t(item.reading.confidence.value) if item.reading.confidence else "" for item in items],
            "blind_label": [t(item.reading.blind.label) if item.reading.blind else "" for item in items],
        }
    )


def _state(item: SignedReading) -> str:
    if item.superseded:
        return t("superseded")
    return t("settled") if item.settled else t(item.state.value)


def _changed(item: SignedReading) -> str:
    """Return what an amendment changed of the reading before it."""
    if item.before is None or item.reading.role is not Role.AMENDMENT:
        return ""
    before, after = said(item.before), said(item.reading)
    return f"{before} → {after}" if before != after else t("{finding}: comment only", finding=after)


def sides(first: Side, second: Side) -> pd.io.formats.style.Styler:
    """Return who two studies say they are of, side by side, one line an attribute; what differs is in colour."""
    one_name, other_name = t(FIRST), t(SECOND)
    columns = {one_name: _identity(first), other_name: _identity(second)}
    table = pd.DataFrame(columns).rename_axis(t("Attribute")).reset_index()
    table = table[(table[one_name] != "") | (table[other_name] != "")]
    sides = table[[one_name, other_name]].to_numpy()
    differs = [f"color: {theme.palette().warning}" if one != other else "" for one, other in sides]
    return table.style.apply(lambda _: differs, subset=[one_name, other_name])


def _identity(side: Side) -> dict[str, str]:
    header = side.header
    return {
        t("Patient"): table_cell(readable_name(header.patient_name)),
        t("MRN"): table_cell(header.mrn),
        t("Issuer of the MRN"): table_cell(header.issuer),
        t("Born"): day(header.birth_date),
        t("Sex"): table_cell(header.sex),
        t("Accession"): table_cell(header.accession_number),
        t("Study"): table_cell(side.name),
        t("Study date"): day(header.study_date),
        t("Files"): number(side.files),
        t("Arrived"): f"{day(side.arrived_at)}, {side.arrived_at:%H:%M:%S} UTC",
        t("Signed"): t("yes") if side.signed else t("no"),
    }


def patient(header: StudyHeader) -> str:
    """Return who a study is of, in one line."""
    name = readable_name(header.patient_name) or t("no name")
    born = t("born {day}", day=day(header.birth_date)) if header.birth_date else t("birth date unknown")
    return f"{name} · {t('MRN')} {one_line(header.mrn) or t('none')} · {born}"


def reading_columns(zone: str) -> dict[str, Any]:
    """Return the configuration of the columns of `readings`, with times in the reader's zone.

    At 1366 pixels the columns `IN_SIGHT` fit; the others are rarely filled, or on the page of the study. What has no
    room on a line goes on below, see `row_height`.
    """
    column = st.column_config
    return {
        "signed_at": column.DatetimeColumn(
            t("Signed"),
            format=f"{day_pattern()} HH:mm z",
            width=154,
            timezone=zone,
            help=t("In your time zone, {zone}", zone=zone),
        ),
        "patient_name": column.TextColumn(t("Patient"), width=110),
        "mrn": column.TextColumn(t("MRN"), width=66),
        "study_date": column.DateColumn(t("Study date"), format=day_pattern(), width=100),
        "description": column.TextColumn(t("Study"), width=136),
        "ai_label": column.TextColumn(t("AI"), width=128),
        "label": column.TextColumn(t("Signed as"), width=128),
        "state": column.TextColumn(
            t("State"),
            width=92,
            help=t(
                "Preliminary: it waits for another reader. Settled: it was preliminary until another reader signed. "
                "Superseded: a later reading took its place."
            ),
        ),
        "comment": column.TextColumn(t("Comment"), width=140),
        "accession": column.TextColumn(t("Accession"), width=144),
        "changed": column.TextColumn(
            t("Changed"), width=130, help=t("What an amendment changed of the reading before it")
        ),
        "decision": column.TextColumn(t("Decision"), width=84),
        "reason": column.TextColumn(t("Reason"), width=100),
        "confidence": column.TextColumn(t("Confidence"), width=86),
        "blind_label": column.TextColumn(
            t("Blind"), width=100, help=t("What you had concluded before the AI result was shown")
        ),
    }


def missing_columns() -> dict[str, Any]:
    """Return the configuration of the columns of what an export lacks."""
    column = st.column_config
    return {
        "study": column.TextColumn(t("Study"), width=260),
        "reason": column.TextColumn(t("Reason"), width=480),
        "id": column.TextColumn(t("ID"), width=290, help=t("As the tables of the data set name the study")),
    }


#: Metrics of a model card by their usual names.
METRIC_NAMES = {
    "accuracy": later("Accuracy"),
    "auroc": "AUROC",
    "brier": later("Brier score"),
    "dice": "Dice",
    "ece": later("Expected calibration error"),
    "f1": "F1",
    "map_peak_inside_outline": later("Heat map peak inside the outline"),
    "precision": later("Precision"),
    "recall": later("Recall"),
    "sensitivity_at_95_specificity": later("Sensitivity (95 % spec.)"),
}
#: The classes within a sentence.
WITHIN = {
    Finding.GLIOMA: later("glioma"),
    Finding.MENINGIOMA: later("meningioma"),
    Finding.PITUITARY: later("pituitary tumour"),
    Finding.NOTUMOR: later("no tumour"),
}


def metrics(figures: Mapping[str, Figure]) -> pd.DataFrame:
    """Return the figures of a model card with their 95 % intervals."""
    return pd.DataFrame(
        {
            t("Metric"): [metric_name(name) for name in figures],
            t("Value"): [value(figure) for figure in figures.values()],
            t("95 % interval"): [interval(figure) for figure in figures.values()],
        }
    )


def value(figure: Figure) -> str:
    """Return the value of a figure, or that it could not be measured."""
    return NONE if figure.value is None else number(figure.value, 3)


def interval(figure: Figure) -> str:
    """Return the 95 % interval of a figure, or that it could not be measured."""
    if figure.low is None or figure.high is None:
        return NONE
    return t("{low} to {high}", low=number(figure.low, 3), high=number(figure.high, 3))


def confusion(counts: Sequence[Sequence[int]], findings: Sequence[Finding]) -> pd.DataFrame:
    """Return a confusion matrix with named rows and columns."""
    names = [t(finding.label) for finding in findings]
    return pd.DataFrame(counts, index=names, columns=names)


def metric_name(metric: str) -> str:
    """Return the name of a metric in words, with the class that it is about, if any."""
    finding = next((finding for finding in Finding if metric.endswith(f"_{finding}")), None)
    kind = metric.removesuffix(f"_{finding}")
    name = t(METRIC_NAMES.get(kind, kind.capitalize()))
    return f"{name}, {t(WITHIN[finding])}" if finding else name
