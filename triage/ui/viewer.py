"""The viewer on the review page: it lives in the browser, asks `triage.web.slices` for pixels, and reruns nothing.

Tested in tests/e2e/test_viewer.py and tests/pages/test_pages.py.
"""

from __future__ import annotations

import streamlit as st

from triage.languages.speech import day, retold, t
from triage.records.glances import version_of
from triage.records.views import Study
from triage.settings import ROOT
from triage.text import one_line, readable_age, readable_name
from triage.web.modules import addresses

FOLDER = ROOT / "assets" / "viewer"
#: The modules are imported by their address, so that browsers keep them and they can import each other; all of them
#: at once, or each would wait for the one that needs it.
SCRIPT = """
export default function ({ data, parentElement }) {
  const host = parentElement.querySelector("#viewer");
  const [loaded] = data.modules.map((address) => import(new URL(address, document.baseURI).href));
  loaded.then((viewer) => viewer.open(host, data));
  return () => loaded.then((viewer) => viewer.close(host));
}
"""
_viewer = st.components.v2.component(
    "viewer",
    html=(FOLDER / "viewer.html").read_text(),
    css=(FOLDER / "viewer.css").read_text(),
    js=SCRIPT,
    isolate_styles=False,  # the page gives the focus back to the element `viewer`
)


def draw(study: Study, *, of: str, following: str | None = None, blind: bool = False) -> None:
    """Draw the viewer.

    Parameters
    ----------
    study
        The study.
    of
        Who reads it: what one person set is not kept for the next one in the same tab.
    following
        The study that will be read next; the server decodes it meanwhile.
    blind
        Whether the AI's answer is hidden: map, outline, bar of slices, most suspicious slice.
    """
    _viewer(
        key="viewer",
        data={
            "study": study.study_id,
            "of": of,
            "banner": banner(study),
            "next": following or "",
            "blind": blind,
            "readings": len(study.readings),  # one more: marks of others may be seen now
            # Others: slices or a result came, and the viewer shows them.
            "version": version_of(study),
            "model": "" if blind else study.shown.model,
            "modules": list(addresses("main.js")),
        },
    )


def banner(study: Study) -> str:
    """Return who the patient is and which study it is, as the files name them, on one line."""
    header = study.header
    parts = (
        readable_name(header.patient_name) or study.name,
        header.sex,
        readable_age(header.age),
        t("born {day}", day=day(header.birth_date)) if header.birth_date else "",
        f"{t('MRN')} {header.mrn}" if header.mrn else "",
        t("Accession {number}", number=header.accession_number) if header.accession_number else "",
        day(header.study_date),
        *map(retold, study.merged),
    )
    return one_line(" · ".join(part for part in parts if part))
