"""`kb` in a process of its own that has imported its libraries already, for tests: it starts in tenths of a second.

Importing them takes two seconds, most of what a `kb` process does in a test. Here one server per test worker imports
them, does nothing else, and forks. What is forked is a real process: its pid, signals, exit code, files
and locks are its own. Started as a person starts it, `kb` serves the README's curl line (test_docs) and with several
workers (test_service).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing import forkserver
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["preloaded"])


@cache
def _start_forking() -> None:
    """Starts the server that forks, which finds `preloaded` by its environment alone and fails in silence."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *filter(None, [before])])
    forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


class KbProcess:
    """A running `kb`, used like the `subprocess.Popen` of a text; a server's `log` takes both of its streams."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str], log: Path | None = None) -> None:
        _start_forking()
        self._out, self._err = log or _new_file(), log or _new_file()
        self._process = _FORKS.Process(
            target=_run, args=(arguments, dict(environment), Path.cwd(), self._out, self._err)
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or the signal's number below zero; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("kb", timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote to its two streams, once it has ended; ask once, and read a `log` by yourself."""
        self.wait(timeout)
        written = self._out.read_text("utf-8"), self._err.read_text("utf-8")
        self._out.unlink()
        self._err.unlink()
        return written

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _new_file() -> Path:
    number, name = tempfile.mkstemp(prefix="kb-process-")
    os.close(number)
    return Path(name)


def run(arguments: tuple[str, ...], environment: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """`kb` with these arguments from start to end, ended by force after `timeout` seconds."""
    process = KbProcess(arguments, environment)
    try:
        process.wait(timeout)
    finally:
        process.kill()
    out, err = process.communicate()
    return subprocess.CompletedProcess(["kb", *arguments], process.wait(), out, err)


def _run(arguments: tuple[str, ...], environment: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    """In the forked process: become a `kb` that was started in this folder with this environment, and run it."""
    assert "preloaded" in sys.modules, "the server that forks has imported nothing"
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, file in ((1, out), (2, err)):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the life of the process
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = ["kb", *arguments]

    from kb.cli import main

    main()
