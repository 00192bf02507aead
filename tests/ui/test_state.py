from __future__ import annotations

from streamlit.testing.v1 import AppTest

from triage.access.names import MAX_NAME as MAX_READER


def _show_reader() -> None:
    import streamlit as st

    from triage.ui import state

    st.text(state.reader())


def test_the_name_of_a_reader_is_visible_and_short() -> None:
    app = AppTest.from_function(_show_reader, default_timeout=60)
    for entered, name in ((" Dr.\u202e Ada\u2028 ", "Dr. Ada"), ("a" * 300, "a" * MAX_READER), ("\u200b ", "")):
        app.session_state["reader"] = entered
        app.run()
        assert [text.value for text in app.text] == [name]


def test_nobody_is_named_at_first() -> None:
    assert [text.value for text in AppTest.from_function(_show_reader, default_timeout=60).run().text] == [""]
