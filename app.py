"""The ASGI entry: `streamlit run app.py` serves the pages and the DICOMweb routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from logging import getLogger
from pathlib import Path
from threading import Thread

import streamlit as st
from starlette.middleware import Middleware

from triage.pipeline.starts import note_start
from triage.ui import faults, server, state
from triage.ui.warm import warm
from triage.web.faults import Faults
from triage.web.guard import Guard
from triage.web.holding import Holding
from triage.web.language import Speaking
from triage.web.routes import routes


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Open database and model before the first page; an unusable model stops the start with its error.

    So does an address that others reach, while there are no accounts.

    One thread meanwhile cleans up after a crash, receives uploads that it cut short, and resumes unranked studies;
    another one loads what the first reader would wait for.
    """
    server.configure_logs()
    installation = state.installation()
    installation.access.check_bound(server.bound_address())
    server.tame(installation.settings.address)
    server.keep_chosen_files()
    note_start(installation.store, installation.settings, installation.runtime.card.digest)
    Thread(target=installation.recover, name="recover", daemon=True).start()
    Thread(target=warm, args=[installation], name="warm", daemon=True).start()
    getLogger("triage").info("Serving at %s", installation.settings.address or server.address())
    yield
    installation.close()


app = st.App(
    Path(__file__).parent / "triage" / "ui" / "main.py",
    lifespan=lifespan,
    routes=[*routes(state.installation), *server.pages()],
    middleware=[
        Middleware(Guard, installation=state.installation, automatic=server.is_automatic, handed_out=server.handed_out),
        Middleware(Speaking),
        Middleware(Faults),
        Middleware(Holding, installation=state.installation, cookies_of=server.cookies_of),
    ],
    on_script_error=faults.said,
)
