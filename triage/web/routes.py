"""The HTTP routes beside the pages; `app.py` passes them to Streamlit, which tries them first."""

from __future__ import annotations

from collections.abc import Callable

from starlette.convertors import Convertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from triage.access.roles import PeerRight
from triage.pipeline.installation import Installation
from triage.web.account import OwnAccount
from triage.web.audit_export import AuditExport
from triage.web.drafts import Drafts
from triage.web.events import Events
from triage.web.language import language_routes
from triage.web.marks import mark_routes
from triage.web.media import ROOT
from triage.web.onward import onward_routes
from triage.web.qido import Qido
from triage.web.sign_in import SignInPages
from triage.web.slices import viewer_routes
from triage.web.stow import Stow
from triage.web.tokens import Tokens
from triage.web.wado import Wado
from triage.web.worklist import Worklist


class _Uid(Convertor[str]):
    regex = "[0-9.]{1,64}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def routes(installation: Callable[[], Installation]) -> list[BaseRoute]:
    """Return DICOMweb, the health check, what the pages ask for, the news, and the sign-in.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """
    register_url_convertor("uid", _Uid())
    stow, qido, wado = Stow(installation), Qido(installation), Wado(installation)
    study = "/studies/{study:uid}"
    series, instance = study + "/series/{series:uid}", study + "/series/{series:uid}/instances/{instance:uid}"

    def may(right: PeerRight) -> list[Middleware]:
        return [Middleware(Tokens, peers=lambda: installation().access.peers, right=right)]

    store, query, retrieve = map(may, PeerRight)
    dicomweb: list[BaseRoute] = [
        Route("/studies", stow.store, methods=["POST"], middleware=store),
        Route(study, stow.store, methods=["POST"], middleware=store),
        Route("/studies", qido.studies, middleware=query),
        Route(study + "/series", qido.series, middleware=query),
        Route(study + "/instances", qido.instances, middleware=query),
        Route(series + "/instances", qido.instances, middleware=query),
    ]
    for level in (study, series, instance):
        dicomweb.append(Route(level, wado.files, middleware=retrieve))
        dicomweb.append(Route(level + "/metadata", wado.metadata, middleware=retrieve))

    def health(_: Request) -> Response:
        try:
            pending = installation().store.results.count_pending()
        except Exception:
            return JSONResponse({"status": "unavailable", "reason": "the record does not answer"}, 503)
        watch = installation().watch
        if watch.starting:
            return JSONResponse({"status": "starting"}, 503)
        if watch.trouble:
            return JSONResponse({"status": "damaged", "reason": watch.trouble}, 503)
        verified = watch.last()
        damaged = verified is not None and verified.damaged > 0
        said = verified.said() if verified else "not verified yet"
        return JSONResponse({"status": "damaged" if damaged else "ok", "waiting_for_a_score": pending, "record": said})

    return [
        Route("/health", health),
        Route("/events", Events(installation).listen),
        *language_routes(),
        *Worklist(installation).routes,
        *AuditExport(installation).routes,
        *Drafts(installation).routes(),
        *onward_routes(installation),
        *mark_routes(installation),
        *viewer_routes(installation),
        *SignInPages(installation).routes,
        *OwnAccount(installation).routes,
        Mount(ROOT, routes=dicomweb),
    ]
