"""What administrators see on every page, and readers beside a study, while record or model are not as they should be.

Tested in tests/pages/test_pages.py.
"""

from __future__ import annotations

from collections import Counter

import streamlit as st

from triage.errors import ModelError
from triage.languages.speech import number, retold, t
from triage.pipeline.installation import Installation
from triage.text import markdown
from triage.ui import state


def warn_reader(installation: Installation) -> None:
    """Draw beside a study that the record was changed; otherwise nothing."""
    verified = installation.watch.last()
    if verified is not None and verified.damaged:
        said = t("Compare patient and pictures with the PACS before you sign. An administrator sees what was changed.")
        st.error(f"**{t('The record was changed behind its back.')}** {said}", icon=":material/gpp_bad:")


def warn_of_model(installation: Installation) -> None:
    """Draw a banner if the promoted model does not serve, or none does; otherwise nothing."""
    if not installation.store.registry.turn():
        return  # without a promotion the server does not start with a model that may not serve
    try:
        trouble = installation.serving.current().trouble
    except ModelError as error:
        trouble = str(error)
    if trouble:
        st.error(markdown(retold(trouble)), icon=":material/error:")


def warn(installation: Installation) -> None:
    """Draw a banner if the last verification found damage; otherwise nothing."""
    verified = installation.watch.last()
    if verified is None or not verified.damaged:
        return
    counts = Counter(one.kind for one in verified.damage)
    found = ", ".join(f"{t(kind)} ({number(count)})" for kind, count in counts.items())
    said = [
        f"**{t('The record was changed behind its back.')}**",
        t("Found at {time}: {found}.", time=state.local(verified.at), found=found),
    ]
    if verified.damage:
        said.append(t("The first row: {damage}.", damage=markdown(retold(str(verified.damage[0])))))
    said.append(t("For all rows: `python -m triage verify`"))
    st.error(" ".join(said), icon=":material/gpp_bad:")
