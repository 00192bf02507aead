"""An export of readings that a session made and can download. Tested in tests/pages/test_pages.py."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from triage.errors import TriageError
from triage.languages.speech import later, retold, t
from triage.learning.entries import Export
from triage.pipeline.installation import Installation
from triage.records.files import UNFINISHED
from triage.text import markdown
from triage.ui import state

CONTENTS = later("""
The ZIP holds every study that you signed:

* its slices as PNG, as the network received them: burned-in text and the shape of the face stay in the pixels
* a table of studies: label, who signed which stage, AI result, part for training, validation or test
* a table of slices: label, plane, sequence, spacing, AI result
* a table of all readings of these studies, those of other readers included: class, decision, reason, confidence
* a data card: what the data set holds by class, part, sequence, scanner, sex and age, and its limits

It never holds patients' names, MRNs, accession numbers or birth dates. Train on it with `python -m triage train`.
""")
IDENTIFIED = later("The tables then name the readers, and comments and series descriptions can name a patient.")


class ReadyExport:
    """A ZIP on disk that is removed when the session ends or makes another one.

    Parameters
    ----------
    installation
        Whose readings are exported.
    reader
        Only studies that this reader signed.
    deidentified
        Leave out readers' names, free text and exact times.
    progress
        Called with the number of studies written and the number of all studies.

    Raises
    ------
    StorageError
        If the ZIP cannot be written.
    """

    def __init__(
        self, installation: Installation, reader: str, *, deidentified: bool, progress: Callable[[int, int], None]
    ) -> None:
        # The prefix lets the next start remove what a killed process left.
        folder = Path(tempfile.mkdtemp(dir=installation.files.folder, prefix=UNFINISHED))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = folder / "neurotriage-readings.zip"
        self.reader = reader
        self.deidentified = deidentified
        self.export: Export = state.acting().export(self.path, deidentified=deidentified, progress=progress)


def ask(installation: Installation, reader: str) -> None:
    """Draw what a data set contains and whether to de-identify it, and make it."""
    with st.expander(t("Make a data set (ZIP)"), icon=":material/archive:"):
        st.markdown(t(CONTENTS))
        discreet = st.checkbox(
            t("De-identify"),
            value=True,
            help=t("Readers get numbers, times become months, comments and other free text are left out."),
        )
        if not discreet:
            st.warning(t(IDENTIFIED), icon=":material/privacy_tip:")
        if st.button(t("Make it"), type="primary", icon=":material/archive:"):
            _make(installation, reader, deidentified=discreet)


def _make(installation: Installation, reader: str, *, deidentified: bool) -> None:
    st.session_state.pop("ready_export", None)
    bar = st.progress(0.0, t("Exporting studies"))

    def show(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), t("Exported {done} of {total} studies", done=done, total=total))

    try:
        st.session_state.ready_export = ReadyExport(installation, reader, deidentified=deidentified, progress=show)
    except TriageError as error:
        st.error(markdown(retold(str(error))), icon=":material/error:")
    bar.empty()
