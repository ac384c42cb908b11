"""Running the service: one process with threads, or several that follow the one that writes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
import uvicorn._subprocess
import uvicorn.supervisors.multiprocess

from kb.access.keys import ensure_admin_key
from kb.access.reception import Reception
from kb.config import Paths, Place, Settings, load_settings, origins
from kb.courtesy import Courtesy
from kb.logs import configure_service
from kb.service import Service
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.web.guards import is_loopback
from kb.web.heads import BoundedHeads
from kb.web.health import Watch
from kb.web.metrics import SHARED, Metrics, shared_folder
from kb.web.requests import Requests
from kb.web.slashes import Slashes
from kb.web.tallies import prepare

_VARIABLE = "KB_SERVE"
_LOADING_SECONDS = 60
"""How long a worker may be too busy loading a model to say that it lives."""
_IDLE_SECONDS = 30
"""How long a connection is kept for the next request: longer than the 5 s at which many a client asks again."""
_MESSAGE_BYTES, _PING_SECONDS = 64 * 1024, 20.0
"""Of a WebSocket: the largest message, and how often it is asked whether the other end is there."""
log = logging.getLogger("kb.web")


class Given(msgspec.Struct, frozen=True):
    """What `run` leaves in the environment for its workers."""

    home: str
    flags: dict[str, Any]
    url: str

    @property
    def settings(self) -> Settings:
        """Raises SettingsError."""
        return load_settings(Path(self.home), self.flags)

    @property
    def origins(self) -> dict[str, Place]:
        """Where those were chosen. Raises SettingsError."""
        return origins(Path(self.home), self.flags)


def given() -> Given:
    """What this worker was given."""
    return msgspec.json.decode(os.environ[_VARIABLE], type=Given)


def run(home: Path, flags: dict[str, object], *, host: str, port: int, workers: int) -> None:
    """Serves until stopped by a signal, then finishes the requests at hand. Raises StoreError."""
    paths, settings = Paths(home), load_settings(home, flags)
    configure_service(settings.log, settings.log_level)
    if ensure_admin_key(paths):
        log.info("there was no admin key: one was made and written to %s", paths.admin_key)
    if not is_loopback(host):
        log.info("%s is reached from other machines: put a proxy that speaks https before it", host)
    port = port or _free_port(host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    os.environ[_VARIABLE] = msgspec.json.encode(Given(str(home), flags, url)).decode()
    if workers > 1:
        os.environ[SHARED] = str(prepare(home / "index", port))
    _fork_workers()
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
        ws="websockets-sansio",
        ws_max_size=_MESSAGE_BYTES,
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=10,
        timeout_worker_healthcheck=_LOADING_SECONDS,
        server_header=False,
    )


def application() -> Requests:
    """The application of one worker process, from what `run` left in the environment."""
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent.join,), name="kb-parent", daemon=True).start()
    found = given()
    settings, paths, courtesy = found.settings, Paths(Path(found.home)), Courtesy()
    configure_service(settings.log, settings.log_level)
    service, admission = Service(paths, settings, found.url, courtesy), Admission(settings.max_requests, courtesy)
    metrics = Metrics(shared_folder())
    watch = Watch(service, admission, metrics, service.journal)
    return Requests(Slashes(create_app(service, Reception(paths, settings), admission, watch, found.origins)), metrics)


class Worker(uvicorn.supervisors.multiprocess.Process):
    """A worker process whose death is seen at once.

    uvicorn asks a worker through a pipe whether it lives, and keeps the worker's end of it open too: where the worker
    was killed before it could say so, it would be waited for as long as one that loads its model.
    """

    def start(self) -> None:
        super().start()
        self.child_conn.close()


def _fork_workers() -> None:
    """Workers are forked from one process (`ancestor`), and share what that has read; uvicorn would spawn each anew."""
    multiprocessing.set_forkserver_preload(["kb.web.ancestor"])
    uvicorn._subprocess.spawn = multiprocessing.get_context("forkserver")  # type: ignore[assignment]
    uvicorn.supervisors.multiprocess.Process = Worker  # type: ignore[misc]


def _end_with(parent_ends: Callable[[], None]) -> None:
    """A worker whose parent was killed would hold the port and the lock for ever."""
    parent_ends()
    os.kill(os.getpid(), signal.SIGTERM)


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
