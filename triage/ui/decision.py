"""What the AI said in one line, what was signed before, and the form in which the reader decides."""

from __future__ import annotations

import streamlit as st

from triage import reading
from triage.domain import AIResult, Finding, Reading, ReasonCode
from triage.errors import TriageError
from triage.pipeline.installation import Installation
from triage.records.views import Study
from triage.ui import state, theme


def headline(result: AIResult) -> None:
    """Draw band, predicted class and the reason of the rank."""
    colour, band = theme.BAND[result.ranking.band], result.ranking.band
    st.html(
        f'<div style="font-size:1.35rem"><span style="color:{colour};font-weight:700">{band}</span>'
        f"&ensp;AI: <b>{result.predicted.label}</b></div>"
        f'<div style="color:{theme.MUTED}">{result.ranking.reason} · model {result.model}</div>{_doubt(result)}'
    )


def _doubt(result: AIResult) -> str:
    if len(result.prediction_set) < 2:
        return ""
    names = ", ".join(finding.label for finding in result.prediction_set)
    return f'<div style="color:{theme.MUTED}">Not ruled out at 95 % coverage: <b>{names}</b></div>'


def history(study: Study) -> None:
    """Draw the readings so far, oldest first."""
    for item in study.readings:
        st.success(_sentence(item), icon=":material/verified:")


def form(installation: Installation, study: Study) -> None:
    """Draw the decision and sign it: every field is checked before anything is kept."""
    result, latest = study.result, study.readings[-1] if study.readings else None
    key = f"{study.study_id}_{len(study.readings)}"
    st.markdown("**Amend the reading**" if latest else "**Your reading**")
    finding = st.segmented_control(
        "Finding",
        list(Finding),
        default=latest.finding if latest else result.predicted if result else None,
        format_func=lambda item: item.label,
        key=f"finding_{key}",
        label_visibility="collapsed",
        width="stretch",
    )
    overrides = result is not None and finding is not None and finding is not result.predicted
    if overrides:
        st.selectbox(
            "Why the AI result is overridden",
            list(ReasonCode),
            index=None,
            format_func=str.capitalize,
            placeholder="Reason code",
            key=f"reason_{key}",
        )
    st.text_area("Comment", key=f"comment_{key}", height=70, placeholder="Comment", label_visibility="collapsed")
    verb = "Sign override" if overrides else "Confirm and sign" if result else "Sign reading"
    left, right = st.columns(2)
    left.button(
        "Sign amendment" if latest else verb,
        type="primary",
        icon=":material/draw:",
        width="stretch",
        disabled=finding is None,
        on_click=_sign,
        args=(installation, study, key),
    )
    if right.button("Next study", icon=":material/skip_next:", width="stretch"):
        following = installation.queue.first(state.now(), but=study.study_id)
        if following is None:
            st.info("Nothing else waits to be read.")
        else:
            state.open_study(following)
    if "refusal" in st.session_state:
        st.error(st.session_state.pop("refusal"), icon=":material/error:")


def _sign(installation: Installation, study: Study, key: str) -> None:
    """Sign what is entered, for the study as it stood on the screen when the button was pressed.

    It runs before the page is drawn anew, so a reading that somebody else signed meanwhile is noticed, not inherited.
    """
    entered = st.session_state
    try:
        statement = reading.sign(
            reader=state.reader(),
            finding=entered[f"finding_{key}"],
            result=study.result,
            earlier=study.readings,
            reason=entered.get(f"reason_{key}"),
            comment=entered[f"comment_{key}"],
            now=state.now(),
            contents=study.contents,
        )
        installation.store.readings.sign(study.study_id, statement, seen=len(study.readings))
    except TriageError as error:
        entered.refusal = str(error)
        return
    st.toast(f"Signed: {statement.finding.label}", icon=":material/verified:")


def _sentence(item: Reading) -> str:
    reason = f" ({item.reason})" if item.reason else ""
    comment = f" — {item.comment}" if item.comment else ""
    when = f"{item.signed_at:%Y-%m-%d %H:%M} UTC"
    return f"**{item.finding.label}**, {item.decision}{reason}, {item.state}. {item.reader}, {when}{comment}"
