"""Score files without a record: what the command line does, one object per study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from triage.domain import AIResult, Finding
from triage.errors import RefusedError
from triage.inference.runtime import Runtime
from triage.scans.gate import not_analysable
from triage.scans.raster import MAX_BYTES, decode
from triage.worklist import rank

SCORED, NOT_ANALYSABLE, REFUSED = "scored", "not analysable", "refused"


def files_below(paths: Sequence[Path]) -> list[Path]:
    """Return every file named or below a named folder, sorted, hidden files left out."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found |= {file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")}
        else:
            found.add(path)
    return sorted(found)


def score_files(paths: Sequence[Path], runtime: Runtime) -> Iterator[dict[str, Any]]:
    """Score each file as a study of its own.

    Parameters
    ----------
    paths
        Files; one that is missing or cannot be read gets an object that says so.
    runtime
        The model.

    Yields
    ------
    dict
        ``path, status, predicted, probabilities, malignancy, band, reason, model``; what the AI could not judge has
        None for its answers, never "no tumour".
    """
    for path in paths:
        try:
            if path.stat().st_size > MAX_BYTES:
                raise RefusedError(f"The file is larger than {MAX_BYTES >> 20} MB.")
            picture = decode(path.read_bytes())
        except (RefusedError, OSError) as error:
            reason = str(error) if isinstance(error, RefusedError) else f"Cannot be read: {error.strerror}"
            yield _answer(path, REFUSED, reason, runtime)
            continue
        doubt = not_analysable(picture)
        if doubt is not None:
            yield _answer(path, NOT_ANALYSABLE, doubt, runtime)
            continue
        probabilities = runtime.score(picture.pixels).probabilities
        card = runtime.card
        result = AIResult(card.name, card.sha256, probabilities, rank(probabilities, runtime.points))
        yield _answer(path, SCORED, result.ranking.reason, runtime, result)


def _answer(path: Path, status: str, reason: str, runtime: Runtime, result: AIResult | None = None) -> dict[str, Any]:
    return {
        "path": str(path),
        "status": status,
        "predicted": result.predicted if result else None,
        "probabilities": {f: round(result.probabilities[f], 6) if result else None for f in Finding},
        "malignancy": round(result.malignancy, 6) if result else None,
        "band": result.ranking.band if result else None,
        "reason": reason,
        "model": {"name": runtime.card.name, "sha256": runtime.card.sha256},
    }
