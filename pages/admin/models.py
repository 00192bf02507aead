"""The deployed model: identity, operating points, and performance on folds that it was not trained on."""

import streamlit as st

from triage.domain import Finding
from triage.inference.card import MODEL_CARD
from triage.text import markdown
from triage.ui import state, tables

card = state.installation().runtime.card
points = card.operating_points

st.title("Model")
st.markdown(
    f"**{markdown(card.name)}** · {markdown(f'{card.architecture} · {card.created} · sha256 {card.sha256[:16]}…')}"
)
st.caption(markdown(card.training["summary"]))
glioma, tumour, sets = st.columns(3)
glioma.metric(
    "Glioma operating point (STAT)",
    f"{points.glioma:.3f}",
    help=markdown(card.metrics["operating_points"]["glioma"]),
)
tumour.metric(
    "Tumour operating point (URGENT)",
    f"{points.tumour:.3f}",
    help=markdown(card.metrics["operating_points"]["tumour"]),
)
sets.metric(
    "Slices with a single class",
    f"{card.metrics['test']['prediction_sets']['one_class_only']:.0%}",
    help=f"All other classes are ruled out at {card.conformal.coverage:.0%} coverage.",
)
left, right = st.columns(2, gap="large")
with left:
    st.subheader("Performance")
    st.caption(markdown(card.metrics["test"]["on"]))
    st.dataframe(tables.metrics(card.metrics["test"]["figures"]), hide_index=True)
with right:
    st.subheader("Confusion matrix")
    st.caption("True class by row, predicted class by column.")
    st.dataframe(tables.confusion(card.metrics["test"]["confusion"], list(Finding)))
    st.subheader("Outlines and heat maps")
    st.caption("Overlap with the outline of a radiologist, and how often the peak of the heat map lies inside it.")
    st.dataframe(tables.metrics(card.metrics["test"]["masks"]["figures"]), hide_index=True)
    st.subheader("Known limits")
    for limit in card.training["limits"]:
        st.markdown(f"- {markdown(limit)}")
with st.expander("Full model card: intended use, data, all metrics"):
    # Markdown by design: the administrator chooses the model folder that this file belongs to.
    st.markdown((state.installation().runtime.folder / MODEL_CARD).read_text())
