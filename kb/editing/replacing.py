"""Find and replace across articles: first what it would change, then one edit for each article, all by the desk."""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

import regex

from kb.config import Paths
from kb.editing.texts import ArticleText, article_texts, fixed
from kb.errors import KbError, StoreError, UsageError
from kb.ingest.articles import MAX_BYTES, MalformedArticle, read_article
from kb.ingest.sentences import line_starts

SECONDS = 5.0
"""For which all articles together are searched; an expression that needs longer is refused."""
MOST_HITS = 10_000
LONGEST = 500
"""Characters that may be looked for: making ready for many repeated ones takes longer than any search."""
_SHOWN = 400
"""Characters of a line that are shown around a change."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for in whole article files, and what to put there.

    With `regex`, `find` is a regular expression (`^` and `$` stand at lines' ends) and `replace` may name its groups:
    `\\1`, `\\g<name>`. Without `case`, capital and small letters are the same.
    """

    find: str
    replace: str
    regex: bool = False
    case: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of lines with one hit or more, as it is and as it would be; `line` is the file's, from 1."""

    line: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changed:
    """An article that would be edited from its newest revision on."""

    document_id: str
    revision: int
    title: str
    hits: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """An article with hits that stays as it is, and why."""

    document_id: str
    hits: int
    reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What would change; the `token` stands for just this, and carries it out as long as nothing else has changed."""

    token: str
    hits: int
    changed: tuple[Changed, ...]
    kept: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """An article whose edit has this number now."""

    document_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class Done:
    """What became of it: one edit for each article, and those that stay as they are."""

    edited: tuple[Edited, ...]
    kept: tuple[Kept, ...]


class Drafts(Protocol):
    """Where edits go: the editors' desk, for one editor."""

    def edit(self, document_id: str, base_revision: int, text: str) -> int:
        """Saves a whole article file as an edit of a revision; its number.

        Raises KbError, with the reason, where another edit is open, that is not the newest, or it may not be edited.
        """


class OutOfDate(KbError):
    """The articles, or what is wanted, are others than in the preview: look at a new one (HTTP 409)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A preview, and each article's whole new text in the same order."""

    preview: Preview
    texts: tuple[str, ...]


def plan(paths: Paths, timezone: tzinfo, wanted: Wanted) -> Plan:
    """What replacing would change in every article that is not retired. Raises UsageError, StoreError."""
    return _planned(article_texts(paths), timezone, wanted)


def carry_out(planned: Plan, token: str, drafts: Drafts) -> Done:
    """One edit for each article, of which each goes in or stays out by itself. Raises OutOfDate, StoreError."""
    if token != planned.preview.token:
        raise OutOfDate("this is not what the preview showed: articles have changed since; look at a new one")
    edited, kept = list[Edited](), list(planned.preview.kept)
    for changed, text in zip(planned.preview.changed, planned.texts, strict=True):
        try:
            edited.append(Edited(changed.document_id, drafts.edit(changed.document_id, changed.revision, text)))
        except StoreError:
            raise
        except KbError as error:
            kept.append(Kept(changed.document_id, changed.hits, str(error)))
    return Done(tuple(edited), tuple(kept))


def _planned(articles: Iterable[ArticleText], timezone: tzinfo, wanted: Wanted) -> Plan:
    search = _Search(wanted)
    changed, texts, kept = list[Changed](), list[str](), list[Kept]()
    for article in articles:
        if not (hits := search.hits(article.text)):
            continue
        text = _replaced(article.text, hits)
        id_ = article.article.id
        if reason := fixed(article, timezone) or _spoilt(article, text, timezone):
            kept.append(Kept(id_, len(hits), reason))
        elif text != article.text:
            places = tuple(_places(article.text, hits))
            changed.append(Changed(id_, article.revision, article.article.title, len(hits), places))
            texts.append(text)
    token = _token(wanted, changed, texts)
    return Plan(Preview(token, search.found, tuple(changed), tuple(kept)), tuple(texts))


