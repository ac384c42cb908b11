"""Imports point one way, and the table says which; modules stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "kb"

VALUES = {"errors", "model"}
MAY_IMPORT = {
    "errors": set(),
    "model": set(),
    "progress": set(),
    "logs": set(),
    "budget": set(),
    "stages": set(),
    "possible": {"errors", "config"},  # the settings' type alone
    "config": {"errors", "logs", "paths", "possible"},
    "paths": set(),
    "provenance": {"config"},
    "keyfiles": set(),
    "slots": set(),
    "customers": {"keyfiles"},
    "courtesy": set(),
    "access": VALUES | {"config", "store"},
    "backup": VALUES | {"config", "customers", "progress", "store"},
    "ingest": VALUES,
    "store": VALUES,
    "search": VALUES | {"slots", "stages"},
    "answer": VALUES | {"ingest", "search", "slots"},
    "assist": VALUES | {"answer", "search"},
    "editing": VALUES | {"config", "ingest", "publishing", "spool", "store"},
    "cases": VALUES | {"answer", "config", "editing", "ingest", "knowledge", "questions", "results", "search", "store"},
    "importers": VALUES | {"config", "editing", "ingest", "progress"},
    "assisting": VALUES | {"answer", "answering", "assist", "hits", "knowledge", "questions", "results", "search"},
    "calls": VALUES | {"assist", "config", "customers", "journal", "store"},
    "handover": VALUES
    | {"keyfiles", "accounts", "answer", "config", "journal", "knowledge", "results", "search", "store"},
    "rehearsal": set(),
    "embedders": VALUES | {"config", "search"},
    "comparison": VALUES | {"config", "progress", "store", "search", "knowledge", "evaluation", "rehearsal"},
    "successor": VALUES | {"config", "progress", "store", "search", "embedders", "rehearsal", "comparison"},
    "aside": VALUES | {"config", "courtesy", "progress", "search", "embedders", "successor"},
    "indexing": VALUES | {"config", "progress", "store", "search", "successor"},
    "spool": set(),
    "preparation": VALUES | {"progress", "ingest", "store", "search"},
    "publishing": VALUES | {"config", "progress", "store", "search", "rehearsal", "spool", "preparation", "indexing"},
    "sources": VALUES | {"progress", "ingest", "store", "spool", "preparation", "publishing"},
    "deliveries": VALUES | {"config", "customers", "ingest", "journal", "preparation", "publishing", "store"},
    "writer": VALUES
    | {"deliveries", "editing", "ingest"}
    | {"config", "customers", "progress", "store", "search", "embedders", "successor", "indexing", "publishing"}
    | {"sources"},
    "jobs": VALUES | {"progress"},
    "asking": VALUES | {"config", "progress", "jobs", "results"},
    "previewing": VALUES | {"config", "ingest"},
    "handing": VALUES
    | {"backup", "config", "editing", "ingest", "progress", "jobs", "publishing", "writer", "retention"},
    "exporting": VALUES | {"config", "ingest", "store"},
    "reader": VALUES | {"config", "store", "search"},
    "results": VALUES | {"answer"},
    "hits": VALUES | {"search", "answer", "results"},
    "explaining": VALUES | {"search", "results", "hits"},
    "variants": VALUES | {"search", "reader", "results"},
    "questions": VALUES
    | {"budget", "stages", "search", "reader", "results", "hits", "explaining", "variants", "tuning"},
    "contradictions": VALUES | {"search", "reader", "hits"},
    "topics": VALUES | {"search", "hits", "questions"},
    "alarm": VALUES | {"answer", "search", "questions"},
    "answering": VALUES
    | {"alarm", "search", "answer", "results", "hits", "topics", "variants", "questions", "contradictions"},
    "conversations": VALUES | {"accounts", "config", "journal", "knowledge", "results", "stages", "store"},
    "streams": VALUES | {"journal", "results", "store"},
    "accounts": VALUES | {"answer", "hits", "questions", "results", "search"},
    "journal": VALUES | {"accounts", "config", "customers", "ingest", "results", "store"},
    "recording": VALUES | {"accounts", "authoring", "config", "journal", "knowledge", "results", "stages"},
    "authoring": VALUES | {"answer", "answering", "config", "results", "store"},
    "feedback": VALUES | {"journal", "store"},
    "updates": VALUES | {"access", "answer", "config", "editing", "ingest", "journal", "knowledge", "store"},
    "retention": VALUES | {"config", "store"},
    "replaying": VALUES | {"answer", "config", "ingest", "results", "search", "store", "tuning"},
    "drafting": VALUES | {"config", "editing", "importers"},
    "insight": VALUES | {"config", "ingest", "store"},
    "showing": {"editing", "insight", "replaying"},
    "differing": {"editing"},
    "tuning": VALUES | {"config", "search"},
    "knowledge": VALUES
    | {"budget", "stages", "config", "search", "reader", "results", "questions", "answering", "accounts", "tuning"}
    | {"answer", "authoring"},
    "withheld": VALUES | {"search", "results", "questions", "knowledge"},
    "resemblance": VALUES | {"answer", "contradictions", "knowledge", "search", "unsaved"},
    "unsaved": VALUES | {"ingest", "knowledge", "preparation"},
    "following": VALUES | {"authoring", "config", "results", "search", "embedders", "knowledge"},
    "shelves": VALUES | {"knowledge", "search", "store"},
    "facets": VALUES | {"knowledge", "library", "search"},
    "reading": VALUES | {"ingest", "knowledge", "library"},
    "library": VALUES | {"answer", "ingest", "knowledge", "search"},
    "orders": VALUES | {"config", "deliveries", "ingest", "progress", "publishing", "writer"},
    "turns": VALUES | {"backup", "config", "editing", "jobs", "orders", "progress", "publishing", "search", "writer"},
    "service": VALUES
    | {
        "editing",
        "gate",
        "turns",
        "authoring",
        "calls",
        "handover",
        "asking",
        "config",
        "courtesy",
        "deliveries",
        "progress",
        "jobs",
        "following",
        "accounts",
        "aside",
        "journal",
        "knowledge",
        "orders",
        "paths",
        "publishing",
        "recording",
        "results",
        "retention",
        "withheld",
    }
    | {"search", "writer"},
    "readiness": VALUES | {"logs", "search", "store", "service"},
    "evaluation": VALUES | {"search", "results", "questions", "knowledge"},
    "diagnosis": VALUES | {"backup", "config", "store", "search", "jobs", "reader"},
    "gate": VALUES
    | {"accounts", "config", "editing", "evaluation", "ingest", "knowledge", "preparation", "questions", "reader"}
    | {"results", "search", "store"},
    "presentation": VALUES | {"backup", "progress", "publishing", "rehearsal", "results", "diagnosis"},
    "outcomes": {"evaluation", "presentation"},
    "web": VALUES
    | {
        "access",
        "accounts",
        "cases",
        "answer",
        "deliveries",
        "editing",
        "drafting",
        "importers",
        "progress",
        "provenance",
        "library",
        "facets",
        "reading",
        "conversations",
        "streams",
        "assist",
        "assisting",
        "calls",
        "stages",
        "readiness",
        "search",
        "feedback",
        "handover",
        "insight",
        "journal",
        "recording",
    }
    | {
        "store",
        "config",
        "courtesy",
        "logs",
        "results",
        "questions",
        "following",
        "knowledge",
        "service",
        "ingest",
        "resemblance",
        "shelves",
        "slots",
        "unsaved",
        "updates",
        "withheld",
    },
    "commands": None,  # as the shell's own module
    "cli": None,  # the shell reaches every operation
    "__main__": {"cli"},
    "__init__": set(),
}
LONGER_WITH_A_REASON = {
    "search/bundled.py": "one file format, read from its first byte to its last",
    "search/embedding.py": "one model: named, counted, loaded",
}


def parts(file: Path) -> str:
    """The top-level part of the package that a file belongs to."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """The parts of the package that a file imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "kb":
            below = node.module.split(".")[1:2]
            found |= set(below) if below else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("kb.")}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_part_of_the_package_is_in_the_table() -> None:
    assert {parts(file) for file in FILES} == set(MAY_IMPORT)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(file: Path) -> None:
    allowed = MAY_IMPORT[parts(file)]
    if allowed is not None:
        assert imported(file) - {parts(file)} <= allowed


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_a_module_is_small_or_says_why(file: Path) -> None:
    lines = len(file.read_text("utf-8").splitlines())
    assert lines <= 300 or file.relative_to(PACKAGE).as_posix() in LONGER_WITH_A_REASON


@pytest.mark.parametrize(
    "file", [f for f in FILES if parts(f) not in ("cli", "commands")], ids=lambda f: f.relative_to(PACKAGE).as_posix()
)
def test_no_import_of_our_own_hides_in_a_function(file: Path) -> None:
    functions = [n for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, ast.FunctionDef)]
    inner = [
        n for f in functions for n in ast.walk(f) if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("kb")
    ]
    assert not inner
