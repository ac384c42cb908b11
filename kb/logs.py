"""What kb tells the operator while it runs: one line an event on standard error, never a customer's words.

A service writes JSON unless a person watches. Whatever is logged, and by whomever, only the fields of `FIELDS` get out.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

FIELDS = {
    "time": "when, in UTC (RFC 3339, milliseconds)",
    "level": "`debug`, `info`, `warning`, `error` or `critical`",
    "logger": "the part that speaks: `kb`, `kb.web`, `kb.withheld` …, or a library",
    "event": "what happened: `request` for each that was answered, else a sentence; a library's without its values",
    "pid": "the process, of several with `--workers`",
    "request_id": "the request it belongs to, as the caller was told in `X-Request-Id` and in a problem's body",
    "method": "of a request: `GET`, `POST` …, `OTHER`",
    "route": "of a request: the template, such as `/api/search`, never the path; `unmatched` where there is none",
    "status": "of a request: the HTTP status",
    "ms": "of a request: milliseconds until its answer was whole",
    "caller": "of a request: the id of the key or account, empty for anybody; never the key",
    "outcome": "of a question: `found` or `nothing` for a search, `answered`, `abstained` or `handover` for an answer",
    "reason": "of an answer: why it was refused or handed over",
    "answer_id": "of an answer: its id, as in the body",
    "written": "of an answer where a language model is set: `generated`, or why it quotes",
    "query_id": "of a search: its id, as in the body",
    "handover_id": "of a question or hand-over: the id of the hand-over, as in the body",
    "generation": "of a question: the generation of the index that it was put to",
    "check": "of a change of readiness: the check",
    "error": "an exception: its class, then those that caused it; never its text, which may hold a caller's words",
    "stack": "an exception: where, innermost last, as `file:line function`; no values",
}
"""Every field that a line of JSON may have, in order."""
LEVELS = ("debug", "info", "warning", "error")
"""What the setting `log_level` may say."""
FORMATS = ("auto", "text", "json")
"""What the setting `log` may say."""
CONTEXT: ContextVar[Mapping[str, Any]] = ContextVar("log", default=MappingProxyType({}))
"""Fields of every line that is logged from here: those of the request at hand."""
_OWN = "kb"
_PACKAGES = {Path(__file__).parent.parent, *(Path(place) for place in sys.path if "packages" in place)}


def configure_logging() -> None:
    """Of a command: shows kb's own events, and warnings of everything else."""
    logging.basicConfig(format="kb: %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger(_OWN).setLevel(logging.INFO)


def configure_service(form: str, level: str) -> None:
    """Of a service: every logger of the process, in the form and from the level that the settings name."""
    is_text = sys.stderr.isatty() if form == "auto" else form == "text"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines() if is_text else Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OWN).setLevel(level.upper())
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_ended


def fields(**values: Any) -> dict[str, dict[str, Any]]:
    """Fields of one line, for a logger's `extra`."""
    return {"fields": values}


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Only what `FIELDS` names."""
        return msgspec.json.encode(told(record)).decode()


class Lines(logging.Formatter):
    """For a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The event, then what else is known of it."""
        found = told(record)
        others = (f"{name}={found[name]}" for name in list(FIELDS)[5:] if found.get(name) not in (None, "", []))
        return " ".join((f"{_OWN}:", found["event"], *others))


def told(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record, in the order of `FIELDS`.

    What others log is kept without its values: kb knows of its own messages alone that no customer is in them.
    """
    own = record.name.split(".")[0] == _OWN
    found = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": record.getMessage() if own else str(record.msg).partition("\n")[0],
        "pid": os.getpid(),
        **CONTEXT.get(),
        **getattr(record, "fields", {}),
        **(_scrubbed(record.exc_info[1]) if record.exc_info and record.exc_info[1] else {}),
    }
    return {name: found[name] for name in FIELDS if name in found}


def _scrubbed(error: BaseException) -> dict[str, Any]:
    chain = list(_causes(error))
    frames = [frame for cause in reversed(chain) for frame in traceback.extract_tb(cause.__traceback__)]
    return {
        "error": " < ".join(type(cause).__name__ for cause in chain),
        "stack": [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    known: set[int] = set()
    while error is not None and id(error) not in known:
        known.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _short(file: str) -> str:
    """A file below the folder that it was installed in."""
    for place in _PACKAGES:
        if Path(file).is_relative_to(place):
            return Path(file).relative_to(place).as_posix()
    return Path(file).name


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
        name = ended.thread.name if ended.thread else "unknown"
        logging.getLogger(_OWN).critical("thread %s has ended", name, exc_info=ended.exc_value)
