"""`POST /api/feedback`: what people make of what they were shown."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.datastructures import State
from litestar.openapi.spec import Operation
from litestar.params import JSONBody

from kb import library
from kb.feedback import MAX_NAME, MAX_NOTE, Feedback, Reason, SignalKind, take
from kb.journal import Journal, Origin
from kb.store.signals import Shown
from kb.web import asking
from kb.web.documented import problem
from kb.web.guards import caller_of, requires

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
CustomerRef = Annotated[str, msgspec.Meta(max_length=200)]
"""A centre's own reference to a customer; kept only as a keyed hash."""


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Feedback about a search (`query_id`) or an answer (`answer_id`), or about an article (`document_id` alone).

    `kind` says what happened; `not_helpful` may have a `reason`, any kind a `note`; `solved` and `not_solved`, said of
    an answer when a conversation ends, a `rating` from 1 to 5. `document_id`, `passage_id` and
    `rank` (from 1) must be among what was shown; about a search the first or the second is needed. `id` is the sender's
    own: feedback sent again with the same one counts once. `customer_ref` is kept only as a keyed hash.
    """

    kind: SignalKind
    query_id: _Name | None = None
    answer_id: _Name | None = None
    id: _Name | None = None
    document_id: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None
    passage_id: Annotated[str, msgspec.Meta(max_length=1_100)] | None = None
    rank: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | None = None
    reason: Reason | None = None
    note: Annotated[str, msgspec.Meta(max_length=MAX_NOTE)] | None = None
    rating: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    channel: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    customer_ref: CustomerRef | None = None


class Acknowledged(msgspec.Struct, frozen=True):
    """The feedback is on the disk: its `id`, and the kind that is kept under it."""

    id: str
    kind: str


@dataclass
class _Keeping(Operation):
    """An operation that may find nothing of the kind, or fail to keep it."""

    def __post_init__(self) -> None:
        """Adds both to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {
            "404": problem("Nothing like this was shown to this caller"),
            "503": problem("It cannot be kept at the moment"),
        }


@post(
    "/api/feedback",
    guards=[requires("public")],
    status_code=200,
    sync_to_thread=True,
    summary="Say what became of a search's hit, an answer or an article",
    operation_class=_Keeping,
)
def feedback(request: Request[Any, Any, Any], state: State, data: JSONBody[Given]) -> Acknowledged:
    """Answered once it is committed and on the disk; about what was not shown to the sender it is refused."""
    journal: Journal = state.service.journal
    given = Feedback(**{name: getattr(data, name) for name in Feedback.__slots__})
    origin = origin_of(request, data.channel, data.customer_ref)
    kept = take(journal, given, origin, read_of(state, given, caller_of(request).audiences))
    return Acknowledged(kept.id, kept.kind)


def read_of(state: State, given: Feedback, audiences: Collection[str]) -> Shown | None:
    """The article that feedback is about which names no question; None where it names one, or no article.

    Raises NotShown where these audiences may not read it now.
    """
    if given.query_id is not None or given.answer_id is not None or given.document_id is None:
        return None
    found = library.article(asking.service_of(state).knowledge, given.document_id, audiences)
    return Shown(found.document_id, found.revision)


def origin_of(request: Request[Any, Any, Any], channel: str | None, customer: str | None) -> Origin:
    """Who asks, whence, and about which customer."""
    return Origin(caller_of(request).id, channel, customer)
