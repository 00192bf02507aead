"""Patient, study and series, as the files name them. Tested in tests/pages/test_pages.py."""

from __future__ import annotations

import streamlit as st

from triage.domain import SeriesHeader, StudyHeader
from triage.languages.speech import day, duration, later, retold, t
from triage.records.views import SeriesFiles, Study
from triage.scans.formats.derivation import DERIVED
from triage.text import markdown, readable_age, readable_name
from triage.ui import state

later("Localiser")  # why a series is set aside, in one word, which the search for sentences passes over


def heading(study: Study) -> None:
    """Draw patient, study and arrival, and the details of the series in a popover."""
    header = study.header
    title, details = st.columns([2, 1], vertical_alignment="top")
    title.subheader(markdown(readable_name(header.patient_name) or study.name), anchor=False)
    lines = [" · ".join(filter(None, (_patient(header), _study(study))))]
    waited = duration(state.now() - study.arrived_at)
    arrived = t("Arrived {time}, {duration} ago", time=state.local(study.arrived_at), duration=waited)
    lines.append(f"{arrived} · {t(study.status)}")
    if set_aside := _set_aside(study):
        lines.append(t("Set aside, not scored: {reasons}", reasons=set_aside))
    # Not beside the button: the form in which the reader decides should stand in one window with it.
    st.caption("  \n".join(markdown(line) for line in lines if line))
    with details.popover(t("Series"), help=t("The series of this study, and their scanner"), width="stretch"):
        st.caption(markdown(t("Study {id}, files: {count}", id=study.study_id[:8], count=len(study.instances))))
        for item in study.series:
            name = item.header.description or t("Series")
            st.markdown(f"**{markdown(f'{item.header.number}  {name}')}**")
            st.caption(markdown(_series(item)))


def _set_aside(study: Study) -> str:
    found = [item.header for item in study.series if item.header.set_aside]
    if study.result and len(found) == len(study.series):  # derived series are scored where there are no others
        found = [header for header in found if header.set_aside != DERIVED]
    return "; ".join(map(_reason, found))


def _patient(header: StudyHeader) -> str:
    parts = (f"{t('MRN')} {header.mrn}" if header.mrn else "", header.sex, readable_age(header.age))
    return " · ".join(part for part in parts if part)


def _study(study: Study) -> str:
    header = study.header
    parts = (
        study.name if header.patient_name else "",
        day(header.study_date),
        t("Accession {number}", number=header.accession_number) if header.accession_number else "",
    )
    return " · ".join(part for part in parts if part)


def _series(item: SeriesFiles) -> str:
    header, count = item.header, sum(instance.frames for instance in item.instances)
    parts = (
        header.modality or item.instances[0].kind,
        t(header.plane.value) if header.plane else "",
        t("1 image") if count == 1 else t("{count} images", count=count),
        " × ".join(f"{value:.3g}" for value in header.spacing) + " mm" if header.spacing else "",
        header.scanner,
        t("set aside: {reason}", reason=retold(header.set_aside)) if header.set_aside else "",
    )
    return " · ".join(part for part in parts if part)


def _reason(header: SeriesHeader) -> str:
    name = header.description or t("series {number}", number=header.number)
    return f"{name} ({retold(header.set_aside)})"
