"""The answers to an upload: by what was sent, each with where its study stands now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from triage.domain import Outcome, Receipt, StudyStatus
from triage.languages.speech import number, retold, t
from triage.pipeline.intake import STORED
from triage.pipeline.spool import ALREADY_HERE
from triage.records.worklist_views import Standing
from triage.text import markdown, one_line, readable_name
from triage.ui import state

ICONS = {
    Outcome.ACCEPTED: ":green[:material/check_circle:]",
    Outcome.ALREADY_HERE: ":blue[:material/content_copy:]",
    Outcome.CONFLICT: ":orange[:material/warning:]",
    Outcome.DISCARDED: ":orange[:material/delete:]",
    Outcome.REFUSED: ":red[:material/cancel:]",
}
#: Of a file that was stored, and that the AI cannot use.
UNUSED = ":orange[:material/check_circle:]"
#: Answers on the page; thousands would slow the browser down.
MAX_LINES = 100
WIDTHS = (4, 5, 1.2)  # names of files are longer than what is said of most


@dataclass(frozen=True, slots=True)
class Line:
    """One answer: the first receipt of those alike, and the number of others."""

    receipt: Receipt
    others: int


def lines(receipts: Sequence[Receipt]) -> list[Line]:
    """Return one line for all receipts with the same source, study, outcome and message, what needs attention first.

    A study of hundreds of slices would fill the page with equal lines. A refused file belongs to no study and has a
    line of its own.
    """
    groups: dict[object, list[Receipt]] = {}
    for at, receipt in enumerate(receipts):
        alike = (receipt.source, receipt.study_id, receipt.outcome, receipt.message)
        groups.setdefault(alike if receipt.study_id else at, []).append(receipt)
    found = [Line(alike[0], len(alike) - 1) for alike in groups.values()]
    return sorted(found, key=lambda line: -list(Outcome).index(line.receipt.outcome))


def by_source(chosen: Iterable[Line], receipts: Iterable[Receipt]) -> dict[str, list[Line]]:
    """Return the lines by the archive that their files came in, in the order in which these were sent."""
    found: dict[str, list[Line]] = {receipt.source: [] for receipt in receipts}
    for line in chosen:
        found[line.receipt.source].append(line)
    return {source: some for source, some in found.items() if some}


def counted(receipts: Iterable[Receipt]) -> str:
    """Return in Markdown how many files had which outcome."""
    counts = Counter(receipt.outcome for receipt in receipts)
    found = (f"{ICONS[one]} **{number(counts[one])}** {t(one)}" for one in Outcome if counts[one])
    return f"{t('Files')}:  " + "  ·  ".join(found)


def told(receipt: Receipt, standing: Standing | None) -> str:
    """Return what became of a file until now."""
    if standing is None or receipt.outcome in (Outcome.CONFLICT, Outcome.DISCARDED):
        return retold(receipt.message)
    if receipt.outcome is Outcome.ACCEPTED and receipt.message != STORED:
        return t("Stored, but set aside and not scored: {reason}", reason=retold(receipt.message))
    now = where(standing)
    return f"{retold(ALREADY_HERE)} {now}" if receipt.outcome is Outcome.ALREADY_HERE else now


def where(standing: Standing) -> str:
    """Return where a study stands: queued, its rank, why it is not analysable, or what was done with it."""
    row = standing.row
    place = t("{band}, number {place} on the worklist", band=t(row.band), place=standing.place or 0)
    if row.status is StudyStatus.RECEIVED:
        return t("Stored; being scored.")
    if row.status is StudyStatus.NOT_ANALYSABLE:
        if standing.place is None:  # before a blind reading
            return t("Stored, but not analysable; it is read without the AI.")
        reason = retold(row.reason)
        return t("Not analysable: {reason}. {place}; it is read without the AI.", reason=reason, place=place)
    if row.status is StudyStatus.RANKED:
        if row.predicted is None:  # before a blind reading its place would tell what the AI found
            return t("Stored and scored; it waits for a blind reading.")
        answer = f"{t(row.predicted.label)}, {t('P(glioma)')} {number(row.malignancy or 0, 2)}"
        return t("{place}. AI: {answer}.", place=place, answer=answer)
    return {
        StudyStatus.SECOND_READ: t("Read once; it waits for a second reader."),
        StudyStatus.ARBITRATION: t("Two readers disagree; it waits for arbitration."),
        StudyStatus.READ: t("Read and signed."),
        StudyStatus.MERGED: f"{retold(row.reason)}.",
        StudyStatus.DISCARDED: f"{retold(row.reason)}.",
    }[row.status]


def icon(receipt: Receipt, standing: Standing | None) -> str:
    """Return in Markdown the icon of an answer: green is only what is stored and can be scored, as far as is known."""
    unused = standing is not None and standing.row.status is StudyStatus.NOT_ANALYSABLE
    aside = receipt.message != STORED
    return UNUSED if receipt.outcome is Outcome.ACCEPTED and (unused or aside) else ICONS[receipt.outcome]


def draw(receipts: Sequence[Receipt], standing: Mapping[str, Standing]) -> None:
    """Draw the answers; those that need attention are never left out for others."""
    every = lines(receipts)
    sources = by_source(every[:MAX_LINES], receipts)
    for source, some in sources.items():
        with st.container(border=True):
            if source or len(sources) > 1:
                title, summary, _ = st.columns(WIDTHS, vertical_alignment="center")
                title.markdown(
                    f":material/folder_zip: **{markdown(source)}**" if source else f"**{t('Single files')}**"
                )
                summary.markdown(counted(one for one in receipts if one.source == source))
            for line in some:
                _draw_line(line, standing.get(line.receipt.study_id or ""))
    if len(every) > MAX_LINES:
        st.caption(t("{count} more; the ones above need attention first.", count=len(every) - MAX_LINES))


def _draw_line(line: Line, standing: Standing | None) -> None:
    receipt = line.receipt
    name, message, button = st.columns(WIDTHS, vertical_alignment="center")
    files = t("{name} and {count} more", name=receipt.name, count=line.others) if line.others else receipt.name
    patient = readable_name(standing.row.patient_name) if standing else ""
    about = f" · {markdown(patient)}" if patient else ""
    name.markdown(f"{icon(receipt, standing)} {markdown(files)}{about}")
    message.text(one_line(told(receipt, standing)))
    if receipt.outcome in (Outcome.CONFLICT, Outcome.DISCARDED):
        button.page_link(state.CONFLICTS, label=t("Conflicts"), icon=":material/rule:", width="stretch")
    elif receipt.study_id:
        study = {"study": receipt.study_id}
        button.page_link(
            state.REVIEW, label=t("Open"), icon=":material/neurology:", width="stretch", query_params=study
        )
