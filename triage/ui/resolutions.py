"""What a person can decide about two studies in conflict, in words. Tested in tests/pages/test_pages.py."""

from __future__ import annotations

from triage.domain import Resolution
from triage.languages.speech import later, t
from triage.records.conflict_views import Conflict
from triage.text import markdown
from triage.ui import tables

NAMES = {
    Resolution.KEEP_APART: later("Keep apart"),
    Resolution.MERGE: later("Merge under the patient of the first"),
    Resolution.MERGE_AS_SECOND: later("Merge under the patient of the second"),
    Resolution.DISCARD_SECOND: later("Discard the second"),
    Resolution.DISCARD_FIRST: later("Discard the first"),
}
UNDONE = later("Undone, in conflict again")
#: What is said when it is done; None: undone.
DONE = {
    Resolution.KEEP_APART: later("Kept apart: both studies stay to be read."),
    Resolution.MERGE: later("Merged under the patient of the first. The study is scored again with all files."),
    Resolution.MERGE_AS_SECOND: later(
        "Merged under the patient of the second. The study is scored again with all files."
    ),
    Resolution.DISCARD_SECOND: later("The second study was discarded. If that was wrong, undo it under Decided."),
    Resolution.DISCARD_FIRST: later("The first study was discarded. If that was wrong, undo it under Decided."),
    None: later("The decision was undone. The conflict is open again."),
}


def choices(conflict: Conflict) -> dict[Resolution, str]:
    """Return the possible decisions with what each leads to; a merge names the patient that stays and the one not."""
    first, second = (markdown(tables.patient(one.header)) for one in (conflict.first, conflict.second))
    files = conflict.first.files + conflict.second.files
    merge = later("One study with all {files} files. Cannot be undone. It is of **{kept}**; dropped: {dropped}.")
    found = {Resolution.KEEP_APART: t("Two studies to read. DICOMweb finds the first under the UID.")}
    if not conflict.second.signed:
        found[Resolution.MERGE] = t(merge, files=files, kept=first, dropped=second)
        if not conflict.first.signed:
            found[Resolution.MERGE_AS_SECOND] = t(merge, files=files, kept=second, dropped=first)
    found[Resolution.DISCARD_SECOND] = t("{patient} leaves the worklist. Its files are kept.", patient=second)
    found[Resolution.DISCARD_FIRST] = t(
        "{patient} leaves the worklist, and the second gets its UIDs. Its files are kept.", patient=first
    )
    return found
