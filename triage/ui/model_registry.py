"""The registry on the page Models: each model with its lineage and judgement, and what can be done with it.

Tested in tests/pages/test_models.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from triage.domain import Finding
from triage.inference.card import Card
from triage.inference.card_facts import facts_of
from triage.languages.speech import later, number, percent, retold, t
from triage.learning.judgement import Judgement, Verdict
from triage.pipeline.candidates import Candidate
from triage.pipeline.promoting import WITHOUT_ACCOUNTS, why_not
from triage.pipeline.serving import InUse
from triage.records.acts import Act, Entry, line_of
from triage.text import markdown, table_cell
from triage.ui import model_acts, model_cards, retraining, state
from triage.ui.model_page import Shown

ACTS = {
    Act.PROMOTED: later("promoted"),
    Act.ROLLED_BACK: later("rolled back to"),
    Act.SHADOW_ON: later("shadow begun"),
    Act.SHADOW_OFF: later("shadow ended"),
    Act.ASKED: later("override asked for"),
    Act.WITHDRAWN: later("override not granted"),
}
VERDICTS = {
    Verdict.PASSED: later("passed"),
    Verdict.FAILED: later("failed"),
    Verdict.NOT_ENOUGH: later("not enough"),
}
NO_CANDIDATE = later(
    "There is no candidate. Retraining writes one into `models/` of the home folder; a model folder that is put there "
    "is listed here too."
)


def draw(shown: Shown) -> None:
    """Draw the model that serves, the candidates, and what was done so far."""
    if shown.in_use is not None:
        with st.container(border=True):
            _serving(shown, shown.in_use)
    elif shown.may_choose and line_of(shown.entries):
        model_acts.roll_back(shown, line_of(shown.entries)[0])
    st.subheader(t("Candidates"), anchor=False)
    serving = shown.in_use.runtime.card.digest if shown.in_use else ""
    candidates = [one for one in shown.candidates if one.card is None or one.card.digest != serving]
    if not candidates:
        st.info(t(NO_CANDIDATE), icon=":material/info:")
    for candidate in candidates:
        with st.container(border=True):
            _candidate(shown, candidate)
    retraining.show(shown.installation)
    st.subheader(t("What was done"), anchor=False)
    if shown.entries:
        st.dataframe(history(shown.entries), hide_index=True, height="content")
    else:
        said = t("Nothing yet: the model of the setting `TRIAGE_MODEL` serves.")
        st.caption(said)


def history(entries: tuple[Entry, ...]) -> pd.DataFrame:
    """Return all acts, the newest first."""
    return pd.DataFrame(
        {
            t("Time"): [state.local(one.at) for one in entries],
            t("Who"): [table_cell(one.by.actor) for one in entries],
            t("What"): [t(ACTS[one.act]) for one in entries],
            t("Model"): [table_cell(one.model.name) for one in entries],
            t("Card"): [table_cell(one.model.card[:12]) for one in entries],
            t("Reason"): [table_cell(one.reason) for one in entries],
        }
    )


def _serving(shown: Shown, in_use: InUse) -> None:
    """Draw the model that serves, how far open studies are with it, and the way back."""
    text, buttons = st.columns([4, 1], vertical_alignment="top")
    with text:
        st.caption(f":material/check_circle: {t('Serves now')}")
        model_cards.head(in_use.runtime.card)
        _lineage(in_use.runtime.card)
        if in_use.turn is not None:
            _progress(shown, in_use, in_use.turn)
    line = line_of(shown.entries)
    if line and shown.may_choose:
        with buttons:
            model_acts.roll_back(shown, line[0])
    model_cards.points(in_use.runtime.card)


def _progress(shown: Shown, in_use: InUse, turn: Entry) -> None:
    """Draw since when the model serves, and how many open studies are still to be ranked anew."""
    st.caption(
        t(
            "{act} by {who}, {time}.",
            act=_capitalised(t(ACTS[turn.act])),
            who=markdown(turn.by.actor),
            time=state.local(turn.at),
        )
    )
    if in_use.trouble:
        return
    waiting, left = shown.installation.store.reranks.counts(turn, in_use.runtime.card.digest)
    moved = [one for one in shown.installation.store.reranks.changed(turn.number) if one.moved]
    rose = sum(one.after.band.order < one.before.band.order for one in moved)
    fell = sum(one.after.band.order > one.before.band.order for one in moved)
    st.caption(
        t(
            "Open studies: {waiting} still to be ranked anew, after new arrivals and not while a reader has them open; "
            "{rose} rose and {fell} fell in band so far.",
            waiting=waiting,
            rose=rose,
            fell=fell,
        )
    )
    if left:
        said = t("{count} ended the process while they were scored anew, and keep their rank. The log says why.")
        st.warning(said.format(count=number(left)), icon=":material/warning:")


def _candidate(shown: Shown, candidate: Candidate) -> None:
    """Draw a candidate: what it comes from, what the judgement says, and what can be done."""
    card = candidate.card
    st.markdown(f"**{markdown(candidate.name)}**")
    if card is None:
        st.error(markdown(retold(candidate.trouble)), icon=":material/error:")
        return
    st.caption(markdown(f"{card.architecture} · {card.created} · models/{candidate.folder}"))
    _lineage(card)
    if candidate.trouble:
        st.error(markdown(retold(candidate.trouble)), icon=":material/error:")
    stopped = why_not(candidate, shown.in_use, shown.installation.store.key.mac) if shown.in_use else ""
    served = card.digest in {one.model.card for one in shown.entries if one.act is Act.PROMOTED}
    if served:
        st.caption(f":material/history: {t('Served here before.')}")
    if candidate.judgement is not None:
        with st.expander(_summary(candidate.judgement), expanded=bool(stopped)):
            st.dataframe(checks(candidate.judgement), hide_index=True, height="content")
    if stopped and not candidate.trouble:
        st.caption(f":material/gavel: {markdown(retold(stopped))}")
    if not shown.may_choose or shown.in_use is None:
        return
    shadow = shown.shadows.get(card.digest)
    if shadow is not None:
        counts = shown.installation.store.shadows.counts(shadow)
        st.caption(
            ":material/visibility_off: "
            + t(
                "In shadow since {time}: {scored} new studies scored, {refused} not analysable to it, {waiting} to "
                "come. Nobody is shown what it says of a study that is not settled.",
                time=state.local(shadow.at),
                scored=counts.scored,
                refused=counts.refused,
                waiting=counts.waiting,
            )
        )
    if stopped and not shown.person.account:
        st.caption(f":material/group: {markdown(t(WITHOUT_ACCOUNTS))}")
    with st.container(horizontal=True):
        model_acts.of_candidate(shown, shown.in_use, candidate, stopped, shadow)


def _lineage(card: Card) -> None:
    """Draw which model and which data a model comes from, if its card says so."""
    facts = facts_of(card).training
    parent, data = facts.parent, facts.data_set
    if parent is None or data is None:
        return
    said = t(
        "Retrained from {parent} on {studies} studies of this site ({classes}); data set {digest}.",
        parent=markdown(parent.name),
        studies=data.studies,
        classes=markdown(_classes(data.by_class)),
        digest=markdown(data.digest[:12]),
    )
    st.caption(f":material/account_tree: {said}")


def _classes(by_class: Mapping[str, int]) -> str:
    labels = {one.value: t(one.label) for one in Finding}
    return ", ".join(f"{labels.get(name, name)} {count}" for name, count in by_class.items())


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _summary(judgement: Judgement) -> str:
    passed = sum(one.verdict is Verdict.PASSED for one in judgement.checks)
    said = t(
        "Judgement: {passed} of {count} checks passed ({share})",
        passed=passed,
        count=len(judgement.checks),
        share=percent(passed / len(judgement.checks)),
    )
    icon = ":material/block:" if judgement.against else ":material/verified:"
    return f"{icon} {said}"


def checks(judgement: Judgement) -> pd.DataFrame:
    """Return the checks of a judgement, what stops the candidate first."""
    stops = {one.name for one in judgement.against}
    ordered = sorted(judgement.checks, key=lambda one: one.name not in stops)
    return pd.DataFrame(
        {
            t("Check"): [table_cell(retold(one.name)) for one in ordered],
            t("Verdict"): [t(VERDICTS[one.verdict]) for one in ordered],
            t("Said"): [table_cell(retold(one.said)) for one in ordered],
        }
    )
