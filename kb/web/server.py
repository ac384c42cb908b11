"""Running the service: one process with threads, or several that follow the one that writes."""

from __future__ import annotations

import ipaddress
import json
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn

from kb.config import Paths, load_settings
from kb.errors import UsageError
from kb.logs import configure_service
from kb.model import audiences_of
from kb.service import Service
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.web.heads import BoundedHeads
from kb.web.health import Watch
from kb.web.metrics import SHARED, Metrics, shared_folder
from kb.web.requests import Requests
from kb.web.tallies import prepare

_VARIABLE = "KB_SERVE"
_LOADING_SECONDS = 60
"""How long a worker may be too busy loading a model to say that it lives."""
_IDLE_SECONDS = 30
"""How long a connection is kept for the next request: longer than the 5 s at which many a client asks again."""
log = logging.getLogger("kb.web")


def run(home: Path, flags: dict[str, object], *, host: str, port: int, workers: int, audience: str) -> None:
    """Serves until stopped by a signal, then finishes the requests at hand. Raises UsageError."""
    if not _is_loopback(host):
        raise UsageError(f"--host {host!r}: until there are keys, only a loopback address such as 127.0.0.1 is served")
    port = port or _free_port(host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    os.environ[_VARIABLE] = json.dumps({"home": str(home), "flags": flags, "url": url, "audience": audience})
    settings = load_settings(home, flags)
    configure_service(settings.log, settings.log_level)
    if workers > 1:
        os.environ[SHARED] = str(prepare(home / "index", port))
    log.info("serving %s at %s (Ctrl+C to stop)", home, url)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again once all is finished
    uvicorn.run(
        "kb.web.server:application",
        factory=True,
        http=BoundedHeads,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=10,
        timeout_worker_healthcheck=_LOADING_SECONDS,
        server_header=False,
    )


def application() -> Requests:
    """The application of one worker process, from what `run` left in the environment."""
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent.join,), name="kb-parent", daemon=True).start()
    given = json.loads(os.environ[_VARIABLE])
    home = Path(given["home"])
    settings = load_settings(home, given["flags"])
    configure_service(settings.log, settings.log_level)
    service, admission = Service(Paths(home), settings, given["url"]), Admission(settings.max_requests)
    metrics = Metrics(shared_folder())
    watch = Watch(service, admission, metrics, is_open=settings.metrics_open)
    return Requests(create_app(service, audiences_of((given["audience"],)), admission, watch), metrics)


def _end_with(parent_ends: Callable[[], None]) -> None:
    """A worker whose parent was killed would hold the port and the lock for ever."""
    parent_ends()
    os.kill(os.getpid(), signal.SIGTERM)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
