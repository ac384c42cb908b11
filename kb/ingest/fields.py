"""Loose values of a source, checked one by one into typed ones; every problem is collected, none stops the others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches

import langcodes

from kb.model import Problem

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ]+(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?) *(Z|z|[+-]\d{2}(?::?\d{2})?)?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DATES = "a date (2026-01-31), or a date and time with or without a zone (2026-01-31T18:00+08:00)"
_FOREVER = datetime.max.replace(tzinfo=UTC)


def shown(value: object) -> str:
    """A value as an error message quotes it: short, and with its type where that is the trouble."""
    names: dict[type, str] = {dict: "a mapping", list: "a list", bool: "the boolean", int: "the number"}
    if isinstance(value, dict | list):
        return names[type(value)]
    text = repr(value) if isinstance(value, str) else str(value).lower()
    text = text if len(text) <= 80 else f"{text[:77]}…"
    return text if isinstance(value, str) else f"{names.get(type(value), 'the value')} {text}"


def withheld(value: object) -> str:
    """A value as a message names it that must not quote it."""
    return shown(value) if isinstance(value, dict | list) else "a string" if isinstance(value, str) else "a number"


def identifier_trouble(identifier: str) -> str | None:
    """Why a text cannot be a document's id, or None when it can: ids become paths and addresses."""
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in identifier):
        return "it holds a control character"
    if "\\" in identifier:
        return "it holds a backslash; use `/`"
    if ".." in identifier:
        return "it holds `..`"
    if any(part in ("", ".") or part != part.strip() for part in identifier.split("/")):
        return "it starts or ends with `/`, or has an empty, padded or `.` part"
    return None


