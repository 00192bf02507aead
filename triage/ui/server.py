"""What the guard needs to know of Streamlit's server, and what that server is told."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from streamlit import config, file_util, runtime
from streamlit import logger as loggers
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import get_script_run_ctx
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from triage import logs
from triage.settings import ROOT
from triage.web.forwarded import Forwarded, proxies
from triage.web.handed_out import MEDIA
from triage.web.headers import AT_THE_ROOT
from triage.web.patience import bounded

#: Largest message of a page: bytes. One that chooses a folder of 20,000 files sends their names in 7 MB.
MAX_MESSAGE = 8 * 2**20


def configure_logs() -> None:
    """Write all logs in one form; Streamlit gives each of its loggers, also later ones, a handler of its own."""
    loggers.setup_formatter = logs.adopt
    logs.configure()


def address() -> str:
    """Return where the server is reached from this computer."""
    return f"http://localhost:{config.get_option('server.port')}"


def bound_address() -> str:
    """Return the address that the server listens on; Streamlit listens on all of them if none is set."""
    return str(config.get_option("server.address") or "0.0.0.0")  # noqa: S104 - it is asked for, not bound


def tame(address: str) -> None:
    """Keep name and version of the web server out of its answers, and its connections within limits.

    Streamlit makes that server without asking, and the server believes this computer whatever address it claims.

    Parameters
    ----------
    address
        Of the installation.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    configuration = getattr(server, "config", None)
    if configuration is not None:
        configuration.encoded_headers = [pair for pair in configuration.encoded_headers if pair[0] != b"server"]
        configuration.http_protocol_class = bounded(configuration.http_protocol_class)
        configuration.ws_max_size = MAX_MESSAGE  # before: 200 MB, and a message is kept until all of it is there
        believing = configuration.loaded_app
        if isinstance(believing, ProxyHeadersMiddleware):
            configuration.loaded_app = Forwarded(believing.app, proxies(address))


def keep_chosen_files() -> None:
    """Let a browser that has chosen files learn where to send them, although the page is drawn anew meanwhile.

    Streamlit clears the messages that wait for a browser when a page begins to be drawn, this answer among them; the
    browser waits for it for ever, and shows none of the files.
    """
    clear = ForwardMsgQueue.clear

    def clear_but_answers(
        queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
    ) -> None:
        waiting = queue._queue if retain_lifecycle_msgs and fragment_ids_this_run is None else []
        answers = [one for one in waiting if one.HasField("file_urls_response")]
        clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)
        queue._queue += [one for one in answers if one not in queue._queue]  # none twice, should Streamlit keep it

    ForwardMsgQueue.clear = clear_but_answers  # type: ignore[method-assign,assignment]


def pages() -> list[Route]:
    """Return the routes of the pages: Streamlit's own, which is told that the server answers at the root.

    It would ask below the address of the page first (`/review/_stcore/health`), because a proxy may have put it there.
    To answer that is no way out: Streamlit would take `/review` for the root of all pages.
    """
    document = (Path(file_util.get_static_dir()) / "index.html").read_text()
    told = document.replace("<head>", f"<head><script>{AT_THE_ROOT}</script>", 1)

    def page(_: Request) -> Response:
        return HTMLResponse(told)

    return [Route(f"/{one.stem}", page) for one in sorted((ROOT / "pages").glob("*/*.py"))]


def is_automatic(message: bytes) -> bool:
    """Return whether a page sent a message by itself: part of it that draws itself again every few seconds."""
    try:
        return bool(BackMsg.FromString(message).rerun_script.is_auto_rerun)
    except Exception:  # no message of Streamlit; what it is, its server says
        return False


def handed_out(message: bytes) -> Iterator[str]:
    """Give the addresses of files, and the number of the page, that a message to a page hands out.

    Text of a file or a person may look like such an address, so only what is one to Streamlit counts.
    """
    try:
        sent = ForwardMsg.FromString(message)
    except Exception:  # no message of Streamlit
        return
    if sent.HasField("new_session"):
        yield sent.new_session.initialize.session_id
    if MEDIA.encode() in message:
        yield from _addresses(sent)


def _addresses(part: Any) -> Iterator[str]:
    for field, value in part.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for one in value if isinstance(value, Iterable) else [value]:
                yield from _addresses(one)
        elif field.name == "url" and str(value).startswith(MEDIA):
            yield str(value)


def cookies_of(page: str) -> Mapping[str, str] | None:
    """Return the cookies with which a page was opened, by its number in Streamlit; None if it is not open."""
    client = runtime.get_instance().get_client(page) if runtime.exists() else None
    context = client.client_context if client is not None else None
    return context.cookies if context is not None else None


def page_number() -> str:
    """Return the number of the page that is drawn."""
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""
