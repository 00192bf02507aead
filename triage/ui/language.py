"""The language of the pages: that of the browser, unless the reader chose one.

Tested in tests/e2e/test_languages.py.
"""

from __future__ import annotations

import streamlit as st

from triage.languages.catalogue import LANGUAGES, preferred
from triage.languages.speech import begin, language, otherwise, t
from triage.settings import ROOT
from triage.ui import state
from triage.web.language import COOKIE

#: Name under which the choice of a reader is kept.
CHOICE = "language"


def _locale() -> str:
    """Return the locale of the page; the cookie is that of its first request, so it never changes while it is open."""
    accepted = st.context.headers.get("Accept-Language") or st.context.locale or ""
    return preferred(st.context.cookies.get(COOKIE, ""), accepted)


otherwise(_locale)


def settle() -> None:
    """Ask once for this run of the page, and not for each of its sentences."""
    begin(_locale())


def name_uploader() -> None:
    """Say in the language what the uploader of Streamlit says in English only."""
    if language() == "en":
        return
    limit = t("At most {size} MB for each file", size=st.get_option("server.maxUploadSize"))
    zone = '[data-testid="stFileUploaderDropzone"]'
    small = f'{zone} [data-testid="stFileUploaderDropzoneInstructions"] span'
    st.html(
        f"<style>{zone} button p, {small} {{ font-size: 0; }} "
        f'{zone} button p::after {{ content: "{t("Choose")}"; font-size: 0.875rem; }} '
        f'{small}::after {{ content: "{limit}"; font-size: 0.875rem; }}</style>'
    )


def choose() -> None:
    """Offer the languages; another one loads the page again, since scripts in the browser keep theirs."""
    preferences, name, now = state.installation().store.preferences, state.reader(), language()
    st.segmented_control(
        "English / Deutsch",
        list(LANGUAGES),
        default=now,
        format_func=LANGUAGES.__getitem__,
        required=True,
        key="language",
        label_visibility="collapsed",
    )
    wanted = st.session_state.language
    if wanted != now:
        if name:
            preferences.keep(name, CHOICE, {"code": wanted})
    elif name and st.session_state.get("language_of") != name:
        st.session_state.language_of = name
        kept = preferences.of(name, CHOICE).get("code", now)
        wanted = kept if kept in LANGUAGES else now
    if wanted != now:
        load = st.components.v2.component("language", js=(ROOT / "assets" / "language.js").read_text())
        load(data={"cookie": COOKIE, "value": wanted}, key="load_language", height=1)
