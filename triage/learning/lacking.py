"""What the judgement of a candidate on the studies of this site would lack: told before a retraining begins. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from triage.domain import Finding
from triage.learning.checks import FEWEST, SHARES
from triage.learning.paired import patients_needed
from triage.learning.parts import Part, part_of

#: Patients of the test part with a glioma without whom a candidate that answers as the serving model does not pass.
FEWEST_GLIOMAS = max(patients_needed(0.0, SHARES[0].margin), FEWEST)


def lacking(concluded: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Return how many test patients a candidate that is as good lacks, with a glioma and with another class.

    Parameters
    ----------
    concluded
        Patient and signed class of each settled study.
    """
    tested = [(patient, called) for patient, called in concluded if part_of(patient) is Part.TEST]
    gliomas = {patient for patient, called in tested if called == Finding.GLIOMA}
    others = {patient for patient, called in tested if called in set(Finding) - {Finding.GLIOMA}}
    return max(FEWEST_GLIOMAS - len(gliomas), 0), max(FEWEST - len(others), 0)
