"""The page Models: what all of its views share, and the choice between them. Tested in tests/pages/test_models.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from triage.errors import ModelError
from triage.inference.card_facts import facts_of
from triage.languages.speech import later, retold, t
from triage.text import markdown
from triage.ui import model_cards, model_cases, model_curves, model_registry, state
from triage.ui.model_page import Shown

REGISTRY, CARD = later("Registry"), later("Card")
VIEWS: Mapping[str, Callable[[Shown], None]] = {
    REGISTRY: model_registry.draw,
    CARD: model_cards.draw,
    later("Side by side"): model_cards.draw_side_by_side,
    later("Curves"): model_curves.draw,
    later("Errors"): model_cases.draw_errors,
    later("What changed"): model_cases.draw_changes,
}


def show() -> None:
    """Draw the page."""
    installation, in_use = state.installation(), None
    title, views = st.columns([1, 3], vertical_alignment="bottom")
    title.title(t("Models"))
    try:
        in_use = installation.serving.current()
    except ModelError as error:
        trouble = str(error)
    else:
        trouble = in_use.trouble
    if in_use is not None:
        try:
            facts_of(in_use.runtime.card)
        except ModelError as error:  # one that an earlier version promoted, or TRIAGE_MODEL
            st.error(markdown(retold(str(error))), icon=":material/error:")
            return
    entries, candidates = installation.store.registry.entries(), tuple(installation.candidates.all())
    shown = Shown(installation, state.person(), in_use, entries, candidates)
    if trouble and not (shown.may_choose and entries):  # whoever chooses the model is told on every page
        st.error(markdown(retold(trouble)), icon=":material/error:")
    view = views.segmented_control(
        t("View"),
        list(VIEWS),
        default=REGISTRY if candidates or entries or in_use is None else CARD,
        format_func=t,
        required=True,
        key="f_models",
        label_visibility="collapsed",
    )
    VIEWS[view](shown)
