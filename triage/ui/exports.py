"""An export of readings that a session made and can download. Tested in tests/pages/test_pages.py."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from triage.errors import TriageError
from triage.languages.speech import later, number, retold, t
from triage.learning.entries import Export
from triage.pipeline.installation import Installation
from triage.records.called import called
from triage.records.files import UNFINISHED
from triage.text import markdown
from triage.ui import state, tables

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
    with st.expander(t("Make a data set (ZIP)"), icon=":material/archive:", width=960):
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
        ready: ReadyExport | None = st.session_state.get("ready_export")
        if ready and ready.reader == reader and ready.path.is_file():
            _offer(installation, ready)


def _offer(installation: Installation, ready: ReadyExport) -> None:
    """Draw what was made, where it was asked for."""
    made = ready.export
    st.caption(
        t(
            "Studies: {studies} · readings: {readings} · slices: {slices}, with a label: {labelled}, contradicted by a "
            "copy: {contradicted}, known to the model: {copies}. {identity}. Readings that you sign from now on need a "
            "new data set.",
            studies=made.studies,
            readings=made.readings,
            slices=made.slices,
            labelled=made.labelled,
            contradicted=made.contradicted,
            copies=made.copies if made.compared_with else t("not compared"),
            identity=t("De-identified" if ready.deidentified else "Not de-identified"),
        )
    )
    st.download_button(
        t("Download ({size} MB)", size=number(ready.path.stat().st_size / 2**20, 1)),
        ready.path.read_bytes,  # when it is asked for, not before
        file_name=ready.path.name,
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",  # a rerun beside the download would replace the file while it is being written
    )
    if made.notes:
        st.write(t("Studies of which slices or labels are missing:"))
        names = called(installation.store.read, [study_id for study_id, _ in made.notes])
        missing = pd.DataFrame(
            {
                "study": [names.get(study_id, study_id) for study_id, _ in made.notes],
                "reason": [retold(reason) for _, reason in made.notes],
                "id": [study_id for study_id, _ in made.notes],
            }
        )
        columns = tables.missing_columns()
        st.dataframe(missing, hide_index=True, column_config=columns, row_height=tables.row_height(missing, columns))


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
