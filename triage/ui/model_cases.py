"""Single studies on the page Models: what a model got wrong, what a second one gained and lost.

Tested in tests/pages/test_models.py.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from triage.domain import Finding, Slice
from triage.errors import TriageError
from triage.languages.speech import later, number, retold, t
from triage.learning.changes import Changes, Pair, changes, failures
from triage.records.acts import line_of
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


@dataclass(frozen=True, slots=True)
class Case:
    """A study in the gallery: what was signed, and what models said, a line each."""

    study_id: str
    called: Finding
    said: tuple[str, ...]


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
    _gallery(shown, [_of_one(one) for one in wrong])


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
    before = first.selectbox(
        t("Before"), list(names), _before(shown), format_func=lambda one: one_line(names[one]), key="f_before"
    )
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
        _gallery(shown, [_of_both(pair) for pair in pairs])


def _before(shown: Shown) -> int:
    """Return the place of the model that served before the one that does; without a promotion, of that one itself."""
    line, cards = line_of(shown.entries), list(shown.names)
    if not line or len(cards) < 2:
        return 0
    previous = line[0].against
    return cards.index(previous) if previous in cards else 0


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


def _of_one(answer: Answer) -> Case:
    return Case(answer.study_id, answer.called, (t("The model: {answer}", answer=_said(answer)),))


def _of_both(pair: Pair) -> Case:
    said = tuple(t("{name}: {answer}", name=markdown(one.name), answer=_said(one)) for one in (pair.before, pair.after))
    return Case(pair.before.study_id, pair.before.called, said)


def _said(answer: Answer) -> str:
    return f"{t(answer.predicted.label)} {number(answer.probabilities[answer.predicted], 2)}"


def _gallery(shown: Shown, cases: Sequence[Case]) -> None:
    """Draw studies side by side, each to be opened by those who may read it."""
    for start in range(0, min(len(cases), MOST), COLUMNS):
        for column, one in zip(st.columns(COLUMNS), cases[start : start + COLUMNS], strict=False):
            with column.container(border=True, height="stretch", gap="xsmall"):
                if shown.may_open:
                    _picture(shown, one.study_id)
                st.markdown(t("Signed as **{called}**", called=t(one.called.label)))
                for line in one.said:
                    st.caption(line)
                if shown.may_open and st.button(t("Open"), key=f"case_{one.study_id}", icon=":material/neurology:"):
                    state.open_study(one.study_id)
    if len(cases) > MOST:
        st.caption(t("and {count} more", count=len(cases) - MOST))


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
