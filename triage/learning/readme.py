"""The README inside an export of readings."""

from __future__ import annotations

from collections.abc import Sequence

TEXT = """\
Signed readings, exported by NeuroTriage. Research use only: not for clinical decisions.

  studies.csv    one row per study: label, who signed which stage, AI result, part of the split
  DATA_CARD.md   what the data set holds, where the labels come from, and its limits
  readings.csv   one row per signed reading; current=1 marks the reading that counts for the study
  slices.csv     one row per exported slice: file, label, lesion, plane, sequence, spacing, AI result
  slices/        the slices as the network received them, gray PNG of 8 or 16 bits
  outlines/      what readers outlined on these slices: PNG of the same size, 255 inside
  originals/     the received files, only with --originals; these can identify the patient

Data set {digest}

Studies and patients have keys of this installation. No table or slice holds the name, MRN,
accession number or date of birth of a patient; sex and ten years of age are in studies.csv. {identity}
Pixels can carry burned-in text, and a head can be recognised by its face: check them before you pass the export on.

Labels. In a study signed as no tumour, every slice is "notumor". In a study signed with a tumour, the label holds for
the slices that the reader outlined, for the slice that the AI result marked and the reader saw, and for the only slice
(lesion=1). All other slices have no label and are not trained on; the column "note" says why. The AI chose the marked
slice, and where it missed the lesion the slice can be the wrong one (reason "missed lesion" in readings.csv).

A study whose latest reading waits for a second reader or an arbitration has no labels yet. A conclusion that is none of
the four classes is in the column "beyond" of readings.csv, never in "label"; its slices have no label.

Train on it, from the unpacked folder or from this ZIP:

  python -m triage audit-data FOLDER
  python -m triage train --data FOLDER --out RUN
  python -m triage evaluate --model RUN --data FOLDER --json figures.json
"""


DISCREET = """\
De-identified: readers have numbers,
times are months, comments and names of other lesions are left out, and series descriptions keep words for sequences
only."""
FULL = """\
Not de-identified: studies.csv and readings.csv name the readers, and
comments, names of other lesions and series descriptions are free text that can name a patient."""


def readme(notes: Sequence[tuple[str, str]], digest: str, *, deidentified: bool = False) -> str:
    """Return the text, with the studies of which slices or labels are missing.

    Parameters
    ----------
    notes
        Pairs of study ID and reason.
    digest
        Of the data set, `Dataset.digest`.
    deidentified
        Whether readers' names, free text and exact times were left out.
    """
    text = TEXT.format(digest=digest, identity=DISCREET if deidentified else FULL)
    if not notes:
        return text
    return (
        text
        + "\nStudies of which slices or labels are missing:\n\n"
        + "".join(f"  {id_}  {why}\n" for id_, why in notes)
    )
