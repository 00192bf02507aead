"""Patient, study and series, as the files name them. Tested in tests/pages/test_pages.py."""

from __future__ import annotations

import streamlit as st

from triage.domain import SeriesHeader, StudyHeader
from triage.records.views import SeriesFiles, Study
from triage.scans.formats.derivation import DERIVED
from triage.text import markdown, readable_name
from triage.ui import state, tables


def heading(study: Study) -> None:
    """Draw patient, study and arrival, and the details of the series in a popover."""
    header = study.header
    st.subheader(markdown(readable_name(header.patient_name) or study.name), anchor=False)
    lines = [_patient(header), _study(study)]
    waited = tables.duration(state.now() - study.arrived_at)
    lines.append(f"Arrived {state.local(study.arrived_at)}, {waited} ago · {study.status}")
    text, details = st.columns([3, 1], vertical_alignment="center")
    text.caption("  \n".join(markdown(line) for line in lines if line))
    with details.popover("Series"):
        st.caption(f"Study {study.study_id[:8]}, {len(study.instances):,} file(s)")
        for item in study.series:
            st.markdown(f"**{item.header.number}  {markdown(item.header.description or 'Series')}**")
            st.caption(markdown(_series(item)))
    set_aside = [item.header for item in study.series if item.header.set_aside]
    if study.result and len(set_aside) == len(study.series):  # derived series are scored where there are no others
        set_aside = [header for header in set_aside if header.set_aside != DERIVED]
    if set_aside:
        st.caption(f":material/low_priority: Set aside, not scored: {markdown('; '.join(map(_reason, set_aside)))}")


def _patient(header: StudyHeader) -> str:
    parts = (f"MRN {header.mrn}" if header.mrn else "", header.sex, header.age)
    return " · ".join(part for part in parts if part)


def _study(study: Study) -> str:
    header = study.header
    parts = (
        study.name if header.patient_name else "",
        f"{header.study_date:%Y-%m-%d}" if header.study_date else "",
        f"Accession {header.accession_number}" if header.accession_number else "",
    )
    return " · ".join(part for part in parts if part)


def _series(item: SeriesFiles) -> str:
    header, count = item.header, sum(instance.frames for instance in item.instances)
    parts = (
        header.modality or item.instances[0].kind,
        header.plane.value if header.plane else "",
        f"{count:,} image{'s' if count != 1 else ''}",
        " × ".join(f"{value:.3g}" for value in header.spacing) + " mm" if header.spacing else "",
        header.scanner,
        f"set aside: {header.set_aside}" if header.set_aside else "",
    )
    return " · ".join(part for part in parts if part)


def _reason(header: SeriesHeader) -> str:
    return f"{header.description or f'series {header.number}'} ({header.set_aside})"
