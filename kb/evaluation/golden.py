"""Golden questions, read from JSONL: what is asked, and which documents must answer it."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import langcodes

from kb.errors import InputError
from kb.model import Problem

LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """One question whose right outcome is known.

    `expected` holds document ids, articles or tickets; empty means that the question must be refused.
    `audience` None means the audience of the run; `language` None means to be detected.
    `answers` are texts of which a right answer contains at least one; `line` counts from 1.
    """

    question: str
    expected: tuple[str, ...]
    language: str | None = None
    audience: tuple[str, ...] | None = None
    conversation: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    line: int = field(kw_only=True)


def read_golden(path: Path) -> tuple[GoldenQuestion, ...]:
    """The questions of a golden file, in order; UTF-8, with or without a byte order mark, blank lines skipped.

    Raises InputError that lists every problem of the file.
    """
    questions: list[GoldenQuestion] = []
    problems: list[Problem] = []
    # Split on \n alone: JSON texts may hold U+2028 and other characters that `splitlines` takes for line ends.
    for number, raw in enumerate(_read_bytes(path).split(b"\n"), start=1):
        if not raw.strip():
            continue
        question, found = _read_line(raw, str(path), number)
        problems += found
        if question:
            questions.append(question)
    if problems:
        raise InputError("\n".join(map(str, problems)))
    return tuple(questions)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        message = f"cannot be read ({error.strerror}); accepted: a JSONL file, one question a line"
        raise InputError(str(Problem(str(path), None, None, message))) from error


def _read_line(raw: bytes, source: str, number: int) -> tuple[GoldenQuestion | None, list[Problem]]:
    """The question of one line, or None and what is wrong with it."""
    try:
        pairs = _parse(raw)
    except ValueError as error:
        return None, [Problem(source, number, None, str(error))]
    values, refused = _read_fields(pairs)
    if refused:
        return None, [Problem(source, number, name, message) for name, message in refused]
    return GoldenQuestion(**values, line=number), []


def _parse(raw: bytes) -> tuple[tuple[str, Any], ...]:
    """The keys and values of one JSON object, repeated keys included; raises ValueError with the message to show."""
    try:
        # Pairs, not a dict, so that a repeated key is seen; only objects become tuples, arrays become lists.
        record = json.loads(raw.decode(), object_pairs_hook=tuple)
    except UnicodeDecodeError as error:
        found = f"byte 0x{raw[error.start]:02x} at position {error.start + 1}"
        raise ValueError(f"found {found}; accepted: UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"found text that is not JSON ({error}); accepted: one JSON object a line") from error
    if not isinstance(record, tuple):
        raise ValueError(f"found {_shown(record)}; accepted: a JSON object")  # noqa: TRY004  the caller shows ValueErrors
    return record


def _read_fields(pairs: tuple[tuple[str, Any], ...]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The checked values by field, and each refused field with the reason."""
    counts = Counter(name for name, _ in pairs)
    twice = [name for name, count in counts.items() if count > 1]
    refused = [(_printable(name), f"found {counts[name]} times; accepted: once") for name in twice]
    unknown = [name for name in counts if name not in _KEYS]
    refused += [(_printable(name), f"found an unknown key; accepted: {', '.join(_KEYS)}") for name in unknown]
    record = dict(pairs)
    values: dict[str, Any] = {}
    for name, key in _KEYS.items():
        try:
            if key.required or record.get(name) not in (None, ""):  # null and "" equal an absent key, as in articles
                values[name] = key.read(record[name])
        except KeyError:
            refused.append((name, f"found nothing; accepted: {key.accepted}"))
        except ValueError:
            refused.append((name, f"found {_shown(record[name])}; accepted: {key.accepted}"))
    return values, refused


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or value != _printable(value):
        raise ValueError(value)
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(value)  # noqa: TRY004  one error type for every refused value
    return tuple(map(_text, value))


def _names(value: object) -> tuple[str, ...]:
    names = _texts([value] if isinstance(value, str) else value)
    if not names:
        raise ValueError(value)
    return names


def _language(value: object) -> str:
    tag = _text(value)
    if not langcodes.tag_is_valid(tag):
        raise ValueError(value)
    return langcodes.standardize_tag(tag)


def _printable(text: str) -> str:
    """The text with lone surrogates, which JSON escapes can smuggle in and UTF-8 cannot hold, replaced by `?`."""
    return text.encode("utf-8", "replace").decode()


def _shown(value: object) -> str:
    """A value as the file has it, shortened to be quoted in a message."""
    if isinstance(value, tuple):
        return "an object"
    text = _printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of the file: `read` checks and converts a value, or raises ValueError."""

    read: Callable[[object], object]
    accepted: str
    required: bool = False


_KEYS = {
    "question": _Key(_text, "a text that is not blank", required=True),
    "expected": _Key(_texts, "a list of document ids, empty if the question must be refused", required=True),
    "language": _Key(_language, "a BCP 47 tag such as zh or en"),
    "audience": _Key(_names, "a name or a list of names"),
    "conversation": _Key(_texts, "a list of texts, the earlier turns"),
    "answers": _Key(_texts, "a list of texts of which a right answer contains one"),
}
