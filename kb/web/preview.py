"""`POST /api/preview`: what a text would look like and be found by, before it is saved; for editors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import msgspec
from litestar import post
from litestar.datastructures import State
from litestar.openapi.spec import Operation
from litestar.params import JSONBody

from kb.config import zone
from kb.editing.preview import Preview, preview
from kb.service import Service
from kb.unsaved import passages_of
from kb.web.documented import problem
from kb.web.guards import requires

TEXT_BYTES = 6 * 1024 * 1024
"""Of a request that carries an article file, of at most 2 MiB, as JSON."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole article file, front matter and body; `id` is the article's, where it has one already."""

    text: str
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)] = "new"


@dataclass
class Searched(Operation):
    """An operation that needs the index and its model."""

    def __post_init__(self) -> None:
        """Adds that it fails without them to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {
            "503": problem("Nothing is indexed yet, or the index cannot be read")
        }


@post(
    "/api/preview",
    guards=[requires("editor")],
    status_code=200,
    sync_to_thread=True,
    request_max_body_size=TEXT_BYTES,
    operation_class=Searched,
    summary="An article's text as it would be shown and found",
)
def previewed(state: State, data: JSONBody[Text]) -> Preview:
    """Nothing is kept. A text that is no article is answered too, with what is wrong with it."""
    service: Service = state.service
    split = partial(passages_of, service.knowledge)
    return preview(data.text, path=f"{data.id}.md", timezone=zone(state.settings), split=split)


HANDLERS = (previewed,)
