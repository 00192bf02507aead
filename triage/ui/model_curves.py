"""ROC curves and reliability on the site's own signed studies. Tested in tests/pages/test_models.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from triage.domain import Finding
from triage.insights import FEWEST, Share, enough
from triage.languages.speech import number, t
from triage.learning.curves import Bin, Roc, reliability, roc
from triage.records.answers import Answer
from triage.text import html_text, markdown, one_line
from triage.ui import theme
from triage.ui.charts import layout
from triage.ui.model_page import Shown

QUIET = {"displayModeBar": False}
#: Dashes of lines, so that models are told apart without colours too.
DASHES = ("solid", "dash", "dot", "dashdot")


def draw(shown: Shown) -> None:
    """Draw both charts of the models that the person chooses."""
    names = shown.names
    if not names:
        st.info(
            t(
                "No study is settled yet, so there is nothing to draw. Sign readings on the page **Review**; "
                "candidates are compared once they score in shadow."
            ),
            icon=":material/info:",
        )
        return
    chosen = st.multiselect(
        t("Models"),
        list(names),
        list(names)[:2],
        format_func=lambda card: one_line(names[card]),
        max_selections=len(DASHES),
        key="f_curves",
    )
    st.caption(
        t(
            "Cards state figures, not curves. These are computed from the signed, settled studies of this site: glioma "
            "against all other classes, with 95 % intervals over patients. Readers saw what the model that served said "
            "before they signed, unless they read blind; that favours it."
        )
    )
    of_models = in_common(shown.answers, chosen)
    count = max((len(found) for found in of_models.values()), default=0)
    st.caption(t("Counted are the {count} settled studies that all chosen models judged.", count=count))
    left, right = st.container(key="stack").columns(2, gap="large")
    with left:
        st.subheader(t("ROC curve"), anchor=False)
        drawn: dict[str, Roc] = {}
        for card, answers in of_models.items():
            curve = roc(answers)
            if curve is not None and enough(curve.gliomas, curve.others):
                drawn[names[card]] = curve
                continue
            gliomas = sum(one.called is Finding.GLIOMA for one in answers)
            said = t(
                "{name}: too few for a curve (gliomas: {gliomas}, other studies: {others}); it takes {fewest} of each.",
                name=markdown(names[card]),
                gliomas=gliomas,
                others=len(answers) - gliomas,
                fewest=FEWEST,
            )
            st.caption(said)
        if drawn:
            st.plotly_chart(roc_chart(drawn), key="roc", config=QUIET)
        for name, curve in drawn.items():
            st.caption(_auroc(name, curve))
    with right:
        st.subheader(t("Reliability"), anchor=False)
        st.plotly_chart(
            reliability_chart({names[card]: reliability(answers) for card, answers in of_models.items() if answers}),
            key="reliability",
            config=QUIET,
        )
        st.caption(t("On the line, of the studies with P(glioma) 0.7 seven in ten are gliomas. Bars: 95 % (Wilson)."))


def in_common(answers: Sequence[Answer], cards: Sequence[str]) -> dict[str, list[Answer]]:
    """Return what each of some models said of the studies that all of them judged, in one order."""
    found = {(one.card, one.study_id): one for one in answers}
    studies = [study_id for card, study_id in found if card == cards[0]] if cards else []
    common = [one for one in studies if all((card, one) in found for card in cards)]
    return {card: [found[card, one] for one in common] for card in cards}


def roc_chart(curves: Mapping[str, Roc]) -> go.Figure:
    """Return ROC curves by the name of their model."""
    figure = go.Figure()
    for (name, curve), dash, colour in zip(curves.items(), DASHES, _colours(), strict=False):
        figure.add_scatter(
            x=list(curve.false_alarms),
            y=list(curve.sensitivity),
            name=html_text(name),
            mode="lines",
            line={"dash": dash, "color": colour, "width": 2, "shape": "hv"},
            hovertemplate=t("%{y:.0%} of the gliomas found at %{x:.0%} false alarms") + "<extra></extra>",
        )
    return _square(figure, t("false alarms, of the other studies"), t("gliomas found"))


def reliability_chart(of_models: Mapping[str, tuple[Bin, ...]]) -> go.Figure:
    """Return how often studies with about the same P(glioma) were gliomas, by the name of the model."""
    figure = go.Figure()
    for (name, bins), dash, colour in zip(of_models.items(), DASHES, _colours(), strict=False):
        figure.add_scatter(
            x=[one.stated for one in bins],
            y=[one.found.value for one in bins],
            customdata=[one.found.count for one in bins],
            error_y=_bars([one.found for one in bins], colour),
            name=html_text(name),
            mode="lines+markers",
            line={"dash": dash, "color": colour, "width": 1},
            hovertemplate=t("P(glioma) %{x:.2f}: %{y:.0%} of %{customdata} studies are gliomas") + "<extra></extra>",
        )
    return _square(figure, t("mean P(glioma)"), t("signed as glioma"))


def _bars(shares: list[Share], colour: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [one.high - one.value for one in shares],
        "arrayminus": [one.value - one.low for one in shares],
        "color": colour,
        "thickness": 1,
    }


def _square(figure: go.Figure, along: str, up: str) -> go.Figure:
    """Give both axes the range of a share, and draw the diagonal."""
    palette = theme.palette()
    figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"color": palette.muted, "width": 1, "dash": "dot"})
    axis = {
        "range": [-0.02, 1.02],
        "gridcolor": palette.grid,
        "tickformat": ".0%",
        "dtick": 0.2,
        "automargin": True,
        "zeroline": False,
    }
    figure.update_layout(
        **layout() | {"margin": {"l": 0, "r": 24, "t": 4, "b": 0}},
        height=380,
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        xaxis={**axis, "title": {"text": along, "standoff": 10}},
        yaxis={**axis, "title": {"text": up, "standoff": 4}},
    )
    return figure


def _colours() -> tuple[str, ...]:
    palette = theme.palette()
    colours = list(palette.finding.values())
    return (colours[3], colours[1], colours[2], palette.muted)


def _auroc(name: str, curve: Roc) -> str:
    found = curve.auroc
    interval = t("{low} to {high}", low=number(found.low, 3), high=number(found.high, 3))
    return t(
        "{name}: AUROC {value} ({interval}), {gliomas} gliomas and {others} other studies.",
        name=markdown(name),
        value=number(found.value, 3),
        interval=interval,
        gliomas=curve.gliomas,
        others=curve.others,
    )
