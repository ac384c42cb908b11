"""What machines ask: whether the process lives, whether it can answer, and what it has counted."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.openapi import ResponseSpec

from kb.errors import KbError
from kb.readiness import CHECKS, Probe, Readiness
from kb.service import Service
from kb.web.admission import Admission
from kb.web.guards import may_read_metrics, requires
from kb.web.metrics import Metrics
from kb.web.sampling import Journal, Sampling

_PATIENCE_SECONDS = 3.0
"""A disk that hangs must not make the check hang with it."""
log = logging.getLogger("kb.web")


class Health(msgspec.Struct, frozen=True):
    """Whether the service is up, what it answers from, and which checks failed."""

    status: str
    generation: int | None = None
    failed: list[str] = []


class Watch:
    """Watches one service, in a thread of its own: questions have theirs, and neither waits for the other."""

    def __init__(
        self, service: Service, admission: Admission, metrics: Metrics, journal: Journal | None = None
    ) -> None:
        self.metrics = metrics
        self.probe = Probe(service, lambda: journal.trouble if journal else None)
        self.sampling = Sampling(service, admission, self.probe, metrics, journal)
        self.threads = ThreadPoolExecutor(1, "kb-watch")

    def start(self) -> None:
        """Begins what is done by itself."""
        self.sampling.start()

    def stop(self) -> None:
        """Ends it; a look that hangs is left behind."""
        self.sampling.stop()
        self.threads.shutdown(wait=False, cancel_futures=True)


@get(
    "/health/live",
    guards=[requires("public")],
    sync_to_thread=False,
    summary="Whether the process runs",
    responses={503: ResponseSpec(Health, description="A background thread has ended by a defect: start it again")},
)
def live(state: State) -> Response[Health]:
    """503 only where nothing but another start helps."""
    service: Service = state.service
    return Response(Health("lost", failed=["following"]), status_code=503) if service.lost else Response(Health("ok"))


@get(
    "/health/ready",
    guards=[requires("public")],
    summary="Whether questions can be answered",
    responses={503: ResponseSpec(Health, description=f"Failed checks: {', '.join(CHECKS)}, probe (it took too long)")},
)
async def ready(state: State) -> Response[Health]:
    """503 with the checks that failed; why they did stands in the log."""
    found = await looked(state)
    if found is None:
        return Response(Health("unavailable", failed=["probe"]), status_code=503)
    if not found.ok:
        return Response(Health("unavailable", failed=list(found.failed)), status_code=503)
    return Response(Health("ok", _generation(state.service)))


async def looked(state: State) -> Readiness | None:
    """What is found; None, and a line in the log, where looking takes too long."""
    watch: Watch = state.watch
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(watch.threads, watch.probe.look)
    except TimeoutError:
        log.error("not ready: looking took longer than %g s", _PATIENCE_SECONDS)
        return None


def _generation(service: Service) -> int | None:
    try:
        return service.knowledge.reader.view.manifest.generation
    except KbError:
        return None


@get(
    "/metrics",
    summary="What was counted and measured, for Prometheus",
    media_type="text/plain",
    guards=[may_read_metrics],
)
async def scrape(request: Request[Any, Any, State], state: State) -> Response[bytes]:
    """Text or OpenMetrics, as the scraper accepts; for admins, and for this machine where `metrics` says so."""
    watch: Watch = state.watch

    def told() -> tuple[bytes, str]:
        watch.sampling.sample()
        return watch.metrics.exposed(request.headers.get("accept", ""))

    text, media_type = await asyncio.get_running_loop().run_in_executor(watch.threads, told)
    return Response(text, media_type=media_type)
