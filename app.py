"""The ASGI entry: `streamlit run app.py` serves the pages and the DICOMweb routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import streamlit as st

from triage.ui import state
from triage.web.routes import routes


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Open database and model before the first page; an unusable model stops the start with its error.

    A thread meanwhile resumes the studies that a crash left unranked.
    """
    installation = state.installation()
    _ = installation.runtime
    Thread(target=installation.resume, name="resume", daemon=True).start()
    yield
    installation.close()


app = st.App(Path(__file__).parent / "triage" / "ui" / "main.py", lifespan=lifespan, routes=routes(state.installation))
