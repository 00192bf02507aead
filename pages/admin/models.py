"""The model that serves: what it is, where it operates, how well, on folds that it was not trained on."""

import streamlit as st

from triage.domain import Finding
from triage.ui import state, tables

card = state.pipeline().runtime.card
points = card.operating_points

st.title("Model")
st.markdown(f"**{card.name}** · {card.architecture} · {card.created} · sha256 `{card.sha256[:16]}…`")
st.caption(card.training["summary"])
glioma, tumour, temperature = st.columns(3)
glioma.metric("Glioma operating point (STAT)", f"{points.glioma:.3f}", help=card.metrics["operating_points"]["glioma"])
tumour.metric(
    "Tumour operating point (URGENT)", f"{points.tumour:.3f}", help=card.metrics["operating_points"]["tumour"]
)
temperature.metric("Temperature", f"{card.temperature:.2f}", help="Logits are divided by it before the softmax.")
left, right = st.columns(2, gap="large")
with left:
    st.subheader("Figures")
    st.caption(card.metrics["test"]["on"])
    st.dataframe(tables.figures(card.metrics["test"]["figures"]), hide_index=True)
with right:
    st.subheader("Confusion matrix")
    st.caption("True class by row, predicted class by column.")
    st.dataframe(tables.confusion(card.metrics["test"]["confusion"], list(Finding)))
    st.subheader("Known limits")
    for limit in card.training["limits"]:
        st.markdown(f"- {limit}")
