"""Cards of models on the page Models: one in full, or several side by side. Tested in tests/pages/test_models.py."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from triage.domain import Finding
from triage.inference.card import MAX_CARD, MODEL_CARD, Card
from triage.inference.card_facts import Figure, facts_of
from triage.inference.files import read_file
from triage.languages.speech import language, later, number, percent, t
from triage.text import markdown, one_line, table_cell
from triage.ui import tables
from triage.ui.model_page import Shown

#: Most cards side by side; more cannot be read.
MOST = 4
NO_MODEL = later("No model serves, so there is no card. The view **Registry** says why, and what can be done.")


def draw(shown: Shown) -> None:
    """Draw the card of the model that serves."""
    if shown.in_use is None:
        st.info(t(NO_MODEL), icon=":material/info:")
        return
    card = shown.in_use.runtime.card
    facts = facts_of(card)
    test = facts.metrics.test
    if language() != "en":
        said = t(
            "What the card itself says in sentences (training, limits, full card) is in English, as it came with the "
            "model."
        )
        st.caption(said)
    head(card)
    points(card)
    left, right = st.container(key="stack").columns(2, gap="large")
    with left:
        st.subheader(t("Performance"))
        st.caption(markdown(test.on))
        columns = metric_columns()
        st.dataframe(tables.metrics(test.figures), hide_index=True, height="content", column_config=columns)
    with right:
        if test.confusion is not None:
            st.subheader(t("Confusion matrix"))
            st.caption(t("True class by row, predicted class by column."))
            st.dataframe(tables.confusion(test.confusion, list(Finding)))
        if test.masks is not None:
            st.subheader(t("Outlines and heat maps"))
            said = t(
                "Overlap with the outline of a radiologist, and how often the peak of the heat map lies inside it."
            )
            st.caption(said)
            st.dataframe(tables.metrics(test.masks.figures), hide_index=True, column_config=columns)
        st.subheader(t("Known limits"))
        for limit in facts.training.limits:
            st.markdown(f"- {markdown(limit)}")
    with st.expander(t("Full model card: intended use, data, all metrics")):
        # Markdown by design: the administrator chooses the model folder that this file belongs to.
        try:
            st.markdown(read_file(shown.in_use.runtime.folder / MODEL_CARD, MAX_CARD).decode())
        except (OSError, UnicodeError):
            st.info(t("The full card cannot be read. Restore MODEL_CARD.md from the release or a backup."))


def metric_columns() -> dict[str, Any]:
    """Return the configuration of the columns of `metrics`, which stand beside another table: no name is cut."""
    column = st.column_config
    told = t("Sensitivity (95 % spec.): the share that is found where 95 % of all others are told apart (specificity)")
    return {
        t("Metric"): column.TextColumn(width=312, help=told),
        t("Value"): column.TextColumn(width=64),
        t("95 % interval"): column.TextColumn(width=124),
    }


def head(card: Card) -> None:
    """Draw which model it is, then how it was made and the digest of its network."""
    st.markdown(f"**{markdown(card.name)}** · {markdown(f'{card.architecture} · {card.created}')}")
    if summary := facts_of(card).training.summary:
        st.caption(markdown(summary))
    st.caption(t("SHA-256 of the network: {digest}", digest=markdown(card.sha256)))


def points(card: Card) -> None:
    """Draw the operating points."""
    facts, found = facts_of(card).metrics, card.operating_points
    notes, alone = facts.operating_points, facts.test.prediction_sets.one_class_only
    glioma, tumour, single = st.columns(3)
    glioma.metric(
        t("Glioma operating point (STAT)"), number(found.glioma, 3), help=markdown(notes.get("glioma", "")) or None
    )
    tumour.metric(
        t("Tumour operating point (URGENT)"), number(found.tumour, 3), help=markdown(notes.get("tumour", "")) or None
    )
    if alone is not None:
        single.metric(
            t("Slices with a single class"),
            percent(alone),
            help=t(
                "All other classes are ruled out at {coverage} coverage.", coverage=percent(card.conformal.coverage)
            ),
        )
    if window := card.window_points:
        st.caption(
            t(
                "These are for one slice. Neighbouring slices of a series are judged together: STAT from {glioma}, "
                "URGENT from {tumour}.",
                glioma=number(window.glioma, 3),
                tumour=number(window.tumour, 3),
            ),
            help=markdown(notes.get("window_glioma", "")) or None,
        )


def draw_side_by_side(shown: Shown) -> None:
    """Draw the figures of several cards beside each other."""
    cards = shown.cards
    if len(cards) < 2:
        st.info(
            t(
                "There is one model only. A candidate is a model folder in `models/` of the home folder; retraining "
                "writes one there."
            ),
            icon=":material/info:",
        )
        return
    chosen = st.multiselect(
        t("Models"),
        list(cards),
        list(cards)[:2],
        format_func=lambda digest: one_line(cards[digest].name),
        max_selections=MOST,
        key="f_cards",
    )
    if not chosen:
        st.caption(t("Choose the models to compare."))
        return
    table = side_by_side([cards[one] for one in chosen])
    st.dataframe(table, height="content", column_config={"_index": st.column_config.TextColumn(width=300)})
    for one in chosen:
        measured = facts_of(cards[one]).metrics.test.on or tables.NONE
        st.caption(t("{name}, measured on: {data}", name=markdown(cards[one].name), data=markdown(measured)))
    st.caption(
        t(
            "Each card states what was measured on its own test data: figures on other data are no comparison. The "
            "judgement of a candidate compares both models on the same studies."
        )
    )


def side_by_side(cards: list[Card]) -> pd.DataFrame:
    """Return the figures of cards: a row for each figure that one of them has, a column for each card."""
    columns = [_column(card) for card in cards]
    rows = list(dict.fromkeys(name for column in columns for name in column))
    # Two cards may have one name; a table needs two.
    names = [table_cell(f"{card.name} ({card.digest[:6]})") for card in cards]
    values = [[column.get(row, tables.NONE) for column in columns] for row in rows]
    return pd.DataFrame(values, index=rows, columns=names)


def _column(card: Card) -> dict[str, str]:
    test = facts_of(card).metrics.test
    at_point = {
        t("Sensitivity at the glioma operating point"): test.glioma_operating_point.sensitivity,
        t("Specificity at the glioma operating point"): test.glioma_operating_point.specificity,
    }
    found = {
        t("Made"): table_cell(card.created),
        t("Glioma operating point (STAT)"): number(card.operating_points.glioma, 3),
        t("Tumour operating point (URGENT)"): number(card.operating_points.tumour, 3),
    }
    if window := card.window_points:
        found[t("Glioma operating point of neighbouring slices")] = number(window.glioma, 3)
        found[t("Tumour operating point of neighbouring slices")] = number(window.tumour, 3)
    found |= {label: _said(figure) for label, figure in at_point.items() if figure is not None}
    return found | {tables.metric_name(name): _said(figure) for name, figure in test.figures.items()}


def _said(figure: Figure) -> str:
    interval = tables.interval(figure)
    return tables.value(figure) if interval == tables.NONE else f"{tables.value(figure)} ({interval})"