def _spoilt(article: ArticleText, text: str, timezone: tzinfo) -> str | None:
    """Why an article cannot be what it would become."""
    try:
        made = read_article(text.encode(), path=article.path, timezone=timezone)
    except MalformedArticle as error:
        return f"it would be malformed: {error.problems[0]}"
    return None if made.id == article.article.id else f"it would become another article, {made.id!r}"


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    end: int
    put: str


class _Search:
    """One search through many texts, with one limit on hits and time."""

    def __init__(self, wanted: Wanted) -> None:
        """Raises UsageError."""
        self.found, self._wanted = 0, wanted
        self._until = time.monotonic() + SECONDS
        if not 0 < len(wanted.find) <= LONGEST:
            raise UsageError(f"find: found {len(wanted.find):,} characters; accepted are 1 to {LONGEST}")
        flags = regex.MULTILINE | (0 if wanted.case else regex.IGNORECASE)
        try:
            self._pattern = regex.compile(wanted.find if wanted.regex else regex.escape(wanted.find), flags)
        except (regex.error, RecursionError, OverflowError) as error:
            raise UsageError(f"find: {wanted.find!r} is no regular expression: {error}") from error

    def hits(self, text: str) -> list[_Hit]:
        """The hits in a text, in order. Raises UsageError."""
        try:
            left = max(0.001, self._until - time.monotonic())
            found = [self._hit(match) for match in self._pattern.finditer(text, timeout=left)]
        except TimeoutError as error:
            raise UsageError(
                f"find: {self._wanted.find!r} takes longer than {SECONDS:g} s: write it more simply"
            ) from error
        return found

    def _hit(self, match: regex.Match[str]) -> _Hit:
        self.found += 1
        if match.start() == match.end():
            raise UsageError(f"find: {self._wanted.find!r} also fits where there is nothing: say what has to be there")
        if self.found > MOST_HITS:
            raise UsageError(f"find: {self._wanted.find!r} has more than {MOST_HITS:,} hits: look for more at once")
        return _Hit(match.start(), match.end(), self._put(match))

    def _put(self, match: regex.Match[str]) -> str:
        replace = self._wanted.replace
        if not self._wanted.regex:
            return replace
        if len(match[0]) * replace.count("\\") > MAX_BYTES:
            raise UsageError(f"replace: {replace!r} would make more of a hit than an article may hold")
        try:
            return str(match.expand(replace))
        except (regex.error, IndexError, KeyError) as error:
            raise UsageError(f"replace: {replace!r} is none for this expression: {error}") from error


def _replaced(text: str, hits: Sequence[_Hit]) -> str:
    made, at = list[str](), 0
    for hit in hits:
        made += [text[at : hit.start], hit.put]
        at = hit.end
    return "".join(made) + text[at:]


def _places(text: str, hits: Sequence[_Hit]) -> Iterator[Place]:
    """The lines that change, those of hits on the same line as one place."""
    starts = line_starts(text)
    group: list[_Hit] = []
    for hit in [*hits, None]:
        if group and (hit is None or _line(starts, hit.start) > _line(starts, group[-1].end)):
            yield _place(text, starts, group)
            group = []
        if hit is not None:
            group.append(hit)


def _line(starts: Sequence[int], offset: int) -> int:
    return bisect_right(starts, offset) - 1


def _place(text: str, starts: Sequence[int], group: Sequence[_Hit]) -> Place:
    first, last = _line(starts, group[0].start), _line(starts, group[-1].end)
    start = max(starts[first], group[0].start - _SHOWN)
    end = min(starts[last + 1] - 1, group[-1].end + _SHOWN)
    own = [_Hit(hit.start - start, hit.end - start, hit.put) for hit in group]
    return Place(first + 1, text[start:end], _replaced(text[start:end], own))


def _token(wanted: Wanted, changed: Sequence[Changed], texts: Sequence[str]) -> str:
    held = [(wanted.find, wanted.replace, wanted.regex, wanted.case)]
    made = [(one.document_id, one.revision, text) for one, text in zip(changed, texts, strict=True)]
    return hashlib.sha256(repr((held, made)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
