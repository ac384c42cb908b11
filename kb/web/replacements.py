"""`POST /api/replacements`: find and replace across articles, first seen and then done; for editors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from litestar import post
from litestar.datastructures import State
from litestar.exceptions import ClientException
from litestar.params import FromPath, JSONBody

from kb.config import zone
from kb.editing.replacing import LONGEST, AtDesk, Done, OutOfDate, Plan, Preview, Wanted, carry_out, plan
from kb.web.documented import problem
from kb.web.editing import Asker, actor_of, service_of
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


@dataclass
class _Replacing(Stored):
    """An operation that does what a preview showed."""

    def __post_init__(self) -> None:
        """Adds that it may be another by now."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {"409": problem("Articles have changed since: look at a new preview")}


@post(
    "/api/replacements",
    guards=[requires("editor")],
    status_code=200,
    sync_to_thread=True,
    operation_class=Stored,
    summary="What find and replace would change across all articles",
)
def preview(state: State, data: JSONBody[Replacing]) -> Preview:
    """Nothing is changed; retired articles are passed over, of an open edit it is the edit's text."""
    return _planned(state, data).preview


@post(
    "/api/replacements/{token:str}",
    guards=[requires("editor")],
    status_code=200,
    sync_to_thread=True,
    operation_class=_Replacing,
    summary="Do what a preview of find and replace showed",
)
def replace(request: Asker, state: State, token: FromPath[str], data: JSONBody[Replacing]) -> Done:
    """One edit for each article, each to be reviewed and published as any other; nothing is live by this."""
    desk = AtDesk(service_of(state).desk, actor_of(request))
    try:
        return carry_out(_planned(state, data), token, desk)
    except OutOfDate as error:
        raise ClientException(str(error), status_code=409) from error


def _planned(state: State, data: Replacing) -> Plan:
    return plan(service_of(state).paths, zone(state.settings), data.wanted)


HANDLERS = (preview, replace)
