"""What comes when a reader leaves a study, in words: beside the button that goes on, and asked for again on news."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from triage.errors import ReadingError
from triage.languages.speech import number, retold, t
from triage.pipeline.installation import Installation
from triage.reading import UNKNOWN_ENTRY
from triage.records.worklist_views import Onward, WorklistRow
from triage.web.reader import acting, answering


def onward_routes(installation: Callable[[], Installation]) -> list[BaseRoute]:
    """Return the route.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    def ask(request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        reader = acting(request, installation()).person.name
        left, since = sent.get("left"), sent.get("since")
        if not isinstance(left, list) or not all(isinstance(one, str) for one in left) or not isinstance(since, str):
            raise ReadingError(UNKNOWN_ENTRY)
        try:
            moment = datetime.fromisoformat(since).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ReadingError(UNKNOWN_ENTRY) from error
        return onward(installation(), reader, [*left, request.path_params["study"]], moment)

    return [Route("/reading/{study}/onward", answering(ask), methods=["POST"])]


def onward(installation: Installation, reader: str, left: Sequence[str], since: datetime) -> dict[str, Any]:
    """Return what comes next, why, and how many STAT studies stand above.

    `study` is the ID of what comes next, or None.

    Parameters
    ----------
    installation
        Holds the record.
    reader
        Who goes on; "" for nobody.
    left
        Studies that the reader left; the last one is open now.
    since
        When the reader came to the one that is open.
    """
    found = installation.queue.onward(reader, datetime.now(UTC), left=left, since=since)
    # Before a blind reading, neither what comes nor its place may tell what the AI found.
    blind = installation.settings.blind_first_read
    count = 0 if blind else len(found.above)
    several = t("{count} STAT studies wait above: read the first one now", count=count)
    row = found.following
    hidden = blind and row is not None and row.hides_ai(reader)
    return {
        "study": row.study_id if row else None,
        "comes": t("Next: a study for a blind reading") if hidden else _comes(found),
        "why": retold(row.reason) if row and not hidden else "",
        "above": "" if not count else t("1 STAT study waits above: read it first") if count == 1 else several,
    }


def _comes(found: Onward) -> str:
    """Return which study comes next, and whether that is down the list."""
    if found.following is None:
        return t("No other study is free to be read.")
    what = _what(found.following)
    if found.fresh:
        return t("Next, new since you came here: {study}", study=what)
    if found.from_top:
        return t("Next, from the top of the list: {study}", study=what)
    return t("Next down the list: {study}", study=what)


def _what(row: WorklistRow) -> str:
    if row.malignancy is None:
        return t(row.band)
    return f"{t(row.band)}, {t('P(glioma)')} {number(row.malignancy, 2)}"
