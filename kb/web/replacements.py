"""`POST /api/replacements`: find and replace across articles, first seen and then done; for editors."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import post
from litestar.datastructures import State
from litestar.params import JSONBody

from kb.config import zone
from kb.editing.replacing import LONGEST, Preview, Wanted, plan
from kb.service import Service
from kb.web.guards import requires
from kb.web.revisions import Stored


class Replacing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to look for in whole article files, and what to put there.

    With `regex`, `find` is a regular expression and `replace` may name its groups (`\\\\1`, `\\\\g<name>`). Without
    `case`, capital and small letters are the same.
    """

    find: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]
    replace: Annotated[str, msgspec.Meta(max_length=2_000)]
    regex: bool = False
    case: bool = True

    @property
    def wanted(self) -> Wanted:
        """The same, for who replaces."""
        return Wanted(self.find, self.replace, self.regex, self.case)


@post(
    "/api/replacements",
    guards=[requires("editor")],
    status_code=200,
    sync_to_thread=True,
    operation_class=Stored,
    summary="What find and replace would change across all articles",
)
def replacement(state: State, data: JSONBody[Replacing]) -> Preview:
    """Nothing is changed; retired articles are passed over."""
    service: Service = state.service
    return plan(service.paths, zone(state.settings), data.wanted).preview


HANDLERS = (replacement,)
