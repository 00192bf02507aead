"""Single studies on the page Models: what a model got wrong, what a second one gained and lost.

Tested in tests/pages/test_models.py.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import streamlit as st
from PIL import Image

from triage.domain import Slice
from triage.errors import TriageError
from triage.languages.speech import later, number, retold, t
from triage.learning.changes import Changes, Pair, changes, failures
from triage.records.answers import Answer
from triage.records.glances import WORTH_KEEPING, middle
from triage.records.views import Study
from triage.text import markdown, one_line
from triage.ui import state
from triage.ui.model_page import Shown
from triage.web.slices import thumbnail

#: Side of a picture in the gallery: pixels.
SIDE = 220
#: Pictures in a row, and at most.
COLUMNS, MOST = 5, 20
NOTHING_SIGNED = later(
    "No settled study has an answer of this model yet. Sign readings on the page **Review**; they count once they wait "
    "for no other reader."
)


def draw_errors(shown: Shown) -> None:
    """Draw the settled studies that a model got wrong."""
    names = shown.names
    if not names:
        st.info(t(NOTHING_SIGNED), icon=":material/info:")
        return
    card = st.selectbox(t("Model"), list(names), format_func=lambda one: one_line(names[one]), key="f_errors")
    counted = [one for one in shown.answers if one.card == card]
    wrong = failures(counted, card)
    st.caption(
        t(
            "Of {count} settled studies of this site, {wrong} were signed as another class than the model named. "
            "Missed gliomas come first, then what the model was surest of.",
            count=len(counted),
            wrong=len(wrong),
        )
    )
    if not wrong:
        st.success(t("It got none of them wrong."), icon=":material/check_circle:")
    _gallery(shown, wrong)


def draw_changes(shown: Shown) -> None:
    """Draw what a second model gained and lost on the settled studies that both judged."""
    names = shown.names
    if len(names) < 2:
        st.info(
            t(
                "Two models have to have judged the same studies. Let a candidate score in shadow, in the view "
                "**Registry**; what it says of new studies is compared once they are signed."
            ),
            icon=":material/info:",
        )
        return
    first, second = st.columns(2)
    before = first.selectbox(t("Before"), list(names), 0, format_func=lambda one: one_line(names[one]), key="f_before")
    others = [one for one in names if one != before]
    after = second.selectbox(t("After"), others, format_func=lambda one: one_line(names[one]), key="f_after")
    found = changes(shown.answers, before, after)
    if not found.pairs:
        st.info(t("These two have judged no settled study in common yet."), icon=":material/info:")
        return
    _counted(found)
    for title, pairs in ((t("Lost"), found.lost), (t("Gained"), found.gained)):
        st.subheader(title, anchor=False)
        if not pairs:
            st.caption(t("None."))
        for pair in pairs[:MOST]:
            _pair(shown, pair)
        if len(pairs) > MOST:
            st.caption(t("and {count} more", count=len(pairs) - MOST))


def _counted(found: Changes) -> None:
    with st.container(horizontal=True, gap="xlarge"):
        for label, count in (
            (t("Studies judged by both"), len(found.pairs)),
            (t("Both right"), found.both_right),
            (t("Gained"), len(found.gained)),
            (t("Lost"), len(found.lost)),
            (t("Both wrong"), found.both_wrong),
        ):
            st.metric(label, number(count), width="content")


def _pair(shown: Shown, pair: Pair) -> None:
    text, button = st.columns([6, 1], vertical_alignment="center")
    said = t(
        "Signed as **{called}**; {before}: {first}; {after}: {second}",
        called=t(pair.before.called.label),
        before=markdown(pair.before.name),
        first=_said(pair.before),
        after=markdown(pair.after.name),
        second=_said(pair.after),
    )
    text.markdown(said)
    with button:
        _open(shown, pair.before.study_id, f"change_{pair.before.study_id}")


def _said(answer: Answer) -> str:
    return f"{t(answer.predicted.label)} {number(answer.probabilities[answer.predicted], 2)}"


def _gallery(shown: Shown, wrong: Sequence[Answer]) -> None:
    for start in range(0, min(len(wrong), MOST), COLUMNS):
        for column, one in zip(st.columns(COLUMNS), wrong[start : start + COLUMNS], strict=False):
            with column, st.container(border=True):
                if shown.may_open:
                    _picture(shown, one.study_id)
                st.markdown(t("Signed as **{called}**", called=t(one.called.label)))
                st.caption(t("The model: {answer}", answer=_said(one)))
                _open(shown, one.study_id, f"error_{one.study_id}")
    if len(wrong) > MOST:
        st.caption(t("and {count} more", count=len(wrong) - MOST))


def _open(shown: Shown, study_id: str, key: str) -> None:
    """Draw the button that opens a study, for those who may."""
    if shown.may_open and st.button(t("Open"), key=key, icon=":material/neurology:"):
        state.open_study(study_id)


def _picture(shown: Shown, study_id: str) -> None:
    """Draw the slice at which a study opens; that somebody saw it is noted first."""
    state.acting().view(study_id)
    try:
        study = shown.installation.store.study(study_id)
        one = _slice(shown, study)
    except TriageError as error:
        st.caption(markdown(retold(str(error))))
        return
    if one is None:
        st.caption(t("No picture is kept of this study; open it."))
        return
    st.image(_squared(thumbnail(one, SIDE)), width="stretch")


def _slice(shown: Shown, study: Study) -> Slice | None:
    """Return the slice that the AI result shows, or the middle one, from what is kept; a small study is decoded."""
    scores = study.result.slices if study.result else None
    place = (scores.series, scores.slice) if scores else None
    glance = shown.installation.glances.find(study)
    if glance is not None:
        return glance.pictures.get(place or (-1, -1)) or next(iter(glance.pictures.values()), None)
    if sum(one.size for one in study.instances) >= WORTH_KEEPING:
        return None
    series = shown.installation.series(study.study_id)
    place = place or middle(series)
    return series[place[0]].slices[place[1]] if place else None


def _squared(png: bytes) -> Image.Image:
    """Return a picture in the middle of a black square, so that the rows of the gallery are even."""
    picture = Image.open(io.BytesIO(png)).convert("L")
    square = Image.fromarray(np.zeros((SIDE, SIDE), np.uint8))
    square.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    return square
