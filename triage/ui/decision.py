"""The AI result in one line, the readings so far, and the form in which the reader decides."""

from __future__ import annotations

import streamlit as st

from triage import reading
from triage.domain import AIResult, Finding, Reading, ReasonCode
from triage.errors import TriageError
from triage.pipeline.installation import Installation
from triage.records.views import Study
from triage.text import html_text, markdown
from triage.ui import state, theme


def headline(result: AIResult) -> None:
    """Draw the band, the predicted class and the reason for the rank."""
    colour, band = theme.BAND[result.ranking.band], result.ranking.band
    reason = html_text(f"{result.ranking.reason} · model {result.model}")
    st.html(
        f'<div style="font-size:1.35rem"><span style="color:{colour};font-weight:700">{band}</span>'
        f"&ensp;AI: <b>{result.predicted.label}</b></div>"
        f'<div style="color:{theme.MUTED}">{reason}</div>{_uncertainty(result)}'
    )


def _uncertainty(result: AIResult) -> str:
    if len(result.prediction_set) < 2:
        return ""
    names = ", ".join(finding.label for finding in result.prediction_set)
    return f'<div style="color:{theme.MUTED}">Not ruled out at 95 % coverage: <b>{names}</b></div>'


def history(study: Study) -> None:
    """Draw the readings so far, oldest first."""
    for item in study.readings:
        st.success(_sentence(item), icon=":material/verified:")


def form(installation: Installation, study: Study) -> None:
    """Draw the decision; the button signs it, after every field is checked."""
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
    if "refusal" in st.session_state:
        st.error(
            markdown(st.session_state.pop("refusal")), icon=":material/error:"
        )  # above the button, so that it is in sight
    verb = "Sign override" if overrides else "Confirm and sign" if result else "Sign reading"
    sign, skip = st.columns(2)
    sign.button(
        "Sign amendment" if latest else verb,
        type="primary",
        icon=":material/draw:",
        width="stretch",
        disabled=finding is None,
        on_click=_sign,
        args=(installation, study, key),
    )
    if skip.button("Next study", icon=":material/skip_next:", width="stretch"):
        following = installation.queue.first(state.now(), but=[study.study_id])
        if following is None:
            st.info("No other study is waiting.")
        else:
            state.open_study(following)


def _sign(installation: Installation, study: Study, key: str) -> None:
    """Sign the entries, for the study as it was on the screen when the button was pressed.

    This runs before the page is drawn again, so a reading that somebody else signed meanwhile raises a conflict.
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
    signed = f"{item.state}. {item.reader}, {item.signed_at:%Y-%m-%d %H:%M} UTC"
    return f"**{item.finding.label}**, {markdown(f'{item.decision}{reason}, {signed}{comment}')}"
