"""The ASGI entry: `streamlit run app.py` serves the pages; routes and middleware stand beside them here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import streamlit as st


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Bring the record up to date before the first page; beside the pages, rank what a crash left unranked."""
    from triage.ui.state import pipeline

    Thread(target=pipeline().resume, name="resume", daemon=True).start()
    yield


app = st.App(Path(__file__).parent / "triage" / "ui" / "main.py", lifespan=lifespan)
