"""The HTTP service: thin handlers over the knowledge base, one mapping from errors to RFC 9457 problems."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import as_file, files
from typing import Annotated, Any

import anyio
from litestar import Litestar, Request, Router, get
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.params import FromQuery, HeaderParameter, QueryParameter
from litestar.static_files import create_static_files_router

from kb.access.callers import Caller
from kb.access.reception import Reception
from kb.cases.proposing import Cases
from kb.config import Place
from kb.facets import Facets
from kb.knowledge import MAX_K
from kb.questions import MAX_QUESTION
from kb.results import Ask, SearchResult
from kb.service import Service
from kb.shelves import Shelves
from kb.slots import Slots
from kb.web import (
    asking,
    documents,
    handovers,
    keeping,
    keys,
    pages,
    people,
    preview,
    replacements,
    revisions,
    signin,
    similar,
)  # fmt: skip
from kb.web.admission import Admission
from kb.web.answers import answers, stream, stream_offers
from kb.web.articles import articles
from kb.web.asking import Asking, pair_of
from kb.web.assistants import assistants
from kb.web.audit import audit_log
from kb.web.calls import console, utterances
from kb.web.cases import case_proposed, cases_listed
from kb.web.completions import completions
from kb.web.documented import COMPONENTS, DESCRIPTION, document_access
from kb.web.entrance import Entrance
from kb.web.feedback import feedback, origin_of
from kb.web.guards import requires
from kb.web.headers import cors, securing
from kb.web.health import Watch, live, ready, scrape
from kb.web.impact import article_impact
from kb.web.imports import imports_route
from kb.web.insights import insights_gaps, insights_usage
from kb.web.metrics import Metrics
from kb.web.pages.interface import static_files, templates
from kb.web.problems import problem_details, unexpected
from kb.web.slashes import Unhidden
from kb.web.sockets import Counted
from kb.web.switchboard import Switchboard
from kb.web.tickets import tickets
from kb.web.typing import typing
from kb.web.updates import HANDLERS as UPDATES
from kb.web.writing import HANDLERS as WRITING

_BODY_LIMIT = 256 * 1024
_OPENAPI_FILES = "/schema-files"
_THREADS = 64
"""While one run of the model answers 32 questions, the next 32 gather; one that waits costs only its thread."""
_CALLS = (utterances, console, typing)
_JOURNAL = (feedback, insights_gaps, insights_usage, article_impact, cases_listed, case_proposed, *UPDATES)
_ACCESS = (*signin.HANDLERS, *keys.HANDLERS, *people.HANDLERS)
_EDITING = (
    *revisions.HANDLERS, *preview.HANDLERS, *replacements.HANDLERS, *keeping.HANDLERS, *similar.HANDLERS,
    *WRITING,
)  # fmt: skip


@get(
    "/api/search",
    sync_to_thread=True,
    summary="Passages that may answer a question, for agents",
    operation_class=Asking,
    guards=[requires("public")],
)
def search(
    request: Request[Caller, Any, State],
    state: State,
    q: Annotated[str, QueryParameter(description="The question, or a few words", max_length=MAX_QUESTION)],
    k: Annotated[int, QueryParameter(description="Hits a lane", ge=1, le=MAX_K)] = 10,
    product: FromQuery[str | None] = None,
    language: FromQuery[str | None] = None,
    tag: FromQuery[str | None] = None,
    context: Annotated[
        list[str] | None, QueryParameter(description="What is known of the customer, as KEY:VALUE; may be repeated")
    ] = None,
    explain: Annotated[bool, QueryParameter(description="Say why: signs, weights, ranks, filters, threshold")] = False,
    kb_customer: Annotated[
        str | None, HeaderParameter(name="Kb-Customer", description="Kept only as a keyed hash", max_length=200)
    ] = None,
) -> SearchResult:
    """Two lanes, each ranked: articles in `hits`, resolved tickets in `tickets` for those who may see them."""
    known = tuple(pair_of(text) for text in context or ())
    ask = Ask(q, (), request.user.audiences, None, product, language, tag, known)
    return asking.search(state, ask, k, origin_of(request, None, kb_customer), explain=explain)


def create_app(
    service: Service,
    reception: Reception,
    admission: Admission,
    watch: Watch | None = None,
    origins: Mapping[str, Place] | None = None,
) -> Litestar:
    """The application over a service, which it starts and stops; `reception` tells who calls.

    `admission` stands before the questions alone: whether the service lives and is ready is told however busy it is.
    `origins` says where settings were chosen.
    """

    watch = watch or Watch(service, admission, Metrics(), service.journal)
    mcp, sessions = assistants(lambda: app.state, admission)

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        # Where Litestar runs handlers; the loop's own pool would have six threads on two processors.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "kb-ask"))
        await anyio.to_thread.run_sync(service.start)
        watch.start()
        app.state.switchboard = Switchboard(service, settings, watch.metrics, admission.courtesy)
        try:
            async with sessions.run():
                yield
        finally:
            app.state.switchboard.close()
            await anyio.to_thread.run_sync(watch.stop)
            await anyio.to_thread.run_sync(service.stop)

    settings = reception.settings
    app = Litestar(
        [
            Router("/", route_handlers=[search, answers, stream_offers, *pages.ASKING], middleware=[admission]),
            completions(admission), mcp, tickets, stream, live, ready, scrape, audit_log, *_JOURNAL, *_CALLS,
            *documents.HANDLERS, articles(settings), imports_route(settings), *handovers.HANDLERS, *_ACCESS, *_EDITING,
            *pages.HANDLERS, _openapi_files(), static_files(),
        ],
        lifespan=[running],
        middleware=[Unhidden(), Entrance(reception.keys, reception.sessions, reception.limits, settings)],
        before_send=[securing(settings)],
        cors_config=cors(settings),
        template_config=templates(),
        state=State(
            {"service": service, "reception": reception, "admission": admission, "watch": watch, "settings": settings,
             "origins": origins or {}, "slots": Slots(), "shelves": Shelves(), "facets": Facets(),
             "cases": Cases(service.paths, settings),
             "consoles": {kind: Counted(watch.metrics, kind) for kind in ("call", "typing")}}
        ),
        request_max_body_size=_BODY_LIMIT,
        openapi_config=OpenAPIConfig(
            "kb", version("kb"), description=DESCRIPTION, path="/schema", render_plugins=[_openapi_page()],
            components=COMPONENTS,
        ),
        logging_config=None,
        plugins=[problem_details(watch.metrics)],
        exception_handlers={Exception: unexpected},
    )  # fmt: skip
    document_access(app)
    return app


def _openapi_page() -> SwaggerRenderPlugin:
    """Swagger UI from our own address: a page of this service asks no other host for anything."""
    return SwaggerRenderPlugin(
        js_url=f"{_OPENAPI_FILES}/swagger-ui-bundle.js",
        css_url=f"{_OPENAPI_FILES}/swagger-ui.css",
        standalone_preset_js_url=f"{_OPENAPI_FILES}/swagger-ui-standalone-preset.js",
        favicon=f"<link rel='icon' type='image/png' href='{_OPENAPI_FILES}/favicon-32x32.png'>",
    )


def _openapi_files() -> Router:
    with as_file(files("swagger_ui") / "static") as folder:
        return create_static_files_router(_OPENAPI_FILES, [folder], include_in_schema=False)
