"""What the AI said in one line, what was signed before, and the form in which the reader decides."""

from __future__ import annotations

import streamlit as st

from triage import reading
from triage.domain import AIResult, Finding, Reading, ReasonCode
from triage.errors import TriageError
from triage.pipeline import Pipeline
from triage.records.views import Study
from triage.ui import state, theme


def headline(result: AIResult) -> None:
    """Draw band, predicted class and the reason of the rank."""
    colour, band = theme.BAND[result.ranking.band], result.ranking.band
    st.html(
        f'<div style="font-size:1.35rem"><span style="color:{colour};font-weight:700">{band}</span>'
        f"&ensp;AI: <b>{result.predicted.label}</b></div>"
        f'<div style="color:{theme.MUTED}">{result.ranking.reason} · model {result.model}</div>'
    )


def history(study: Study) -> None:
    """Draw the readings so far, oldest first."""
    for item in study.readings:
        st.success(_sentence(item), icon=":material/verified:")


def form(parts: Pipeline, study: Study) -> None:
    """Draw the decision and sign it: every field is checked before anything is kept."""
    result = study.result
    findings = list(Finding)
    if not study.readings:
        st.markdown("**Your reading**")
    else:
        st.markdown("**Amend the reading**")
    key = f"{study.study_id}_{len(study.readings)}"
    finding = st.segmented_control(
        "Finding",
        findings,
        default=result.predicted if result else None,
        format_func=lambda item: item.label,
        key=f"finding_{key}",
        label_visibility="collapsed",
        width="stretch",
    )
    overrides = result is not None and finding is not None and finding is not result.predicted
    reason = None
    if overrides:
        reason = st.selectbox(
            "Why the AI result is overridden",
            list(ReasonCode),
            index=None,
            format_func=str.capitalize,
            placeholder="Reason code",
            key=f"reason_{key}",
        )
    comment = st.text_area(
        "Comment", key=f"comment_{key}", height=70, placeholder="Comment", label_visibility="collapsed"
    )
    verb = "Sign override" if overrides else "Confirm and sign" if result else "Sign reading"
    if study.readings:
        verb = "Sign amendment"
    sign, next_ = st.columns(2)
    signed = sign.button(verb, type="primary", icon=":material/draw:", width="stretch", disabled=finding is None)
    skip = next_.button("Next study", icon=":material/skip_next:", width="stretch")
    if signed and finding is not None and _sign(parts, study, finding, reason, comment):
        st.rerun()
    if skip:
        following = parts.queue.first(state.now(), but=study.study_id)
        if following is None:
            st.info("Nothing else waits to be read.")
        else:
            state.open_study(following)


def _sign(parts: Pipeline, study: Study, finding: Finding, reason: ReasonCode | None, comment: str) -> bool:
    try:
        statement = reading.sign(
            reader=state.reader(),
            finding=finding,
            result=study.result,
            earlier=study.readings,
            reason=reason,
            comment=comment,
            now=state.now(),
        )
        parts.store.sign(study.study_id, statement, seen=len(study.readings))
    except TriageError as error:
        st.error(str(error), icon=":material/error:")
        return False
    st.toast(f"Signed: {finding.label}", icon=":material/verified:")
    return True


def _sentence(item: Reading) -> str:
    reason = f" ({item.reason})" if item.reason else ""
    comment = f" — {item.comment}" if item.comment else ""
    when = f"{item.signed_at:%Y-%m-%d %H:%M} UTC"
    return f"**{item.finding.label}**, {item.decision}{reason}, {item.state}. {item.reader}, {when}{comment}"
