"""What OpenAI's chat completions look like on the wire, as far as kb takes and gives them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from kb.answer.citations import Citation
from kb.model import Action
from kb.results import Answer, Option

MODEL = "kb"
"""The one model there is; any other name is taken too, and answered by it."""


class Part(msgspec.Struct, frozen=True):
    """A part of a message; of those that a user sends, only `text` is read."""

    type: str
    text: str | None = None


class Message(msgspec.Struct, frozen=True):
    """One message; what is no user's is data without effect, whatever it says."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """How a stream ends: with `include_usage`, by a chunk that counts tokens."""

    include_usage: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """The form of an answer: `text` is all there is."""

    type: str


class ChatRequest(msgspec.Struct, frozen=True):
    """A chat so far; the last message of the role `user` is the question, those before it its conversation.

    With `{"conversation_id": "new"}` in `metadata` a conversation begins that the service keeps: `kb` in the completion
    tells its id, which goes in the same place with each further question; earlier messages are then not read.
    `user` (or `safety_identifier`) is kept only as a keyed hash, as `customer_ref` is. Parameters that are not named
    here, such as `temperature`, are taken and have no effect.
    """

    messages: Annotated[list[Message], msgspec.Meta(min_length=1, max_length=2_000)]
    model: Annotated[str, msgspec.Meta(max_length=200)] = MODEL
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: ResponseFormat | None = None
    modalities: list[str] | None = None
    user: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    safety_identifier: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    metadata: dict[str, Any] | None = None


class UrlCitation(msgspec.Struct, frozen=True):
    """Where `content[start_index:end_index]` comes from."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(msgspec.Struct, frozen=True):
    """A citation as OpenAI's clients know it, and, beside it, as kb gives it: `quote == body[start:end]`."""

    url_citation: UrlCitation
    citation: Citation
    type: Literal["url_citation"] = "url_citation"


class Told(msgspec.Struct, frozen=True):
    """kb's own field of a completion: whether and why the question was answered or refused, and what may come next."""

    answer_id: str
    outcome: str
    confidence: float
    reason: str | None
    language: str | None
    foreign: bool
    actions: tuple[Action, ...]
    options: tuple[Option, ...]
    handover: Any
    conversation_id: str | None


class AssistantMessage(msgspec.Struct, frozen=True):
    """The answer, or what to say where there is none."""

    content: str
    annotations: list[Annotation]
    refusal: None = None
    role: Literal["assistant"] = "assistant"


class Choice(msgspec.Struct, frozen=True):
    """The one choice."""

    message: AssistantMessage
    finish_reason: Literal["stop"] = "stop"
    index: int = 0
    logprobs: None = None


class Usage(msgspec.Struct, frozen=True):
    """Tokens by the embedding model's own tokenizer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(msgspec.Struct, frozen=True):
    """An answer; `kb` is ours, all else is OpenAI's."""

    id: str
    created: int
    choices: list[Choice]
    usage: Usage
    kb: Told
    model: str = MODEL
    object: Literal["chat.completion"] = "chat.completion"


class Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a chunk adds to the message."""

    role: str | None = None
    content: str | None = None
    annotations: list[Annotation] | None = None


class ChunkChoice(msgspec.Struct, frozen=True):
    """The one choice of a chunk."""

    delta: Delta
    finish_reason: Literal["stop"] | None = None
    index: int = 0
    logprobs: None = None


class Chunk(msgspec.Struct, frozen=True):
    """A piece of a streamed answer; the last one with a choice holds the citations, and `kb`."""

    id: str
    created: int
    choices: list[ChunkChoice]
    usage: Usage | None = None
    kb: Told | None = None
    model: str = MODEL
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"


class Model(msgspec.Struct, frozen=True):
    """A model, as `GET /v1/models` lists it."""

    id: str = MODEL
    created: int = 0
    owned_by: str = "kb"
    object: Literal["model"] = "model"


class Models(msgspec.Struct, frozen=True):
    """All models."""

    data: list[Model]
    object: Literal["list"] = "list"


class Error(msgspec.Struct, frozen=True):
    """What went wrong, as OpenAI's clients read it."""

    message: str
    type: str
    param: str | None
    code: str | None
    request_id: str | None = None


class Refused(msgspec.Struct, frozen=True):
    """The body of a response that is no completion."""

    error: Error


def told_of(answer: Answer) -> Told:
    """kb's own field of an answer."""
    return Told(
        answer.answer_id, answer.outcome, answer.confidence, answer.reason, answer.language, answer.foreign,
        answer.actions, answer.options, answer.handover, answer.conversation_id,
    )  # fmt: skip
