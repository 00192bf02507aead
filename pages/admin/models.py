"""The deployed model: identity, operating points, and performance on folds that it was not trained on."""

import streamlit as st

from triage.access.roles import Right
from triage.domain import Finding
from triage.inference.card import MODEL_CARD
from triage.languages.speech import number, percent, t
from triage.text import markdown
from triage.ui import state, tables

state.require(Right.MODEL)
card = state.installation().runtime.card
points = card.operating_points

st.title(t("Model"))
st.markdown(
    f"**{markdown(card.name)}** · {markdown(f'{card.architecture} · {card.created} · sha256 {card.sha256[:16]}…')}"
)
st.caption(markdown(card.training["summary"]))
glioma, tumour, sets = st.columns(3)
glioma.metric(
    t("Glioma operating point (STAT)"),
    number(points.glioma, 3),
    help=markdown(card.metrics["operating_points"]["glioma"]),
)
tumour.metric(
    t("Tumour operating point (URGENT)"),
    number(points.tumour, 3),
    help=markdown(card.metrics["operating_points"]["tumour"]),
)
sets.metric(
    t("Slices with a single class"),
    percent(card.metrics["test"]["prediction_sets"]["one_class_only"]),
    help=t("All other classes are ruled out at {coverage} coverage.", coverage=percent(card.conformal.coverage)),
)
left, right = st.container(key="stack").columns(2, gap="large")
with left:
    st.subheader(t("Performance"))
    st.caption(markdown(card.metrics["test"]["on"]))
    st.dataframe(tables.metrics(card.metrics["test"]["figures"]), hide_index=True, height="content")
with right:
    st.subheader(t("Confusion matrix"))
    st.caption(t("True class by row, predicted class by column."))
    st.dataframe(tables.confusion(card.metrics["test"]["confusion"], list(Finding)))
    st.subheader(t("Outlines and heat maps"))
    said = t("Overlap with the outline of a radiologist, and how often the peak of the heat map lies inside it.")
    st.caption(said)
    st.dataframe(tables.metrics(card.metrics["test"]["masks"]["figures"]), hide_index=True)
    st.subheader(t("Known limits"))
    for limit in card.training["limits"]:
        st.markdown(f"- {markdown(limit)}")
with st.expander(t("Full model card: intended use, data, all metrics")):
    # Markdown by design: the administrator chooses the model folder that this file belongs to.
    st.markdown((state.installation().runtime.folder / MODEL_CARD).read_text())
