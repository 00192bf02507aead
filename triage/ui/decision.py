"""The AI result in one line, the readings so far, and the form in which the reader decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import streamlit as st

from triage import reading
from triage.access.roles import Right
from triage.domain import AIResult, Beyond, Decision, Finding, Reading, ReadingState, ReasonCode, Role, StudyStatus
from triage.errors import TriageError
from triage.languages.speech import later, retold, t
from triage.pipeline.installation import Installation
from triage.records.called import calling
from triage.records.views import Study
from triage.settings import ROOT
from triage.text import html_text, markdown, one_line
from triage.ui import proof, state, theme
from triage.web.drafts import said, snapshot

FORM = ROOT / "assets" / "reading"
#: Lines below the answer of the AI; the form below them should stand in one window with it.
SMALL = "font-size:0.9rem;line-height:1.35"
NEVER_LEFT = later("You have been through the list: it goes on from the top.")
#: What the form is called, by the reading that it leads to.
TITLES = {
    Role.FIRST: later("Your reading"),
    Role.SECOND: later("Second reading"),
    Role.ARBITRATION: later("Arbitration: two readers disagree"),
    Role.AMENDMENT: later("Amend the reading"),
}
#: What a signed reading says of itself.
KINDS = {
    Role.FIRST: later("First reading"),
    Role.SECOND: later("Second reading"),
    Role.ARBITRATION: later("Arbitration"),
    Role.AMENDMENT: later("Amendment"),
}
DECISIONS = {
    Decision.CONFIRM: later("It confirms the AI result."),
    Decision.OVERRIDE: later("It overrides the AI result: {reason}."),
    Decision.UNAIDED: later("It was made without an AI result."),
}
STATES = {
    ReadingState.PRELIMINARY: later("It is preliminary and waits for another reader."),
    ReadingState.FINAL: later("It is final."),
    ReadingState.AMENDED: later("It takes the place of an earlier reading."),
}
COVERAGE = later(
    "A class is not ruled out if it reaches its own threshold, as 95 of 100 held-out slices of that class do, or if it "
    "is likelier than one that does. This holds for slices like those, not for every scanner."
)
SETTLED = later("It was preliminary until another reader signed.")
AMEND, CONFIRM, READ = later("Sign amendment"), later("Confirm and sign"), later("Sign reading")
COMMIT, COMMIT_ALONE = later("Commit, then show the AI"), later("Commit the class")
VERBS = {
    Role.SECOND: later("Sign second reading"),
    Role.ARBITRATION: later("Sign arbitration"),
}


def headline(result: AIResult) -> None:
    """Draw the band, the predicted class and the reason for the rank."""
    colour, band = theme.palette().band[result.ranking.band], result.ranking.band
    reason = html_text(f"{retold(result.ranking.reason)} · {t('model {name}', name=result.model)}")
    st.html(
        f'<div style="font-size:1.35rem"><span style="color:{colour};font-weight:700">{t(band)}</span>'
        f"&ensp;{t('AI')}: <b>{t(result.predicted.label)}</b></div>"
        f'<div style="color:{theme.palette().muted};{SMALL}">{reason}</div>{_uncertainty(result)}'
    )


def anew(study: Study) -> None:
    """Draw what another model made of the rank of a study that nobody has signed; otherwise nothing."""
    reranked = study.reranked
    if reranked is None or not reranked.moved or study.status is not StudyStatus.RANKED:
        return
    said = t("{change} ({time}).", change=retold(reranked.said()), time=state.local(reranked.at))
    st.info(markdown(said), icon=":material/network_intelligence_history:")


def _uncertainty(result: AIResult) -> str:
    if not result.in_doubt:
        return ""
    names = ", ".join(t(finding.label) for finding in result.in_doubt)
    said = t("Not ruled out at 95 % coverage: {names}", names=f"<b>{names}</b>")
    explained = f'class="explained" title="{html_text(t(COVERAGE))}"'
    return f'<div style="color:{theme.palette().muted};{SMALL}" {explained}>{said}</div>'


def awaits_commit(installation: Installation, study: Study) -> bool:
    """Tell whether the AI result stays out of sight until this reader has committed a class."""
    return installation.awaits_commit(study, state.reader())


def blind_reading(study: Study) -> str:
    """Return what a reader who has not committed a class is told, as Markdown: what truly follows."""
    if _follows(study):
        return t("**Blind reading.** The AI result is shown once you have committed a class.")
    return t(
        "**Blind reading.** Commit a class, then sign. No AI result follows: the study is not analysable. {reason}.",
        reason=markdown(retold(study.reason)),
    )


def _follows(study: Study) -> bool:
    """Tell whether an AI result of the study as it is now is shown after a blind reading."""
    return study.result is not None or study.status is not StudyStatus.NOT_ANALYSABLE


def history(study: Study, *, blind: bool = False) -> None:
    """Draw the readings so far, oldest first, each as one line that unfolds: the form below stays in the window.

    The newest is in sight, or both between which an arbitration decides; the others unfold together.
    Before a blind reading they are told without what they say of the AI result.
    """
    if reading.hidden_from(state.reader(), study.readings, study.status):
        first = markdown(study.readings[-1].reader)
        told = t("**Second reading.** {reader} has signed; theirs is shown once you have.", reader=first)
        st.info(told, icon=":material/groups:")
        return
    opposed = list(reading.opinions(study.readings).values()) if study.status is StudyStatus.ARBITRATION else []
    folded: list[str] = []
    shown: list[str] = []
    for item, replaced in zip(study.readings, reading.superseded(study.readings), strict=True):
        kind = "superseded" if replaced else "opposed" if item in opposed else "valid"
        counts = item in opposed if opposed else item is study.readings[-1]
        (shown if counts else folded).append(_folded(item, study, kind, blind=blind))
    if len(folded) > 1:
        summary = t("{count} earlier readings", count=len(folded))
        folded = [f'<details class="earlier"><summary>{summary}</summary>{"".join(folded)}</details>']
    if shown:
        st.html(f'<div class="readings">{"".join((*folded, *shown))}</div>')


def left_over(installation: Installation, study: Study) -> None:
    """Draw what this reader entered in a study that nobody signs any more, to be copied; otherwise nothing."""
    name = state.reader()
    draft = installation.store.drafts.get(study.study_id, name) if name else None
    if draft is None:
        return
    entered = draft.entries
    finding = t(entered.finding.label) if entered.finding else ""
    lines = (
        ": ".join(filter(None, (finding, one_line(entered.lesion)))),
        t("Confidence: {level}.", level=t(entered.confidence)) if entered.confidence else "",
        *map(one_line, entered.comment.splitlines()),
    )
    if text := "\n".join(filter(None, lines)):
        st.caption(t("Your draft of this study, which cannot be signed any more. Copy what you need of it."))
        st.code(text, language=None, wrap_lines=True)


def form(installation: Installation, study: Study, onward: dict[str, Any]) -> None:
    """Draw the form, which keeps what is entered and signs by itself (`triage.web.drafts`); leaving is up to Python.

    `onward` says what comes when the reader leaves the study (`triage.ui.state.coming`).
    """
    name, blind = state.reader(), awaits_commit(installation, study)
    role = reading.next_role(name, study.readings, study.status)
    result = None if blind else study.result
    verb = VERBS.get(role, CONFIRM if result else READ)
    if blind:
        verb = COMMIT if _follows(study) else COMMIT_ALONE
    key = f"form_{study.study_id}"
    amends = role is Role.AMENDMENT or (role is Role.FIRST and bool(study.readings))
    st.components.v2.component(
        "reading_form",
        html='<div class="reading"></div>\n',
        css=(FORM / "form.css").read_text(),
        js=(FORM / "component.js").read_text(),
    )(
        data={
            "study": study.study_id,
            "name": _called(study),
            "reader": name,
            "role": role.value,
            "blind": blind,
            "predicted": result.predicted.value if result else "",
            "amends": amends,
            "title": t(TITLES[Role.AMENDMENT if amends else role]),
            "verb": t(AMEND if amends and not blind else verb),
            "choices": [[item.value, t(item.label)] for item in (*Finding, *Beyond)],
            "reasons": [[item.value, t(item.value)] for item in ReasonCode],
            "shown": asdict(study.shown),
            "proof": proof.standing(),
            "snapshot": snapshot(installation, study.study_id, name),
            "refusal": st.session_state.pop("refusal", ""),
            "note": st.session_state.pop("note", ""),
            "done": st.session_state.get("act_done", 0),
            "onward": onward,
        },
        key=key,
        on_act_change=lambda: _act(study, st.session_state[key].act),
    )


def _act(study: Study, act: dict[str, Any]) -> None:
    """Go where the form asks to go, before the page is drawn again; anything else only draws it again."""
    acts: dict[str, Callable[[], object]] = {
        "next": lambda: _next(study),
        "above": lambda: _above(study),
        "open": lambda: _open(str(act.get("study", ""))),
    }
    if act:
        st.session_state.act_done = act.get("at", 0)
    try:
        if act and act.get("what") in acts:
            state.acting().require(Right.READ)
            acts[act["what"]]()
    except TriageError as error:
        st.session_state.refusal = retold(str(error))


def _next(study: Study) -> None:
    following, again = state.read_next(study.study_id)
    if following is None:
        st.session_state.note = t("No other study is free to be read.")
        return
    if again:
        st.toast(t(NEVER_LEFT), icon=":material/replay:")
    _leave(study, following)


def _above(study: Study) -> None:
    above = state.read_above(study.study_id)
    if above is None:
        st.session_state.note = t("No STAT study waits above any more.")
    else:
        _leave(study, above)


def _leave(study: Study, following: str) -> None:
    """Open another study; where a class was chosen and not signed, the page of that one says whose."""
    draft = state.installation().store.drafts.get(study.study_id, state.reader()) if state.reader() else None
    if draft is not None and draft.entries.finding is not None and draft.due_at is None:
        st.session_state.note = t("Not signed: {study} stays as a draft.", study=_called(study))
    _open(following)


def _called(study: Study) -> str:
    return calling(study.header.patient_name, study.header.accession_number, study.name)


def _open(study_id: str) -> None:
    st.query_params["study"] = study_id


def _state(item: Reading, study: Study) -> str:
    if reading.was_preliminary(item, study.readings, study.status):
        return t(SETTLED)
    return t(STATES[reading.standing(item, study.readings, study.status)])


def _folded(item: Reading, study: Study, kind: str, *, blind: bool) -> str:
    signed = f"{t(KINDS[item.role])}, {item.reader}, {state.local(item.signed_at)}"
    compared = (
        t(DECISIONS[item.decision], reason=t(item.reason) if item.reason else ""),
        t("Blind, before the AI result was shown: {finding}.", finding=t(item.blind.label)) if item.blind else "",
    )
    sentences = (
        *(() if blind else compared),
        t("Confidence: {level}.", level=t(item.confidence)) if item.confidence else "",
        # What a superseded one was then, final or preliminary, it is no more.
        "" if kind == "superseded" else _state(item, study),
    )
    replaced = f"{t('Superseded')}: " if kind == "superseded" else ""
    # Who signed comes before the comment: the end of a long line is cut, and a comment could name somebody else.
    beginning = f'<span class="comment"> · {html_text(item.comment)}</span>' if item.comment else ""
    line = f"{replaced}<b>{html_text(said(item))}</b> · {html_text(signed)}{beginning}"
    comment = "<br>".join(map(html_text, t("Comment: {comment}", comment=item.comment).splitlines()))
    more = "<br>".join(filter(None, (html_text(" ".join(filter(None, sentences))), comment if item.comment else "")))
    return f'<details class="{kind}"><summary>{line}</summary>{more}</details>'
