"""A real browser for tests: Chromium, found or installed here alone, started once a session, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_START_SECONDS = 30.0


def find() -> str | None:
    """The browser of this machine; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def found_or_installed() -> str:
    """The browser of this machine, installed where nothing but that is missing. Raises RuntimeError."""
    with FileLock(Path(tempfile.gettempdir()) / f"kb-chromium-{os.getuid()}.lock"):
        if (found := find()) is not None:
            return found
        if os.geteuid() or shutil.which("apt-get") is None:
            raise RuntimeError(
                "tests in a browser need Chromium, and none of these is here: " + ", ".join(NAMES) + ". Install the"
                " package `chromium` (Debian, Ubuntu: `apt-get install chromium`; others: their package of that name)"
            )
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            done = subprocess.run(["apt-get", "-qq", *step], env=environment, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"`apt-get {' '.join(step)}` failed: {done.stderr.strip()[-500:]}")
        if (found := find()) is None:
            raise RuntimeError("the package `chromium` was installed, and brought none of " + ", ".join(NAMES))
        return found


@contextmanager
def started(profile: Path) -> Iterator[str]:
    """Runs Chromium with a fresh profile until the block ends; the address by which it is driven."""
    command = [found_or_installed(), *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    with (profile / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{_port(process, profile)}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], profile: Path) -> int:
    """Where it listens, which it writes into its profile once it does."""
    file, started = profile / "DevToolsActivePort", time.monotonic()
    while not (file.exists() and "\n" in (told := file.read_text())):
        said = (profile / "log").read_text("utf-8", "replace")[-2_000:]
        assert process.poll() is None, f"Chromium ended: {said}"
        assert time.monotonic() - started < _START_SECONDS, f"Chromium does not start: {said}"
        time.sleep(0.02)
    return int(told.splitlines()[0])


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where this session's browser is driven; Playwright itself is started for each test that needs it.

    Its loop would otherwise run on in this thread, where later tests start loops of their own.
    """
    with started(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    """A tab in a profile of its own, empty; a script's error fails the test that has it."""
    from playwright.sync_api import sync_playwright  # most test runs need none

    with sync_playwright() as playwright:
        context = playwright.chromium.connect_over_cdp(chromium).new_context()
        tab, errors = context.new_page(), list[str]()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        yield tab
        context.close()
    assert errors == []
