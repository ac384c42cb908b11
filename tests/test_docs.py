"""The documents are run: every command works, every link leads somewhere, every setting and key is explained."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from datetime import UTC
from pathlib import Path

import click
import kb_process
import msgspec
import pytest
from conftest import ROOT, clean_environment
from ruamel.yaml import YAML
from server_process import serving

from kb.cli import main
from kb.config import ELSEWHERE, Settings
from kb.ingest.articles import KEYS, read_article
from kb.ingest.rendering import public_rendering
from kb.logs import FIELDS
from kb.readiness import CHECKS
from kb.stages import STAGES
from kb.store.audit import ACTIONS
from kb.web.assistants import TOOLS
from kb.web.calls import console
from kb.web.documented import DESCRIPTION
from kb.web.metrics import TABLE, WAITED
from kb.web.sockets import FORBIDDEN, POLICY, SLOW, UNKNOWN
from kb.web.typing import typing

README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[str]:
    """The README's code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


KB_COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for block in blocks("sh")
    for line in block.splitlines()
    if line.startswith(".venv/bin/kb ")
]


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wanted = {line.split()[1] for block in blocks("sh") for line in block.splitlines() if line.startswith("make ")}
    assert wanted == {"run", "test"}
    assert wanted <= targets


@pytest.mark.parametrize("arguments", KB_COMMANDS, ids=" ".join)
def test_a_command_of_the_readme_works(
    arguments: list[str], sample_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    done = kb_process.run(tuple(arguments), clean_environment(KB_HOME=str(sample_copy)), timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_curl_line_of_the_readme_gets_a_cited_answer(sample_copy: Path) -> None:
    line = next(line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl "))
    with serving(sample_copy, "bundled", preloaded=False) as server:
        command = shlex.split(line.replace("localhost:8000", f"127.0.0.1:{server.port}"))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(done.stdout)
    assert answer["outcome"] == "answered"
    assert answer["citations"][0]["document_id"] == "zh/returns/refund-time"


def test_the_article_of_the_readme_is_read_and_its_agent_block_is_not_public() -> None:
    article = read_article(blocks("markdown")[0].encode(), path="example.md", timezone=UTC)
    assert article.questions == ("When do I get my money back?",)
    assert "goodwill" in article.body
    assert "goodwill" not in public_rendering(article.body).body


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_every_link_to_a_file_leads_somewhere(file: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", file.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (file.parent / link).exists()]
    assert not missing


def test_every_setting_is_documented_and_nothing_else() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    fields = msgspec.structs.fields(Settings)
    table = re.findall(r"^\| `(\w+)` \| `(KB_\w+)`", text, re.MULTILINE)
    assert [name for name, _ in table] == [field.name for field in fields]
    assert [variable for _, variable in table] == [f"KB_{field.name.upper()}" for field in fields]
    assert all(f"`{name}`" in text for name in ELSEWHERE)


def test_every_action_of_the_audit_log_is_documented_and_nothing_else() -> None:
    text = (ROOT / "docs" / "access.md").read_text("utf-8")
    assert dict(re.findall(r"^\| `(\w+)` \| ([A-Z].*\.) \|$", text, re.MULTILINE)) == ACTIONS


def test_what_openapi_cannot_describe_is_told_in_its_description_and_documented() -> None:
    http = (ROOT / "docs" / "http.md").read_text("utf-8")
    sockets = [path for handler in (console, typing) for path in handler.paths]
    assert len(sockets) == 2
    for path in sockets:
        assert f"`WS {path.replace(':str', '')}" in DESCRIPTION
        assert re.sub(r"\{.*?\}", "{id}", path) in http
    for tool in TOOLS:
        assert f"`{tool}`" in DESCRIPTION
        assert f"`{tool}`" in http
    for code in (UNKNOWN, FORBIDDEN, SLOW, POLICY):
        assert str(code) in DESCRIPTION
        assert str(code) in http


def test_every_front_matter_key_is_documented() -> None:
    text = (ROOT / "docs" / "articles.md").read_text("utf-8")
    rows = "".join(row.split("|")[1] for row in text.splitlines() if row.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", rows)) == set(KEYS)


def test_every_command_is_documented_and_tells_what_it_does() -> None:
    documents = "".join(file.read_text("utf-8") for file in [*DOCUMENTS, ROOT / "CHANGELOG.md"])
    for name, command in main.commands.items():
        assert re.search(rf"kb {name}\b|`{name}`", documents), name
        assert command.help
        assert all(option.help for option in command.params if isinstance(option, click.Option))


OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


def documented(heading: str) -> list[tuple[str, ...]]:
    """The rows of the table of docs/operations.md whose first column has this heading."""
    table = OPERATIONS.partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    return [tuple(cell.strip() for cell in row.strip("| ").split("|")) for row in table.splitlines()[2:]]


PASSED = {WAITED: "waiting for one of the 64 threads and, in it, for one of the two that work at once", **STAGES}


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("check", CHECKS),
        ("field", FIELDS),
        ("stage", PASSED),
    ],
    ids=["readiness", "log", "stages"],
)
def test_a_table_of_operations_is_that_of_the_code(heading: str, known: dict[str, str]) -> None:
    assert dict(documented(heading)) == {f"`{name}`": told for name, told in known.items()}


def test_every_metric_is_documented_with_its_type_and_labels_and_nothing_else() -> None:
    known = [(f"`{m.name}`", m.kind, " ".join(f"`{label}`" for label in m.labels), m.told) for m in TABLE]
    assert documented("metric") == known


def test_alerts_are_made_of_metrics_that_are_there() -> None:
    rules = YAML(typ="safe").load(ROOT / "docs" / "alerts.yml")["groups"][0]["rules"]
    assert len(rules) >= 5
    named = {name for rule in rules for name in re.findall(r"kb_\w+", rule["expr"])}
    assert {re.sub(r"_bucket$", "", name) for name in named} <= {metric.name for metric in TABLE}
    labels = {label for metric in TABLE for label in metric.labels} | {"instance", "le"}
    used = {label for rule in rules for label in re.findall(r"(\w+)=~?\"", rule["expr"])}
    assert used <= labels
    assert all(rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"] for rule in rules)
