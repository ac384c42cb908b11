"""The help centre: ask, read the answer and its sources, browse; every page works without scripts, for anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from litestar import Request, get, post
from litestar.datastructures import Cookie, State
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect, Template
from msgspec import Meta, Struct

from kb.access.callers import Caller
from kb.answer.citations import Citation
from kb.answer.streaming import told
from kb.config import Settings, zone
from kb.conversations import NEW
from kb.errors import KbError, NotShown
from kb.handover.moments import duration, moment
from kb.journal import Origin
from kb.model import PUBLIC
from kb.questions import MAX_QUESTION
from kb.results import Answer, Ask
from kb.shelves import Shelf, Shelves
from kb.web import asking
from kb.web.entrance import AS_ANYBODY
from kb.web.guards import own_path, requires
from kb.web.pages.interface import LANGUAGE_COOKIE, LANGUAGES, TEXT_COOKIE, page, reader_of

CHANNEL = "web"
_NO_CATEGORY = "-"
_WORDS = re.compile(r"[\u3400-\u9fff]|[^\W\d_]{3}")
"""In whose language a question is; one without, such as `E3`, is in the page's."""
_YEAR = 365 * 24 * 3600
OPEN_PAGE: dict[str, Any] = {"opt": {AS_ANYBODY: True}, "guards": [requires("public")], "include_in_schema": False}
"""Of a route: the same for everybody, and a page."""
_Request = Request[Caller, Any, State]


class Asked(Struct, frozen=True):
    """What the form sends."""

    question: Annotated[str, Meta(max_length=MAX_QUESTION)] = ""
    conversation: Annotated[str, Meta(max_length=100)] = ""
    about: Annotated[str, Meta(max_length=1_000)] = ""
    """The article that was read before a person was wanted."""


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence of an answer, with the number of its source and where that is."""

    text: str
    before: str
    urgent: bool
    number: int | None
    title: str | None
    link: str | None


@get("/", sync_to_thread=True, **OPEN_PAGE)
def home(request: _Request, state: State) -> Template:
    """The ask field, and what there is to read."""
    return _home(request, state)


@post("/ask", sync_to_thread=True, status_code=200, **OPEN_PAGE)
def ask(
    request: _Request, state: State, data: Annotated[Asked, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Template:
    """The same answer as everywhere, for a reader without scripts."""
    question = data.question.strip()
    if not question:
        return _home(request, state, conversation=data.conversation)
    return answered(request, state, question, data.conversation, data.about)


@get("/topics/{name:str}", sync_to_thread=True, **OPEN_PAGE)
def topic(request: _Request, state: State, name: FromPath[str]) -> Template:
    """The articles of one category, in the reader's language."""
    reader, wanted = reader_of(request), None if name == _NO_CATEGORY else name
    shelf = next((shelf for shelf in _shelves(request, state) if shelf.name == wanted), Shelf(wanted, ()))
    if not shelf.articles and not any(one.category == wanted for one in _all(state)):
        raise NotFoundException("there is no such topic")
    label = category_name(state, reader.language, wanted)
    return page(request, "topic.html", label=label, articles=shelf.articles, site=site_of(request))


@get("/preferences", sync_to_thread=False, **OPEN_PAGE)
def preferences(
    lang: FromQuery[str | None] = None, text: FromQuery[str | None] = None, back: FromQuery[str] = "/"
) -> Redirect:
    """Remembers how a reader wants pages shown, and leads back."""
    cookies = []
    if lang in LANGUAGES:
        cookies.append(Cookie(LANGUAGE_COOKIE, value=lang, max_age=_YEAR, samesite="lax", httponly=True))
    if text in ("large", "usual"):
        cookies.append(Cookie(TEXT_COOKIE, value=text, max_age=_YEAR, samesite="lax", httponly=True))
    return Redirect(quote(own_path(back), safe="/%?=&"), status_code=303, cookies=cookies)


HANDLERS = (home, topic, preferences)
"""`ask` stands apart: it is admitted as every question is."""


def answered(request: _Request, state: State, question: str, conversation: str, about: str = "") -> Template:
    """The help centre with the answer to a question, or with why there is none at the moment.

    It is asked in a `conversation`, a new one where that has expired; or, where there is none, after the title of the
    article `about` which it is.
    """
    title = _title(state, about) if about and not conversation else None
    speaks = None if _WORDS.search(question) else reader_of(request).tag
    asked = Ask(question, () if title is None else (title,), frozenset({PUBLIC}), speaks=speaks)
    try:
        answer = _answer(state, asked, conversation)
    except (HTTPException, KbError) as error:
        status = error.status_code if isinstance(error, HTTPException) else 503
        return _home(request, state, status=status, conversation=conversation or None, problem=True)
    return _home(request, state, conversation=answer.conversation_id, question=question, answer=answer)


def site_of(request: _Request) -> str:
    """Where people reach this service."""
    settings: Settings = request.app.state.settings
    return settings.public_url or str(request.base_url).rstrip("/")


def category_name(state: State, language: str, category: str | None) -> str | None:
    """What a category is called in a language."""
    settings: Settings = state.settings
    return None if category is None else settings.categories.get(category, {}).get(language, category)


def cited(citation: Citation) -> str | None:
    """The page of a source, at the sentence that is quoted."""
    if citation.url is None or not citation.url.startswith("/"):
        return citation.url
    span = {"revision": citation.revision, "from": citation.start, "to": citation.end}
    return f"{citation.url}?{urlencode(span)}#cited"


def parts_of(answer: Answer) -> Iterator[Part]:
    """An answer's sentences; those of one article share a number, and each leads to its own place there."""
    numbers: dict[str, int] = {}
    for part in told(answer):
        source = part.citation
        if source is None:
            yield Part(part.text, part.before, part.urgent, None, None, None)
        else:
            number = numbers.setdefault(source.document_id, len(numbers) + 1)
            yield Part(part.text, part.before, part.urgent, number, source.title, cited(source))


def _answer(state: State, asked: Ask, conversation: str) -> Answer:
    origin = Origin("", CHANNEL)
    if asked.conversation:
        return asking.answer(state, asked, origin)[1]
    try:
        return asking.in_conversation(state, conversation or NEW, asked, origin)[1]
    except NotShown:  # it has expired: begin again
        return asking.in_conversation(state, NEW, asked, origin)[1]


def _title(state: State, article: str) -> str | None:
    shelves: Shelves = state.shelves
    found = shelves.named(asking.service_of(state).knowledge, article)
    return None if found is None else found.title


def _home(request: _Request, state: State, *, status: int = 200, problem: bool = False, **turn: Any) -> Template:
    answer: Answer | None = turn.get("answer")
    language = reader_of(request).language
    settings: Settings = state.settings
    return page(
        request, "help.html", status, site=site_of(request), shelves=_shelves(request, state),
        named=lambda name: category_name(state, language, name), conversation=turn.get("conversation"), problem=problem,
        question=turn.get("question"), answer=answer, parts=list(parts_of(answer)) if answer else [], sent=uuid4().hex,
        duration=duration, moment=partial(moment, zone=zone(settings)), timezone=settings.timezone or "",
    )  # fmt: skip


def _shelves(request: _Request, state: State) -> tuple[Shelf, ...]:
    """Nothing where nothing can be read at the moment: the page is shown all the same."""
    shelves: Shelves = state.shelves
    try:
        return shelves.by_category(asking.service_of(state).knowledge, reader_of(request).language)
    except KbError:
        return ()


def _all(state: State) -> tuple[Any, ...]:
    shelves: Shelves = state.shelves
    return shelves.articles(asking.service_of(state).knowledge)
