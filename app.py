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

    A thread meanwhile cleans up after a crash, receives uploads that it cut short, and resumes unranked studies.
    """
    installation = state.installation()
    _ = installation.runtime
    Thread(target=installation.recover, name="recover", daemon=True).start()
    yield
    installation.close()


app = st.App(Path(__file__).parent / "triage" / "ui" / "main.py", lifespan=lifespan, routes=routes(state.installation))