class Fields:
    """A mapping whose values are read by key; whatever is wrong is added to `problems` and read as absent.

    An empty string, an empty list and null equal an absent key.
    """

    def __init__(
        self,
        values: Mapping[str, object],
        *,
        source: str,
        line: int | None,
        accepted: Iterable[str],
        lines: Mapping[str, int] | None = None,
        prefix: str = "",
        private: Iterable[str] = (),
    ) -> None:
        """`private` are keys whose values no message may quote: they hold what customers wrote."""
        self.problems: list[Problem] = []
        self.source, self.line, self._lines, self._prefix = source, line, lines or {}, prefix
        self._private = frozenset(private)
        self._values = {key: value for key, value in values.items() if value not in ("", None)}
        self._refuse_unknown(values, tuple(accepted))

    def _refuse_unknown(self, values: Mapping[str, object], accepted: tuple[str, ...]) -> None:
        for key in values:
            if key not in accepted:
                near = get_close_matches(key, accepted, n=1)
                hint = f"did you mean `{near[0]}`? " if near else ""
                self.refuse(key, f"unknown key; {hint}accepted are {', '.join(accepted)}")

    def refuse(self, key: str | None, message: str, line: int | None = None) -> None:
        """Note a problem at a key (None: of the whole source)."""
        place = self.line_of(key or "") if line is None else line
        self.problems.append(Problem(self.source, place, key and self._prefix + key, message))

    def _shown(self, key: str, value: object) -> str:
        return withheld(value) if key in self._private else shown(value)

    def line_of(self, key: str) -> int | None:
        """The line a key stands on."""
        return self._lines.get(key, self.line)

    def adopt(self, other: Fields) -> None:
        """Take over the problems of a nested mapping."""
        self.problems += other.problems

    def has(self, key: str) -> bool:
        """Whether the key holds anything."""
        return key in self._values

    def raw(self, key: str) -> object:
        """The unchecked value, None when absent."""
        return self._values.get(key)

    def require(self, key: str, accepted: str) -> None:
        """Refuse the source when a key holds nothing."""
        if not self.has(key):
            self.refuse(key, f"missing; accepted is {accepted}")

    def text(self, key: str, *, strip: bool = True) -> str | None:
        """A string; surrounding white space goes."""
        value = self.raw(key)
        return None if value is None else self._text(key, value, strip=strip)

    def _text(self, key: str, value: object, *, strip: bool = True) -> str | None:
        if not isinstance(value, str):
            self.refuse(key, f"found {self._shown(key, value)}; accepted is a string, so put it in quotes")
            return None
        if _UNSTORABLE.search(value):
            self.refuse(key, "holds a NUL character or half of a surrogate pair; remove it")
            return None
        return (value.strip() if strip else value) or None

    def texts(self, key: str) -> tuple[str, ...]:
        """A string or a list of strings, without repeats, in the order given."""
        value = self.raw(key)
        if value is not None and not isinstance(value, str | list | tuple):
            self.refuse(key, f"found {self._shown(key, value)}; accepted is a string or a list of strings")
            return ()
        items = value if isinstance(value, list | tuple) else [] if value is None else [value]
        found = [self._text(key, item) for item in items if item not in ("", None)]
        return tuple(dict.fromkeys(item for item in found if item))

    def flag(self, key: str) -> bool:
        """A boolean, false when absent."""
        value = self.raw(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.refuse(key, f"found {self._shown(key, value)}; accepted are true and false")
        return False

    def choice(self, key: str, accepted: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        value = self.text(key)
        if value is None or value in accepted:
            return value or default
        self.refuse(key, f"found {self._shown(key, value)}; accepted are {', '.join(accepted)}")
        return default

    def mapping(self, key: str) -> Mapping[str, object]:
        """A mapping, empty when absent."""
        value = self.raw(key)
        if value is None or isinstance(value, dict):
            return value or {}
        self.refuse(key, f"found {self._shown(key, value)}; accepted is a mapping")
        return {}

    def items(self, key: str) -> list[object]:
        """A list, empty when absent."""
        value = self.raw(key)
        if value is None or isinstance(value, list):
            return value or []
        self.refuse(key, f"found {self._shown(key, value)}; accepted is a list")
        return []

    def identifier(self, key: str) -> str | None:
        """A document's id, in Unicode form NFC."""
        value = self.raw(key)
        if value is not None and not isinstance(value, str):
            self.refuse(key, f"found {self._shown(key, value)}; an id is a string, so put it in quotes")
            return None
        identifier = None if value is None else unicodedata.normalize("NFC", value)
        trouble = identifier and identifier_trouble(identifier)
        if trouble:
            self.refuse(key, f"found {self._shown(key, identifier)}, which cannot be an id: {trouble}")
            return None
        return identifier

    def language(self, key: str) -> str | None:
        """A BCP 47 tag in its usual letter case."""
        value = self.text(key)
        if value is None:
            return None
        if langcodes.tag_is_valid(value) and "_" not in value:
            return langcodes.standardize_tag(value)
        self.refuse(key, f"found {self._shown(key, value)}; accepted is a BCP 47 tag such as zh, zh-Hant or en")
        return None

    def moment(self, key: str, timezone: tzinfo, *, ends: bool = False) -> datetime | None:
        """A time in UTC; a bare date starts at 00:00 in `timezone`, or, where it `ends` something, at 24:00."""
        value = self.text(key)
        if value is None:
            return None
        try:
            moment = _moment(value, timezone, ends=ends)
        except ValueError as error:
            self.refuse(key, f"found {self._shown(key, value)} ({error}); accepted is {_DATES}")
            return None
        return moment


def _moment(text: str, timezone: tzinfo, *, ends: bool) -> datetime:
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=1 if ends else 0)
            return datetime.combine(day, time.min, timezone).astimezone(UTC)
        return _clock_time(text, timezone).astimezone(UTC)
    except OverflowError:
        if ends and text.startswith("9999-12-31"):
            return _FOREVER  # help desks write "for ever" like this
        raise ValueError("out of range") from None


def _clock_time(text: str, timezone: tzinfo) -> datetime:
    parts = _MOMENT.fullmatch(text)
    if not parts:
        raise ValueError("not a date")
    day, clock, zone = parts.groups()
    moment = datetime.fromisoformat(f"{day}T{clock}{(zone or '').upper()}")
    return moment if zone else moment.replace(tzinfo=timezone)
