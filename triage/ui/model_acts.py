"""What can be done with a model on the page Models, each act after a confirmation.

Tested in tests/pages/test_models.py.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from triage.errors import ModelError, TriageError
from triage.languages.speech import retold, t
from triage.pipeline.candidates import Candidate
from triage.pipeline.promoting import MAX_REASON, Promoting
from triage.pipeline.serving import InUse
from triage.records.acts import Entry, requests_of
from triage.text import markdown
from triage.ui import state
from triage.ui.model_page import Shown


def of_candidate(shown: Shown, in_use: InUse, candidate: Candidate, stopped: str, shadow: Entry | None) -> None:
    """Draw the buttons of a candidate."""
    folder, seen = candidate.folder, in_use.seen
    asked = next((one for one in requests_of(shown.entries) if one.model == candidate.model), None)
    if not stopped:
        with st.popover(t("Promote"), icon=":material/publish:", type="primary", key=f"to_promote_{folder}"):
            st.write(
                t(
                    "**{name}** takes the place of {before} from the next study on. Open studies are ranked anew in "
                    "the background; what is signed stays as it is.",
                    name=markdown(candidate.name),
                    before=markdown(in_use.runtime.card.name),
                )
            )
            _button(
                t("Promote it now"),
                f"promote_{folder}",
                lambda: _promoting().promote(folder, seen=seen),
                t("It serves from the next study on."),
            )
    elif asked is not None:
        _answer(asked, seen, own=shown.person.account == asked.by.account or shown.person.actor == asked.by.actor)
    elif shown.person.account:
        _ask(folder, seen)
    if shadow is not None:
        _button(
            t("End the shadow"),
            f"unshadow_{folder}",
            lambda: _promoting().end_shadow(shadow),
            t("The shadow has ended. What it said is kept."),
            plain=True,
        )
    else:
        _button(
            t("Score in shadow"),
            f"shadow_{folder}",
            lambda: _promoting().shadow(folder),
            t("It scores new studies from now on, unseen."),
            plain=True,
        )


def _ask(folder: str, seen: int) -> None:
    """Draw the form that asks for an override."""
    # Without a key of its own, what was opened for one candidate stays open for the one that takes its place.
    with st.popover(t("Ask for an override"), icon=":material/gavel:", key=f"to_ask_{folder}"):
        st.write(t("Against its judgement a model serves only if a second administrator agrees with your reason."))
        why = f"why_{folder}"
        st.text_area(t("Why it should serve nevertheless"), max_chars=MAX_REASON, key=why)
        _button(
            t("Ask a second administrator"),
            f"ask_{folder}",
            # Drawn before the reason was written, so it is looked up when the button is pressed.
            lambda: _promoting().ask(folder, str(st.session_state[why]), seen=seen),
            t("A second administrator is asked, on this page."),
        )


def _answer(asked: Entry, seen: int, *, own: bool) -> None:
    """Draw a request for an override, to be agreed to or not; who asked can only take it back."""
    with st.popover(t("Override asked for"), icon=":material/gavel:", type="primary", key=f"asked_{asked.number}"):
        st.write(
            t(
                "{who} asks, {time}: {reason}",
                who=markdown(asked.by.actor),
                time=state.local(asked.at),
                reason=markdown(asked.reason),
            )
        )
        if own:
            st.caption(t("Another administrator has to agree, on this page."))
        else:
            _button(
                t("Agree, and promote it now"),
                f"agree_{asked.number}",
                lambda: _promoting().agree(asked.number, seen=seen),
                t("It serves from the next study on."),
            )
        _button(
            t("Take the request back") if own else t("Do not grant it"),
            f"withdraw_{asked.number}",
            lambda: _promoting().withdraw(asked.number),
            t("The request has ended. What serves is unchanged."),
            plain=True,
        )


def roll_back(shown: Shown, newest: Entry) -> None:
    """Draw the way back from the newest promotion."""
    seen = shown.installation.store.registry.turn()
    try:
        before = shown.installation.serving.before().name
    except ModelError:  # the button says why
        before = t("The model before it")
    with st.popover(t("Roll back"), icon=":material/undo:", width="stretch", key=f"to_roll_back_{newest.number}"):
        st.write(
            t(
                "{before} takes the place of **{name}** from the next study on. Open studies are ranked anew in the "
                "background; what is signed stays as it is.",
                name=markdown(newest.model.name),
                before=markdown(before),
            )
        )
        done = t("The model before it serves from the next study on.")
        _button(t("Roll back now"), "roll_back", lambda: _promoting().roll_back(seen=seen), done)


def _promoting() -> Promoting:
    return Promoting(state.acting())


def _button(label: str, key: str, act: Callable[[], object], done: str, *, plain: bool = False) -> None:
    kind = "secondary" if plain else "primary"
    st.button(label, key=key, type=kind, on_click=_carry_out, args=(act, done))  # type: ignore[arg-type]


def _carry_out(act: Callable[[], object], done: str) -> None:
    """Do something, and say what came of it."""
    try:
        act()
    except TriageError as error:
        st.toast(markdown(retold(str(error))), icon=":material/error:", duration="infinite")
    else:
        st.toast(done, icon=":material/check_circle:", duration="long")
