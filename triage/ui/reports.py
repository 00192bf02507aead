"""Download the report of a study as a page or FHIR, and download or send its DICOM SR and SEG.

Reports stand in the place of the form, beside the picture; the address of the page says which one does.

Tested in tests/pages/test_pages.py.
"""

from __future__ import annotations

import json

import streamlit as st

from triage.access.roles import Right
from triage.errors import TriageError
from triage.languages.speech import retold, t
from triage.pipeline.installation import Installation
from triage.records.views import Study
from triage.reports.fhir import diagnostic_report
from triage.reports.out import report_files
from triage.reports.study_report import study_report
from triage.text import file_name, markdown
from triage.ui import state

#: What the address calls the report that is shown, and its two values.
REPORT, PAGE, DICOM = "report", "page", "dicom"


def offer(study: Study) -> None:
    """Draw the buttons that open the reports; that of DICOM only if the study came as DICOM."""
    page, dicom = st.container(key="reports").columns(2)
    page.button(
        t("Report"),
        icon=":material/description:",
        width="stretch",
        help=t("One page with the readings, key images and AI result: to look at, as PDF, and as FHIR."),
        on_click=_ask,
        args=(PAGE,),
    )
    if study.header.uid:
        dicom.button(
            t("DICOM reports"),
            icon=":material/ios_share:",
            width="stretch",
            help=t("AI result, outlines and measurements as DICOM SR and SEG, for the PACS."),
            on_click=_ask,
            args=(DICOM,),
        )


def asked() -> bool:
    """Tell whether the reader wants to see a report, and not the form."""
    return st.query_params.get(REPORT) in {PAGE, DICOM}


def show(installation: Installation, study_id: str) -> None:
    """Draw the report that was asked for, and the way back to the form."""
    is_page = st.query_params[REPORT] == PAGE
    with st.container(key="report"):
        title, back = st.columns(2, vertical_alignment="center")
        title.subheader(t("Report") if is_page else t("DICOM reports"), anchor=False)
        back.button(t("Back to the reading"), icon=":material/arrow_back:", width="stretch", on_click=_close)
        draft = installation.store.drafts.get(study_id, state.reader())
        if draft is not None and draft.due_at is not None:
            held = t(
                "Your signature can still be taken back, so it is not in here yet. Open this again in a few seconds."
            )
            st.info(held, icon=":material/hourglass_top:")
        if is_page:
            _page(installation, study_id)
        else:
            _reports(installation, study_id)


def _ask(report: str) -> None:
    st.query_params[REPORT] = report


def _close() -> None:
    st.query_params.pop(REPORT, None)


def _page(installation: Installation, study_id: str) -> None:
    try:
        with st.spinner(t("Writing the report …")):
            # Matplotlib takes half a second to import, and the app should start without it.
            from triage.reports.page import report_page

            report = study_report(installation, study_id, state.now())
            shown, printed = report_page(report, "png"), report_page(report, "pdf")
            state.acting().export_report(study_id)
    except TriageError as error:
        st.error(markdown(retold(str(error))), icon=":material/error:")
        return
    pdf, fhir = st.columns(2)
    pdf.download_button(
        "PDF",
        printed,
        file_name=name_of("report", report.study, ".pdf"),
        mime="application/pdf",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        help=t("To print and to file. It names the patient."),
    )
    fhir.download_button(
        "FHIR",
        json.dumps(diagnostic_report(report, printed), ensure_ascii=False),
        file_name=name_of("report", report.study, ".fhir.json"),
        mime="application/fhir+json",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        help=t("DiagnosticReport (R4) with the PDF in it, for the hospital information system. It names the patient."),
    )
    st.image(shown, width="stretch")


def name_of(kind: str, study: Study, suffix: str) -> str:
    """Return what the file of a report is called: with the accession number or its pseudonym, and the study date."""
    taken = study.header.study_date or study.arrived_at.date()
    return file_name(kind, study.header.accession_number or study.study_id[:8], taken.isoformat(), suffix=suffix)


def _reports(installation: Installation, study_id: str) -> None:
    try:
        with st.spinner(t("Writing the reports …")):
            study = installation.store.study(study_id)
            files = report_files(installation, study_id)
            if files:
                state.acting().export_report(study_id, dicom=len(files))
    except TriageError as error:
        st.error(markdown(retold(str(error))), icon=":material/error:")
        return
    if not files:
        st.info(
            t("This study has no AI result, signed outline or measurement to report. Sign it, then come back."),
            icon=":material/info:",
        )
        return
    st.caption(
        t(
            "The AI result (SR, SEG), not the finding of a reader, and what readers signed: measurements (SR-reader) "
            "and outlines (SEG-reader). Each report refers to the instances that it is based on."
        )
    )
    for kind, data in files:
        name = name_of(kind.removesuffix(".dcm"), study, ".dcm")
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
        st.caption(t("To send them to a PACS, set `TRIAGE_STOW_TARGET` to its DICOMweb address."))
    elif state.person().may(Right.SEND) and st.button(t("Send to the PACS"), icon=":material/send:", type="primary"):
        try:
            with st.spinner(t("Sending …")):
                count = state.acting().send(study_id)
        except TriageError as error:
            st.error(markdown(retold(str(error))), icon=":material/error:")
        else:
            st.success(t("Reports sent: {count}.", count=count), icon=":material/check_circle:")
