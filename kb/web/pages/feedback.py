"""What readers say of answers and articles, and where they may be called, by forms that work without scripts."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, post
from litestar.datastructures import State
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Template
from msgspec import Meta, Struct

from kb.access.callers import Caller
from kb.feedback import MAX_NAME, MAX_NOTE, Feedback, SignalKind, take
from kb.journal import Origin
from kb.model import PUBLIC
from kb.web import asking
from kb.web.feedback import read_of
from kb.web.pages.help import CHANNEL, OPEN_PAGE, answered
from kb.web.pages.interface import gettext_noop as _
from kb.web.pages.interface import page, reader_of, translations

PERSON = _("I want to talk to a person")
_Request = Request[Caller, Any, State]
_Name = Annotated[str, Meta(max_length=MAX_NAME)]
_Id = Annotated[str, Meta(max_length=1_000)]


class Said(Struct, frozen=True):
    """What a form says of an `answer` or of an `article`; empty is what was not chosen."""

    kind: SignalKind
    answer: _Name = ""
    article: _Id = ""
    conversation: Annotated[str, Meta(max_length=100)] = ""
    id: _Name = ""
    rating: Annotated[str, Meta(pattern="^[1-5]?$")] = ""
    note: Annotated[str, Meta(max_length=MAX_NOTE)] = ""


class Contact(Struct, frozen=True):
    """Where somebody who was handed over may be called, and when."""

    handover: _Name
    contact: Annotated[str, Meta(min_length=3, max_length=200)]
    when: Annotated[str, Meta(max_length=200)] = ""


@post("/feedback", sync_to_thread=True, status_code=200, **OPEN_PAGE)
def feedback(
    request: _Request, state: State, data: Annotated[Said, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Template:
    """Keeps it; who was not helped by an answer is handed over at once, with the conversation."""
    given = Feedback(
        data.kind,
        answer_id=data.answer or None,
        id=data.id or None,
        document_id=None if data.answer else data.article or None,
        rating=int(data.rating) if data.rating else None,
        note=data.note.strip() or None,
    )
    take(asking.service_of(state).journal, given, Origin("", CHANNEL), read_of(state, given, {PUBLIC}))
    if data.kind == "not_helpful" and data.answer:
        person = translations(reader_of(request).language).gettext(PERSON)
        return answered(request, state, person, data.conversation)
    return _thanks(request, data.kind in ("not_helpful", "not_solved"), data.conversation, data.article)


@post("/callback", sync_to_thread=True, status_code=200, **OPEN_PAGE)
def call_back(
    request: _Request, state: State, data: Annotated[Contact, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Template:
    """Asks for a call back about a hand-over; on the disk, encrypted, when it is answered."""
    asking.service_of(state).handovers.call_back(data.handover, "", data.contact, data.when.strip() or None)
    return _thanks(request, unhappy=False, called=True)


def _thanks(
    request: _Request, unhappy: bool, conversation: str = "", article: str = "", *, called: bool = False
) -> Template:
    return page(
        request, "thanks.html", unhappy=unhappy, conversation=conversation or None, about=article or None, called=called
    )
