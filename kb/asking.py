"""A question of the shell goes to the running server, which has the model loaded, where it would answer as we would."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kb.config import Paths, Settings
from kb.errors import KbError, SettingsError, UsageError
from kb.jobs import ask_server, reach_server
from kb.progress import silent
from kb.results import Answer, Ask, SearchResult

_Result = TypeVar("_Result", SearchResult, Answer)
_DECIDING = ("model", "runtime", "query_prompt", "passage_prompt", "min_confidence", "max_wrong", "budget_ms")
_PATIENCE_SECONDS = 30.0
"""As long as a start without a server may take on a slow machine: then the shell answers by itself."""
log = logging.getLogger("kb")


class Asked(msgspec.Struct, frozen=True):
    """A question as it is handed over with the asker's `grounds`; `k` counts for a search alone."""

    ask: Ask
    grounds: dict[str, Any]
    explain: bool = False
    k: int = 1


def grounds(paths: Paths, settings: Settings) -> dict[str, Any]:
    """What decides an answer beside the store, as plain values: the settings, and the files that the centre made."""
    named: dict[str, Any] = {name: getattr(settings, name) for name in _DECIDING}
    if Path(settings.model).is_dir():
        named["model"] = str(Path(settings.model).resolve())
    return named | {file.name: _identity(file) for file in (paths.synonyms, paths.calibration)}


def check_alike(theirs: dict[str, Any], own: dict[str, Any]) -> None:
    """Raises SettingsError naming the first thing by which asker and server would answer differently."""
    for name, value in own.items():
        if theirs.get(name) != value:
            what = f"has {name} {value!r}, this command {theirs.get(name)!r}"
            raise SettingsError(
                f"the running server {what if name in _DECIDING else f'has not read {name} as it is now'}"
            )


def search_running(paths: Paths, settings: Settings, ask: Ask, k: int, *, explain: bool) -> SearchResult | None:
    """What the server finds; None where this process has to search. Raises UsageError."""
    asked = Asked(ask, grounds(paths, settings), explain, k)
    return _running(paths, "search", asked, SearchResult)


def answer_running(paths: Paths, settings: Settings, ask: Ask, *, explain: bool) -> Answer | None:
    """The server's answer; None where this process has to answer. Raises UsageError."""
    return _running(paths, "ask", Asked(ask, grounds(paths, settings), explain), Answer)


def _running(paths: Paths, job: str, asked: Asked, result: type[_Result]) -> _Result | None:
    """Whatever keeps the server from answering may be no trouble here, or is told here in its own words."""
    server = reach_server(paths.index)
    if server is None:
        return None
    try:
        found = ask_server(server, job, msgspec.to_builtins(asked), silent, patience=_PATIENCE_SECONDS)
        return msgspec.convert(found, result)
    except SettingsError as difference:
        log.info("%s: answered without it", difference)
    except UsageError:
        raise
    except KbError as trouble:
        log.debug("the running server does not answer: %s", trouble)
    except UnicodeEncodeError:
        log.debug("the question holds half of a character")
    return None


def _identity(file: Path) -> list[int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return [status.st_ino, status.st_mtime_ns, status.st_size]
