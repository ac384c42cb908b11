"""`/v1`: the same answers for whatever speaks OpenAI's chat completions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from kb.access.callers import Caller
from kb.answer.citations import Citation
from kb.answer.streaming import Told, joined, told
from kb.conversations import NEW
from kb.knowledge import KnowledgeBase
from kb.questions import MAX_QUESTION
from kb.results import Answer, Ask
from kb.web import asking
from kb.web.admission import Admission
from kb.web.completion_errors import HANDLERS, Unsupported, refusals
from kb.web.completion_objects import (
    MODEL,
    Annotation,
    AssistantMessage,
    ChatCompletion,
    ChatRequest,
    Choice,
    Chunk,
    ChunkChoice,
    Delta,
    Message,
    Model,
    Models,
    UrlCitation,
    Usage,
    told_of,
)
from kb.web.feedback import origin_of
from kb.web.guards import requires
from kb.withheld import report

CHANNEL = "v1"
TURNS = 100
"""Earlier turns that are read; of longer chats the last ones."""
BEGIN = "new"
"""In place of a conversation's id in `metadata`."""
_LONGEST_ID = 100
_SEEN = "data: [DONE]\n\n"


@dataclass
class _Completing(Operation):
    """An operation whose answer may be streamed, and whose errors have OpenAI's shape."""

    def __post_init__(self) -> None:
        """Adds both to what Litestar found by itself."""
        self.responses = (self.responses or {}) | refusals("400", "401", "403", "404", "408", "413", "429", "503")
        done = self.responses.get("200")
        if self.request_body is not None and isinstance(done, OpenAPIResponse) and done.content is not None:
            text = Schema(type=OpenAPIType.STRING, description="Server-sent events: chunks, then `[DONE]`")
            done.content["text/event-stream"] = OpenAPIMediaType(schema=text)


@post(
    "/chat/completions",
    status_code=200,
    sync_to_thread=True,
    summary="An answer for OpenAI's clients, whole or streamed",
    operation_class=_Completing,
    guards=[requires("public")],
)
def chat_completions(
    request: Request[Caller, Any, State], state: State, data: JSONBody[ChatRequest]
) -> Response[ChatCompletion]:
    """The answer that `/api/answers` gives; `kb` in it tells a refusal's reason. Any model's name is taken."""
    _check(data)
    question, conversation = _asked(data.messages)
    origin = origin_of(request, CHANNEL, data.user or data.safety_identifier)
    ask = Ask(question, conversation, request.user.audiences)
    kept = _kept(data)
    if kept is None:
        kb, answer = asking.answer(state, ask, origin)
    else:
        kb, answer = asking.in_conversation(state, kept, replace(ask, conversation=()), origin)
    completion = _completion(kb, data.messages, answer, _base(request, state))
    reporting = BackgroundTask(report, kb, ask, answer)
    if not data.stream:
        return Response(completion, background=reporting)
    usage = bool(data.stream_options and data.stream_options.include_usage)
    streamed = _events(completion, _pieces(list(told(answer))), usage=usage)
    return Stream(streamed, media_type="text/event-stream", background=reporting)  # type: ignore[return-value]


@get("/models", summary="The one model there is", operation_class=_Completing, guards=[requires("public")])
async def models() -> Models:
    """Its name is `kb`; what it knows are the centre's articles."""
    return Models([Model()])


@get("/models/{model:str}", summary="A model", operation_class=_Completing, guards=[requires("public")])
async def model(model: FromPath[str]) -> Model:
    """404 for any but `kb`."""
    if model != MODEL:
        raise HTTPException(f"there is no model {model[:80]!r}: there is {MODEL!r}", status_code=404)
    return Model()


def completions(admission: Admission) -> Router:
    """The routes below `/v1`; the one that asks is admitted as every other question is."""
    asking = Router("/", route_handlers=[chat_completions], middleware=[admission])
    return Router("/v1", route_handlers=[asking, models, model], exception_handlers=HANDLERS)


def _check(data: ChatRequest) -> None:
    """Raises Unsupported for what would change the answer and cannot be had."""
    if data.n not in (None, 1):
        raise Unsupported("n", f"found {data.n}; there is one answer to a question, so n is 1")
    for name in ("tools", "functions"):
        if getattr(data, name):
            raise Unsupported(name, "kb answers from its articles and calls no tools: leave them out")
    if data.response_format is not None and data.response_format.type != "text":
        raise Unsupported("response_format", "answers are quoted text: accepted is {'type': 'text'}")
    if data.modalities and data.modalities != ["text"]:
        raise Unsupported("modalities", "accepted is ['text']")


