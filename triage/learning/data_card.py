"""``DATA_CARD.md`` of an export: what the data set holds and does not hold, for whoever decides whether to use it.

The text is the template ``data_card.md.j2`` beside this module; every number in it is counted from the tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from triage.domain import Finding
from triage.learning.cells import Cells
from triage.learning.parts import Part
from triage.text import markdown, one_line

#: Rows of a table; the rest is counted together.
MAX_ROWS = 20
NOT_STATED = "not stated"
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows of the tables of an export.

    Attributes
    ----------
    compared_with
        Name of the model whose pictures the slices were compared with; empty if they were not compared.
    """

    studies: Sequence[Cells]
    readings: Sequence[Cells]
    slices: Sequence[Cells]
    compared_with: str


@dataclass(frozen=True, slots=True)
class _Counts:
    """One table of the card: how many of what, by a value and by class."""

    of: str
    by: str
    rows: Sequence[tuple[str, Sequence[int]]]


def data_card(tables: Tables, digest: str, *, deidentified: bool) -> str:
    """Return the card as Markdown; it says no time and no name, so the same tables have the same card."""
    # Autoescaping is for HTML; here the template passes foreign text through filters.
    environment = Environment(  # noqa: S701  # nosec B701
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"text": markdown, "one_line": one_line}
    studies = [cells for cells in tables.studies if cells["label"]]
    slices = [cells for cells in tables.slices if cells["label"]]
    months = sorted(str(cells["signed_at"])[:7] for cells in tables.readings)
    return environment.get_template("data_card.md.j2").render(
        digest=digest,
        deidentified=deidentified,
        months=(months[0], months[-1]) if months else None,
        studies=studies,
        slices=slices,
        all_studies=len(tables.studies),
        all_slices=len(tables.slices),
        patients=len({cells["patient"] for cells in studies}),
        classes=[*Finding],
        parts=_parts(studies, slices),
        counts=[
            _counted("Studies", "sex", studies, lambda cells: cells["sex"]),
            _counted("Studies", "age in years", studies, lambda cells: cells["age_band"], by_size=False),
            _counted("Studies", "scanner", studies, lambda cells: cells["scanner"]),
            _counted("Slices with a label", "sequence", slices, lambda cells: cells["sequence"]),
            _counted("Slices with a label", "plane", slices, lambda cells: cells["plane"]),
        ],
        sources=_sources(studies, slices),
        models=sorted({str(cells["model_sha256"]) for cells in tables.slices if cells["model_sha256"]}),
        compared_with=tables.compared_with,
        copies=Counter(str(cells["copy_of"]) for cells in tables.slices),
        repeated=sum(bool(cells["same_as"]) for cells in slices),
        contradicted=sum(bool(cells["contradicted"]) for cells in slices),
    )


def _parts(studies: Sequence[Cells], slices: Sequence[Cells]) -> list[tuple[Part, int, int, int, list[int]]]:
    """Return for each part: patients, studies, slices with a label, and studies by class."""
    rows = []
    for part in Part:
        here = [cells for cells in studies if cells["split"] == part]
        patients = {cells["patient"] for cells in here}
        labelled = sum(cells["split"] == part for cells in slices)
        rows.append((part, len(patients), len(here), labelled, _by_class(here)))
    return rows


def _counted(
    of: str, by: str, rows: Sequence[Cells], value: Callable[[Cells], object], *, by_size: bool = True
) -> _Counts:
    grouped: dict[str, list[Cells]] = {}
    for cells in rows:
        grouped.setdefault(str(value(cells)) or NOT_STATED, []).append(cells)
    order = sorted(grouped, key=lambda name: (name == NOT_STATED, -len(grouped[name]) if by_size else 0, name))
    shown = [(name, _by_class(grouped[name])) for name in order[:MAX_ROWS]]
    rest = [cells for name in order[MAX_ROWS:] for cells in grouped[name]]
    return _Counts(of, by, [*shown, *([(OTHERS, _by_class(rest))] if rest else [])])


def _by_class(rows: Sequence[Cells]) -> list[int]:
    counts = Counter(cells["label"] for cells in rows)
    return [counts[finding] for finding in Finding]


def _sources(studies: Sequence[Cells], slices: Sequence[Cells]) -> Mapping[str, int]:
    """Return where the labels come from, as counts by a sentence about them."""
    lesions = [cells for cells in slices if cells["lesion"]]
    return {
        "studies whose label two readers signed": sum(cells["readers"] == 2 for cells in studies),
        "studies whose label one reader signed": sum(cells["readers"] == 1 for cells in studies),
        "studies that an arbitration decided": sum(bool(cells["arbitration_label"]) for cells in studies),
        "studies with a class committed before the AI result was in sight": sum(
            bool(cells["blind_label"]) for cells in studies
        ),
        **{
            f"studies whose latest reading is: {decision}": sum(cells["decision"] == decision for cells in studies)
            for decision in ("confirm", "override", "unaided")
        },
        "slices of studies signed as no tumour": len(slices) - len(lesions),
        "slices with a tumour that a reader outlined": sum(bool(cells["outline"]) for cells in lesions),
        "slices with a tumour that only the AI result marked, or the only slice": sum(
            not cells["outline"] for cells in lesions
        ),
    }
