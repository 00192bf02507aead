"""The class probabilities of a study as bars, in plain HTML: a library of charts would hold up the first picture.

Tested in tests/pages/test_pages.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from triage.domain import Finding
from triage.languages.speech import percent, t
from triage.text import html_text
from triage.ui import theme


def probabilities(values: Mapping[Finding, float]) -> None:
    """Draw the probabilities as horizontal bars, in the order of the classes."""
    rows = "".join(
        f"<tr><th scope=row style='text-align:left;font-weight:400;white-space:nowrap;padding:2px 10px 2px 0'>"
        f"{html_text(t(finding.label))}</th><td style='width:100%;padding:2px 0;white-space:nowrap'>"
        f"<div style='display:inline-block;vertical-align:middle;height:16px;"
        f"width:calc({values[finding]:.4f} * (100% - 4rem));background:{theme.palette().finding[finding]}'></div>"
        f"<span style='vertical-align:middle;padding-left:6px'>{percent(values[finding], 1)}</span></td></tr>"
        for finding in Finding
    )
    said = html_text(t("Probability of each class"))
    style = "width:100%;font-size:13px;line-height:18px;border-spacing:0"
    st.html(f"<table aria-label='{said}' style='{style}'>{rows}</table>")
