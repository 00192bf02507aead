"""The model that serves: what it is, where it operates, how well, on folds that it was not trained on."""

import streamlit as st

from triage.domain import Finding
from triage.inference.card import MODEL_CARD
from triage.ui import state, tables

card = state.installation().runtime.card
points = card.operating_points

st.title("Model")
st.markdown(f"**{card.name}** · {card.architecture} · {card.created} · sha256 `{card.sha256[:16]}…`")
st.caption(card.training["summary"])
glioma, tumour, sets = st.columns(3)
glioma.metric("Glioma operating point (STAT)", f"{points.glioma:.3f}", help=card.metrics["operating_points"]["glioma"])
tumour.metric(
    "Tumour operating point (URGENT)", f"{points.tumour:.3f}", help=card.metrics["operating_points"]["tumour"]
)
sets.metric(
    "One class only",
    f"{card.metrics['test']['prediction_sets']['one_class_only']:.0%}",
    help=f"Slices where all other classes are ruled out at {card.conformal.coverage:.0%} coverage.",
)
left, right = st.columns(2, gap="large")
with left:
    st.subheader("Figures")
    st.caption(card.metrics["test"]["on"])
    st.dataframe(tables.figures(card.metrics["test"]["figures"]), hide_index=True)
with right:
    st.subheader("Confusion matrix")
    st.caption("True class by row, predicted class by column.")
    st.dataframe(tables.confusion(card.metrics["test"]["confusion"], list(Finding)))
    st.subheader("Masks and maps")
    st.caption("Overlap with the radiologist's outline, and whether the map's peak lies inside it.")
    st.dataframe(tables.figures(card.metrics["test"]["masks"]["figures"]), hide_index=True)
    st.subheader("Known limits")
    for limit in card.training["limits"]:
        st.markdown(f"- {limit}")
with st.expander("The whole card: intended use, data, every figure"):
    st.markdown((state.installation().runtime.folder / MODEL_CARD).read_text())
