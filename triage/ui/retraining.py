"""The retraining on the page of the models: begin, how far it is, cancel, resume, log.

Tested in tests/pages/test_retraining.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import streamlit as st

from triage.access.roles import Right
from triage.errors import TriageError
from triage.languages.speech import duration, later, retold, t
from triage.learning.lacking import lacking
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.pipeline.retraining_job import Job, State
from triage.records.signed import concluded
from triage.text import markdown
from triage.ui import state

#: Time between two looks at a retraining that is running.
EVERY = "3s"
#: Share of the bar for the export, before the retraining says how far it is.
EXPORTED = 0.02
YIELDS = later(
    "It takes what readers and the queue leave of the processor, so on a busy server it starts late and goes slowly. "
    "You can leave this page."
)
ABOUT = later(
    "A candidate learns from all signed readings, in the background at the lowest priority. The model that serves goes "
    "on unchanged. The candidate is judged at the end, and serves only once it is promoted."
)
LACKS = later(
    "The signed readings are few for its judgement: among the fifth of the patients who are kept for the test it lacks "
    "{gliomas} with a glioma and {others} with another class. Until then a candidate that is only as good as the model "
    "that serves cannot pass, and serves only if a second administrator agrees to an override."
)


BEGIN = later(
    "It reads all signed readings, de-identified; studies of which the class is settled: {count}. It takes about 15 to "
    "30 minutes, longer on a busy server. The model that serves stays until somebody promotes the candidate."
)
later("Learning")  # a stage in one word, which the search for sentences passes over


def show(installation: Installation) -> None:
    """Draw the retraining for who may begin one; for others nothing.

    Parameters
    ----------
    installation
        Whose model is retrained.
    """
    if not state.person().may(Right.RETRAIN):
        return
    st.subheader(t("Retraining"), anchor=False)
    job = installation.retrainings.job()
    if job is not None and job.active:
        _watch()
    else:
        _ended(job)
    if lines := installation.retrainings.log():
        with st.expander(t("Log")):
            st.code("\n".join(lines), language=None)


def _ended(job: Job | None) -> None:
    """Draw what came of the latest retraining, and what can be done now."""
    st.caption(t(ABOUT))
    settled, why = concluded(state.installation().store.read), state.installation().retrainings.unready()
    gliomas, others = lacking(settled)
    lacks = f":material/gavel: {t(LACKS, gliomas=gliomas, others=others)}" if gliomas or others else ""
    if lacks:
        st.caption(lacks)
    if job is not None:
        name = markdown(job.name)
        if job.state is State.DONE:
            st.success(
                t("The candidate {name} is whole. Look at its judgement, then promote it.", name=name),
                icon=":material/check:",
            )
        elif job.state is State.CANCELLED:
            st.info(t("The retraining of {name} was cancelled. It can be resumed.", name=name), icon=":material/pause:")
        else:
            said = markdown(retold(job.said))
            st.error(t("The retraining of {name} failed. {said}", name=name, said=said), icon=":material/error:")
    row = st.container(horizontal=True)
    if job is not None and job.resumable:
        row.button(
            t("Resume it"), type="primary", icon=":material/resume:", on_click=_do, args=(Acting.resume_retraining,)
        )
    label, icon = t("Retrain the model"), ":material/model_training:"
    if why:
        row.button(label, icon=icon, disabled=True)
        st.caption(f":material/block: {markdown(retold(why))}")
        return
    with row.popover(label, icon=icon, key="to_retrain"):
        st.write(t(BEGIN, count=len(settled)))
        if lacks:
            st.caption(lacks)
        st.button(t("Retrain it now"), type="primary", on_click=_do, args=(Acting.retrain,))


@st.fragment(run_every=EVERY)
def _watch() -> None:
    """Draw how far the retraining is, until it has ended."""
    job = state.installation().retrainings.job()
    if job is None or not job.active:
        st.rerun()
    progress = job.progress
    if job.state is State.EXPORTING:
        said, done = t("Exporting the signed readings"), EXPORTED * state.installation().retrainings.exported
    elif progress is None:  # its process has not said anything yet
        said, done = t("Starting"), EXPORTED
    else:
        said, done = t(progress.stage), max(progress.done, EXPORTED)
        if progress.seconds_left is not None:
            said += " · " + t("about {time} left", time=duration(timedelta(seconds=progress.seconds_left)))
    st.progress(min(max(done, 0.0), 1.0), f"**{markdown(job.name)}** · {said}")
    st.caption(t(YIELDS))
    st.button(t("Cancel"), icon=":material/stop_circle:", on_click=_do, args=(Acting.cancel_retraining,))


def _do(act: Callable[[Acting], object]) -> None:
    try:
        act(state.acting())  # whoever it is by now, with the rights they have by now
    except TriageError as error:
        st.toast(markdown(retold(str(error))), icon=":material/error:", duration="infinite")