def _kept(data: ChatRequest) -> str | None:
    """The id of a conversation that the service keeps, NEW where one begins; None where the caller keeps it."""
    found = (data.metadata or {}).get("conversation_id")
    if found is None:
        return None
    if not isinstance(found, str) or not found.strip() or len(found) > _LONGEST_ID:
        raise Unsupported("metadata.conversation_id", f"found {str(found)[:80]!r}; accepted is an id, or 'new'")
    return NEW if found == BEGIN else found


def _asked(messages: Sequence[Message]) -> tuple[str, tuple[str, ...]]:
    """The question and what the user said before it. Raises Unsupported."""
    places = [place for place, message in enumerate(messages) if message.role == "user"]
    if not places:
        raise Unsupported("messages", "none is of the role 'user': the last one of that role is the question")
    turns = [_text(messages[place], place) for place in places[-TURNS - 1 :]]
    if not turns[-1].strip():
        raise Unsupported(f"messages[{places[-1]}].content", "the question is empty")
    if len(turns[-1]) > MAX_QUESTION:
        why = f"the question has {len(turns[-1])} characters; accepted are {MAX_QUESTION}"
        raise Unsupported(f"messages[{places[-1]}].content", why, "context_length_exceeded")
    return turns[-1], tuple(turn for turn in turns[:-1] if turn.strip())


def _text(message: Message, place: int) -> str:
    if isinstance(message.content, str) or message.content is None:
        return message.content or ""
    for number, part in enumerate(message.content):
        if part.type != "text":
            raise Unsupported(f"messages[{place}].content[{number}]", f"found {part.type[:40]!r}; accepted is 'text'")
    return "\n".join(part.text or "" for part in message.content)


def _completion(kb: KnowledgeBase, messages: Sequence[Message], answer: Answer, base: str) -> ChatCompletion:
    prompt = sum(kb.count_tokens([_read(message) for message in messages]))
    parts = list(told(answer))
    text = joined(parts)
    (told_tokens,) = kb.count_tokens([text])
    usage = Usage(prompt, told_tokens, prompt + told_tokens)
    message = AssistantMessage(text, _annotations(parts, answer, base))
    return ChatCompletion(f"chatcmpl-{answer.answer_id}", int(time.time()), [Choice(message)], usage, told_of(answer))


def _read(message: Message) -> str:
    if isinstance(message.content, list):
        return "\n".join(part.text or "" for part in message.content)
    return message.content or ""


def _pieces(parts: Sequence[Told]) -> list[str]:
    """What is sent one after the other: a sentence each, and together the text to the character."""
    grown = [joined(parts[:number]) for number in range(len(parts) + 1)]
    return [longer[len(before) :] for before, longer in pairwise(grown)]


def _annotations(parts: Sequence[Told], answer: Answer, base: str) -> list[Annotation]:
    """Each source with the first sentence that rests on it: of what is urgent, then of the answer."""
    spans: dict[Citation, tuple[int, int]] = {}
    for number, part in enumerate(parts):
        end = len(joined(parts[: number + 1]))
        if part.citation is not None:
            spans.setdefault(part.citation, (end - len(part.text), end))
    every = dict.fromkeys([*spans, *answer.citations])
    whole = (0, len(joined(parts)))
    return [Annotation(_at(base, citation, spans.get(citation, whole)), citation) for citation in every]


def _at(base: str, citation: Citation, span: tuple[int, int]) -> UrlCitation:
    url = base + citation.url if citation.url else f"urn:kb:{quote(citation.document_id, safe='')}"
    return UrlCitation(*span, citation.title, url)


def _base(request: Request[Any, Any, Any], state: State) -> str:
    """Where people reach the service, without a slash at the end."""
    return state.settings.public_url or str(request.base_url).rstrip("/")


def _events(whole: ChatCompletion, parts: Sequence[str], *, usage: bool) -> Iterator[str]:
    """The chunks of a completion as server-sent events: its role, each sentence, its end, then what was asked for."""
    message = whole.choices[0].message
    deltas = [Delta(role="assistant", content=""), *(Delta(content=part) for part in parts)]
    for delta in deltas:
        yield _event(Chunk(whole.id, whole.created, [ChunkChoice(delta)]))
    end = ChunkChoice(Delta(annotations=message.annotations), "stop")
    yield _event(Chunk(whole.id, whole.created, [end], kb=whole.kb))
    if usage:
        yield _event(Chunk(whole.id, whole.created, [], whole.usage))
    yield _SEEN


def _event(chunk: Chunk) -> str:
    return f"data: {msgspec.json.encode(chunk).decode()}\n\n"
