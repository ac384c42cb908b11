"""An article's text as it would be shown and found, before it is saved anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo

from kb.errors import InputError
from kb.ingest.articles import MalformedArticle, one_line_end, read_article
from kb.ingest.frontmatter import split_source
from kb.ingest.language import detect_language
from kb.ingest.markup import Markup, markup
from kb.model import Article, Passage


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, on which line of the text, with which key; `fatal` where the text cannot be published so."""

    line: int | None
    field: str | None
    message: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A passage that the article would be found by; an `internal` one by agents alone.

    One with the role `question` is a curated question, whose `text` is shown where it is found.
    """

    heading: tuple[str, ...]
    role: str
    text: str
    internal: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """`html` is what customers would see, `agents` what agents would; both may be put into a page as they stand.

    Without its blocks for agents, which say so, `agents` is `html`. Both are null where a `:::` marker is malformed;
    title and the like where the text is no article, which then makes no passages.
    """

    title: str | None
    language: str | None
    audience: tuple[str, ...] | None
    html: str | None
    agents: str | None
    troubles: tuple[Trouble, ...]
    passages: tuple[Made, ...]


def preview(text: str, *, path: str, timezone: tzinfo, split: Callable[[Article], Iterable[Passage]]) -> Preview:
    """The text of an article file that would lie at `path` under `articles/`; `split` makes its passages."""
    article, troubles = None, list[Trouble]()
    try:
        article = read_article(text.encode("utf-8", "replace"), path=path, timezone=timezone)
    except MalformedArticle as error:
        troubles = [Trouble(problem.line, problem.field, problem.message, True) for problem in error.problems]
    source = split_source(one_line_end(text.removeprefix("\ufeff")))
    body, before = (source.body, source.body_line - 1) if source else ("", 0)
    language = article.language if article else detect_language(body)
    public, whole = _rendered(body, path, language)
    refused = whole.refused if whole else ()
    troubles += [Trouble(one.line + before, "body", one.message, False) for one in refused]
    return Preview(
        title=article.title if article else None,
        language=article.language if article else None,
        audience=article.audience if article else None,
        html=public.html if public else None,
        agents=whole.html if whole else None,
        troubles=tuple(troubles),
        passages=tuple(Made(p.heading, p.role, p.text, p.internal) for p in split(article)) if article else (),
    )


def _rendered(body: str, path: str, language: str) -> tuple[Markup, Markup] | tuple[None, None]:
    try:
        public, whole = (markup(body, path=path, language=language, agents=agents) for agents in (False, True))
    except InputError:  # a malformed marker, which reading the article has told of
        return None, None
    return public, whole
