"""A centre's own words for the same thing: `synonyms.txt` in the home, one group a line, in either language.

# what our customers call it
冰箱, 雪柜, refrigerator, fridge
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kb.errors import InputError
from kb.model import Problem
from kb.search.terms import is_chinese, normalised, question_terms, terms

ACCEPTED = "two or more words or phrases of one meaning a line, separated by commas, such as: 冰箱, 雪柜, fridge"

_SEPARATOR = re.compile(r"[,，、=＝]")
_COMMENT = re.compile(r"(?:^|\s)#.*")


class MalformedSynonyms(InputError):
    """A synonyms file cannot be used: correct the lines that `problems` name, which are all that are wrong."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Entry:
    """A word or phrase, `text` as normalised for comparing, with the terms that keyword search knows it by.

    `distinctive` are those terms that are no part of another: the whole word, the whole identifier.
    """

    text: str
    terms: tuple[str, ...]
    distinctive: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Groups of entries, each of which may stand for the others of its group."""

    groups: tuple[tuple[Entry, ...], ...] = ()

    def alternatives(self, question: str) -> dict[str, tuple[str, ...]]:
        """The terms that each of a question's terms may be replaced by, in the order of the file.

        Each term of a phrase that is asked for has the same alternatives. Script and case do not matter.
        """
        if not self.groups:
            return {}
        whole, words, asked = normalised(question), terms(question), question_terms(question)
        found: dict[str, dict[str, None]] = {}
        for group in self.groups:
            for entry in group:
                for term in _asked_for(entry, whole, words, asked):
                    others = (t for other in group if other != entry for t in other.distinctive)
                    found.setdefault(term, {}).update(dict.fromkeys(others))
        return {term: tuple(t for t in others if t != term) for term, others in found.items()}


def read_synonyms(file: Path) -> Synonyms:
    """The synonyms of a home; none where the file is absent. Raises MalformedSynonyms that lists every problem."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return Synonyms()
    except OSError as error:
        message = f"cannot be read ({error.strerror}); accepted is a text file, {ACCEPTED}"
        raise MalformedSynonyms([Problem(str(file), None, None, message)]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"found byte 0x{error.object[error.start]:02x}; accepted is UTF-8 text"
        raise MalformedSynonyms([Problem(str(file), line, None, message)]) from error
    return parse_synonyms(text, source=str(file))


def parse_synonyms(text: str, *, source: str) -> Synonyms:
    """The groups of a file's text. Raises MalformedSynonyms that lists every problem."""
    groups, problems, first = [], [], dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        kept = _COMMENT.sub("", line).strip()
        if not kept:
            continue
        group, messages = _group(kept)
        messages += [_twice(e, first[e.text]) for e in group if e.text in first]
        problems += [Problem(source, number, None, message) for message in messages]
        for entry in group:
            first.setdefault(entry.text, number)
        groups.append(group)
    if problems:
        raise MalformedSynonyms(problems)
    return Synonyms(tuple(groups))


def _group(line: str) -> tuple[tuple[Entry, ...], list[str]]:
    """The distinct entries of a line, and what is wrong with it."""
    written = [part.strip() for part in _SEPARATOR.split(line)]
    empty = [part for part in written if not normalised(part)]
    distinct = {normalised(part): _entry(part) for part in written if part not in empty}
    messages = [f"found {part!r} where a word should stand; accepted are {ACCEPTED}" for part in empty]
    if len(distinct) < 2:
        messages.append(f"found {line!r}, which is one word; accepted are {ACCEPTED}")
    return tuple(distinct.values()), messages


def _entry(written: str) -> Entry:
    meaningful = question_terms(written)
    distinctive = tuple(t for t in meaningful if not any(t != other and t in other for other in meaningful))
    return Entry(normalised(written), tuple(terms(written)), distinctive)


def _twice(entry: Entry, line: int) -> str:
    return f"found {entry.text!r}, which line {line} has as well; accepted is each word once: join the two lines"


def _asked_for(entry: Entry, whole: str, words: Sequence[str], asked: Sequence[str]) -> Iterator[str]:
    """The terms of the question with which it asks for an entry; none where it does not.

    Chinese is compared by characters, since where a word ends depends on what stands around it.
    """
    if is_chinese(entry.text):
        if entry.text in whole:
            inside = [term for term in asked if normalised(term) in entry.text]
            yield from inside or [term for term in asked if entry.text in normalised(term)]
    elif any(tuple(words[i : i + len(entry.terms)]) == entry.terms for i in range(len(words))):
        yield from (term for term in asked if term in entry.terms)
