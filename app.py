"""The ASGI entry: `streamlit run app.py` serves the pages; routes and middleware stand beside them here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import streamlit as st

from triage.ui import state
from triage.web.routes import routes


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Open record and model before the first page; a model that cannot be used stops the start and says why.

    Beside the pages, what a crash left unranked is ranked.
    """
    installation = state.installation()
    _ = installation.runtime
    Thread(target=installation.resume, name="resume", daemon=True).start()
    yield
    installation.close()


app = st.App(Path(__file__).parent / "triage" / "ui" / "main.py", lifespan=lifespan, routes=routes(state.installation))
