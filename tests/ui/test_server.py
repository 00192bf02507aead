"""What Streamlit is told and tells: only what is an address to it is handed out, whatever a text looks like."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from triage.ui import server, state
from triage.web.headers import AT_THE_ROOT

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


def test_every_page_says_where_its_server_answers() -> None:
    """Or Streamlit asks below the address of the page first, and is answered 404."""
    found = {route.path: route.endpoint(Request({"type": "http"})) for route in server.pages()}
    for page in (state.WORKLIST, state.REVIEW, state.UPLOAD, state.MODELS, state.AUDIT):
        answer = found[f"/{page.stem}"]
        assert answer.media_type == "text/html"
        before, _, after = answer.body.decode().partition(f"<script>{AT_THE_ROOT}</script>")
        assert before.endswith("<head>")
        assert '<script type="module"' in after, "it is read before Streamlit's own modules"


def test_a_page_that_is_drawn_anew_forgets_no_files_that_were_just_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser has asked where to send them; the answer waited with what belongs to the page of before."""
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)  # put back after the test
    for _ in range(2):  # a server that is started twice in a process
        server.keep_chosen_files()
    queue, answer, drawn = ForwardMsgQueue(), ForwardMsg(), ForwardMsg()
    answer.file_urls_response.response_id = "asked"
    drawn.delta.new_element.markdown.body = "of the page of before"
    for one in (drawn, answer):
        queue.enqueue(one)
    queue.clear(retain_lifecycle_msgs=True)
    assert queue.flush() == [answer]
    assert queue.flush() == [], "it is sent once"
