"""Running the service: one process with threads, or several that follow the one that writes."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from pathlib import Path

import uvicorn
from litestar import Litestar

from kb.config import Paths, load_settings
from kb.errors import UsageError
from kb.evaluation.replay import audiences_of
from kb.logs import configure_logging
from kb.service import Service
from kb.web.api import create_app

_VARIABLE = "KB_SERVE"


def run(home: Path, flags: dict[str, object], *, host: str, port: int, workers: int, audience: str) -> None:
    """Serves until stopped by a signal, then finishes the requests at hand. Raises UsageError."""
    if not _is_loopback(host):
        raise UsageError(f"--host {host!r}: until there are keys, only a loopback address such as 127.0.0.1 is served")
    port = port or _free_port(host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    os.environ[_VARIABLE] = json.dumps({"home": str(home), "flags": flags, "url": url, "audience": audience})
    uvicorn.run(
        "kb.web.server:application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
        server_header=False,
    )


def application() -> Litestar:
    """The application of one worker process, from what `run` left in the environment."""
    configure_logging()
    given = json.loads(os.environ[_VARIABLE])
    home = Path(given["home"])
    service = Service(Paths(home), load_settings(home, given["flags"]), given["url"])
    return create_app(service, audiences_of((given["audience"],)))


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
