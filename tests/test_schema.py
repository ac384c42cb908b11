"""The service does what its OpenAPI document says: no 5xx, no undocumented status, no body beside its schema."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from server_process import Server, serving

from kb.access.callers import Role
from kb.access.keys import create_key
from kb.config import Paths

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance",
)  # fmt: skip
EXAMPLES = 4


@pytest.fixture(scope="module")
def server(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("schema") / "home"))
    unlimited = {"KB_KEY_REQUESTS": "0", "KB_ADDRESS_REQUESTS": "0"}
    with serving(home, "bundled", environment=unlimited) as running:
        yield running


@pytest.mark.parametrize(
    ("role", "phases"), [("admin", "coverage,fuzzing"), (None, "coverage")], ids=["an admin", "anybody"]
)
def test_schemathesis_finds_nothing(server: Server, role: Role | None, phases: str, tmp_path: Path) -> None:
    key = ("--header", f"Authorization: Bearer {create_key(Paths(server.home), role).key}") if role else ()
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{server.port}/schema/openapi.json", *key,
        "--checks", ",".join(CHECKS), "--phases", phases, "--max-examples", str(EXAMPLES), "--no-color",
        "--seed", "20261124",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6_000:]
    assert "Failures:" not in done.stdout
    described = server.get("/schema/openapi.json").json()["paths"]
    assert f"Tested: {sum(map(len, described.values()))}" in done.stdout
