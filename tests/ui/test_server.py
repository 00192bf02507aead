"""What a message of Streamlit to a page hands out: only what is an address to Streamlit, whatever a text looks like."""

from __future__ import annotations

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from triage.ui import server

ADDRESS = f"/media/{'3f' * 28}.png"


def message(kind: str, value: str) -> bytes:
    sent = ForwardMsg()
    element = sent.delta.new_element
    match kind:
        case "picture":
            element.imgs.imgs.add().url = value
        case "download":
            element.download_button.url = value
        case "text":
            element.markdown.body = value
        case "table":
            element.dataframe.arrow_data.data = value.encode()
        case "name of a picture":
            element.imgs.imgs.add().caption = value
        case "link":
            element.link_button.url = f"https://elsewhere.invalid{value}"
    return sent.SerializeToString()


@pytest.mark.parametrize("kind", ["picture", "download"])
def test_the_address_of_a_file_is_handed_out(kind: str) -> None:
    assert list(server.handed_out(message(kind, ADDRESS))) == [ADDRESS]


@pytest.mark.parametrize("kind", ["text", "table", "name of a picture", "link"])
def test_text_that_looks_like_one_is_not(kind: str) -> None:
    assert list(server.handed_out(message(kind, ADDRESS))) == []


def test_the_number_of_a_page_is_handed_out() -> None:
    sent = ForwardMsg()
    sent.new_session.initialize.session_id = "number"
    assert list(server.handed_out(sent.SerializeToString())) == ["number"]
    assert list(server.handed_out(b"\xff no message")) == []
