"""The AI result in one line, the readings so far, and the form in which the reader decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from triage import reading
from triage.domain import AIResult, Beyond, Finding, Reading, ReadingState, ReasonCode, Role, StudyStatus
from triage.errors import ConflictError, ReadingError, TriageError
from triage.pipeline.installation import Installation
from triage.records.views import Study
from triage.settings import ROOT
from triage.text import html_text, markdown, one_line, visible
from triage.ui import state, theme
from triage.web.drafts import said, snapshot

#: Characters of the note with which a study is taken over.
MAX_NOTE = 200
FORM = ROOT / "assets" / "reading"
NEVER_LEFT = "You have been through the list: it goes on from the top."
#: What the form is called, by the reading that it leads to.
TITLES = {
    Role.FIRST: "Your reading",
    Role.SECOND: "Second reading",
    Role.ARBITRATION: "Arbitration: two readers disagree",
    Role.AMENDMENT: "Amend the reading",
}
VERBS = {Role.SECOND: "Sign second reading", Role.ARBITRATION: "Sign arbitration", Role.AMENDMENT: "Sign amendment"}


def headline(result: AIResult) -> None:
    """Draw the band, the predicted class and the reason for the rank."""
    colour, band = theme.palette().band[result.ranking.band], result.ranking.band
    reason = html_text(f"{result.ranking.reason} · model {result.model}")
    st.html(
        f'<div style="font-size:1.35rem"><span style="color:{colour};font-weight:700">{band}</span>'
        f"&ensp;AI: <b>{result.predicted.label}</b></div>"
        f'<div style="color:{theme.palette().muted}">{reason}</div>{_uncertainty(result)}'
    )


def _uncertainty(result: AIResult) -> str:
    if len(result.prediction_set) < 2:
        return ""
    names = ", ".join(finding.label for finding in result.prediction_set)
    return f'<div style="color:{theme.palette().muted}">Not ruled out at 95 % coverage: <b>{names}</b></div>'


def hides_ai(installation: Installation, study: Study) -> bool:
    """Tell whether the AI result stays out of sight until this reader has committed a class."""
    return installation.hides_ai(study, state.reader())


def history(study: Study) -> None:
    """Draw the readings so far, oldest first; in an arbitration, the two that disagree side by side."""
    if reading.hidden_from(state.reader(), study.readings, study.status):
        first = markdown(study.readings[-1].reader)
        st.info(f"**Second reading.** {first} has signed; theirs is shown once you have.", icon=":material/groups:")
        return
    current = list(reading.opinions(study.readings).values()) if study.status is StudyStatus.ARBITRATION else []
    for item in study.readings:
        if item not in current:
            st.success(_sentence(item), icon=":material/verified:")
    for column, item in zip(st.columns(len(current)) if current else (), current, strict=True):
        column.warning(_sentence(item), icon=":material/balance:")


def form(installation: Installation, study: Study) -> None:
    """Draw the form, which keeps what is entered by itself and hands signing and leaving over to Python."""
    name, blind = state.reader(), hides_ai(installation, study)
    role = reading.next_role(name, study.readings, study.status)
    result = None if blind else study.result
    key = f"form_{study.study_id}"
    amends = role is Role.FIRST and bool(study.readings)
    st.components.v2.component(
        "reading_form",
        html='<div class="reading"></div>\n',
        css=(FORM / "form.css").read_text(),
        js=(FORM / "component.js").read_text(),
    )(
        data={
            "study": study.study_id,
            "reader": name,
            "role": role.value,
            "blind": blind,
            "predicted": result.predicted.value if result else "",
            "title": TITLES[Role.AMENDMENT if amends else role],
            "verb": VERBS.get(role, "Sign amendment" if amends else "Confirm and sign" if result else "Sign reading"),
            "choices": [[item.value, item.label] for item in (*Finding, *Beyond)],
            "reasons": [item.value for item in ReasonCode],
            "snapshot": snapshot(installation, study.study_id, name),
            "refusal": st.session_state.pop("refusal", ""),
            "note": st.session_state.pop("note", ""),
        },
        key=key,
        on_act_change=lambda: _act(installation, study, st.session_state[key].act),
    )


def _act(installation: Installation, study: Study, act: dict[str, Any]) -> None:
    """Do what the form asks, for the study as it was on the screen.

    This runs before the page is drawn again, so a reading that somebody else signed meanwhile raises a conflict.
    """
    acts: dict[str, Callable[[], object]] = {
        "sign": lambda: sign(installation, study, state.reader(), act.get("entries", {})),
        "commit": lambda: commit(installation, study, state.reader(), act.get("entries", {})),
        "next": lambda: _next(study),
        "open": lambda: _open(str(act.get("study", ""))),
        "seen": lambda: installation.store.drafts.catch_up(study.study_id, state.reader(), len(study.readings)),
        "take over": lambda: take_over(installation, study, state.reader(), str(act.get("note", ""))),
    }
    try:
        if act and act.get("what") in acts:
            acts[act["what"]]()
    except TriageError as error:
        st.session_state.refusal = str(error)


def sign(installation: Installation, study: Study, reader: str, fields: dict[str, Any]) -> Reading:
    """Sign what the form holds, for the study as the reader saw it; for some seconds it can be taken back.

    Raises
    ------
    ConflictError
        If somebody else has the study open, or the record changed meanwhile.
    ReadingError
        If something required is missing.
    """
    now, draft = state.now(), installation.store.drafts.get(study.study_id, reader)
    entries = replace(reading.from_json(fields), blind=draft.entries.blind if draft else None)
    statement = reading.sign(
        reader=reader,
        entries=entries,
        result=study.result,
        earlier=study.readings,
        status=study.status,
        second_read=installation.settings.second_read,
        now=now,
        contents=study.contents,
    )
    _claim(installation, study, reader)
    installation.signatures.hold(study.study_id, statement, seen=len(study.readings))
    return statement


def commit(installation: Installation, study: Study, reader: str, fields: dict[str, Any]) -> None:
    """Keep the class that the reader chose before the AI result is shown.

    Raises
    ------
    ReadingError
        If no class is chosen, or nobody has entered a name.
    """
    entries = reading.from_json(fields)
    if not reader:
        raise ReadingError("A reading needs a reader. Enter your name in the sidebar.")
    if entries.finding is None:
        raise ReadingError("Choose a class first; the AI result is shown once it is committed.")
    seen, drafts = len(study.readings), installation.store.drafts
    drafts.commit_blind(study.study_id, reader, entries.finding, seen=seen, now=state.now())


def take_over(installation: Installation, study: Study, reader: str, note: str) -> None:
    """Claim a study that another reader has open.

    Raises
    ------
    ReadingError
        Without a note.
    """
    note = visible(one_line(note), MAX_NOTE)
    if not reader or not note:
        raise ReadingError("Taking a study over needs your name and a note. Enter why you take it.")
    installation.store.claims.take_over(study.study_id, reader, note, state.now())


def _claim(installation: Installation, study: Study, reader: str) -> None:
    holder = installation.store.claims.take(study.study_id, reader, state.now())
    if holder.reader != reader:
        raise ConflictError(f"{holder.reader} has this study open. Take it over with a note, then sign.")


def _next(study: Study) -> None:
    following, again = state.read_next(study.study_id)
    if following is None:
        st.session_state.note = "No other study is free to be read."
        return
    if again:
        st.toast(NEVER_LEFT, icon=":material/replay:")
    _open(following)


def _open(study_id: str) -> None:
    st.query_params["study"] = study_id


def _sentence(item: Reading) -> str:
    reason = f" ({item.reason})" if item.reason else ""
    comment = f" — {item.comment}" if item.comment else ""
    sure = f", confidence {item.confidence}" if item.confidence else ""
    blind = f", blind: {item.blind.label}" if item.blind else ""
    waits = ", waits for another reader" if item.state is ReadingState.PRELIMINARY else ""
    signed = f"{item.role}, {item.state}{waits}. {item.reader}, {state.local(item.signed_at)}"
    return f"**{markdown(said(item))}**, {markdown(f'{item.decision}{reason}{sure}{blind}, {signed}{comment}')}"
