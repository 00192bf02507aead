"""The HTTP routes beside the pages; `app.py` passes them to Streamlit, which tries them first."""

from __future__ import annotations

from collections.abc import Callable

from starlette.convertors import Convertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from triage.pipeline.installation import Installation
from triage.web.drafts import Drafts
from triage.web.events import Events
from triage.web.guard import Guard
from triage.web.marks import mark_routes
from triage.web.media import ROOT
from triage.web.qido import Qido
from triage.web.slices import viewer_routes
from triage.web.stow import Stow
from triage.web.wado import Wado
from triage.web.worklist import Worklist


class _Uid(Convertor[str]):
    regex = "[0-9.]{1,64}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def routes(installation: Callable[[], Installation]) -> list[BaseRoute]:
    """Return DICOMweb, the health check, what the pages ask for, and the news.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """
    register_url_convertor("uid", _Uid())
    stow, qido, wado = Stow(installation), Qido(installation), Wado(installation)
    study = "/studies/{study:uid}"
    series, instance = study + "/series/{series:uid}", study + "/series/{series:uid}/instances/{instance:uid}"
    dicomweb: list[BaseRoute] = [
        Route("/studies", stow.store, methods=["POST"]),
        Route(study, stow.store, methods=["POST"]),
        Route("/studies", qido.studies),
        Route(study + "/series", qido.series),
        Route(study + "/instances", qido.instances),
        Route(series + "/instances", qido.instances),
    ]
    for level in (study, series, instance):
        dicomweb += [Route(level, wado.files), Route(level + "/metadata", wado.metadata)]
    guard = Middleware(Guard, token=lambda: installation().settings.token.get_secret_value())

    def health(_: Request) -> Response:
        try:
            pending = installation().store.results.count_pending()
        except Exception:
            return JSONResponse({"status": "unavailable", "reason": "the record does not answer"}, 503)
        return JSONResponse({"status": "ok", "waiting_for_a_score": pending})

    return [
        Route("/health", health),
        Route("/events", Events(installation).listen),
        *Worklist(installation).routes,
        *Drafts(installation).routes(),
        *mark_routes(installation),
        *viewer_routes(installation),
        Mount(ROOT, routes=dicomweb, middleware=[guard]),
    ]
