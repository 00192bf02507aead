"""Download or send the AI result as DICOM SR and SEG. Tested in tests/pages/test_pages.py."""

from __future__ import annotations

import streamlit as st

from triage.errors import TriageError
from triage.pipeline.installation import Installation
from triage.records.views import Study
from triage.reports.out import report_files, send_reports
from triage.text import markdown


def offer(installation: Installation, study: Study) -> None:
    """Draw the button that opens the reports; nothing if no DICOM file was scored that they could refer to."""
    if study.result is None or not study.header.uid:
        return
    if st.button("DICOM reports", icon=":material/ios_share:", help="The AI result as DICOM, for the PACS."):
        _reports(installation, study.study_id)


@st.dialog("DICOM reports")
def _reports(installation: Installation, study_id: str) -> None:
    try:
        with st.spinner("Writing the reports …"):
            files = report_files(installation, study_id)
    except TriageError as error:
        st.error(markdown(str(error)), icon=":material/error:")
        return
    if not files:
        st.info("This study has no result that can be reported.", icon=":material/info:")
        return
    st.caption("The AI result, not the finding of a reader. Each report refers to the instances that it is based on.")
    for name, data in files:
        st.download_button(
            markdown(name),
            data,
            file_name=name,
            mime="application/dicom",
            icon=":material/download:",
            on_click="ignore",
        )
    target = installation.settings.stow_target
    if not target:
        st.caption("To send them to a PACS, set `TRIAGE_STOW_TARGET` to its DICOMweb address.")
    elif st.button("Send to the PACS", icon=":material/send:", type="primary"):
        try:
            with st.spinner("Sending …"):
                count = send_reports(installation, study_id)
        except TriageError as error:
            st.error(markdown(str(error)), icon=":material/error:")
        else:
            st.success(f"Sent {count} report(s).", icon=":material/check_circle:")
