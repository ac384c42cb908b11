"""`POST /api/front-matter`, `POST /api/differences`: what a page needs while an article is written; for editors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from litestar import post
from litestar.exceptions import ClientException
from litestar.params import JSONBody

from kb.editing.differences import Difference, difference
from kb.editing.preview import Trouble
from kb.ingest.articles import KEYS, one_line_end
from kb.ingest.frontmatter import MAX_CHARACTERS, read_front_matter, split_source
from kb.ingest.keyed import with_keys
from kb.web.guards import requires
from kb.web.preview import TEXT_BYTES

_Value = bool | str | list[str | dict[str, str]] | dict[str, str] | None


class Keyed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The head of an article file, both `---` and what is between them (or nothing), and keys to be set in it.

    A null takes a key out.
    """

    head: Annotated[str, msgspec.Meta(max_length=2 * MAX_CHARACTERS)]
    set: dict[str, _Value] = {}


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A head, what it says by key, and why it cannot be read where it cannot; then `values` may lack something."""

    head: str
    values: dict[str, Any] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two texts to be compared."""

    old: Annotated[str, msgspec.Meta(max_length=2 * 1024 * 1024)]
    new: Annotated[str, msgspec.Meta(max_length=2 * 1024 * 1024)]


@post(
    "/api/front-matter",
    guards=[requires("editor")],
    status_code=200,
    sync_to_thread=True,
    summary="What an article's front matter says, and the same with other values",
)
def front_matter(data: JSONBody[Keyed]) -> FrontMatter:
    """Only the lines of the keys that are set change; comments and order stay. 400 where it cannot be read."""
    if unknown := [key for key in data.set if key not in KEYS]:
        raise ClientException(f"set: found {unknown[0][:80]!r}; accepted are {', '.join(KEYS)}")
    head = one_line_end(data.head)
    source = split_source(head)
    if source is None:
        return FrontMatter(data.head, {}, [Trouble(1, None, "the front matter is never closed by `---`", True)])
    if source.body.strip():
        raise ClientException("head: found a text without, or after, the two `---`; accepted is what they enclose")
    if data.set:
        yaml = with_keys(source.yaml or "", data.set)
        head = f"---\n{yaml}---\n" if yaml else ""
    return _read(head if data.set else data.head)


@post(
    "/api/differences",
    guards=[requires("editor")],
    status_code=200,
    sync_to_thread=True,
    request_max_body_size=2 * TEXT_BYTES,
    summary="What differs between two texts, by line and by word",
)
def differences(data: JSONBody[Texts]) -> Difference:
    """As between two revisions of an article; nothing is kept."""
    return difference(one_line_end(data.old), one_line_end(data.new), ("old", "new"))


HANDLERS = (front_matter, differences)


def _read(head: str) -> FrontMatter:
    source = split_source(one_line_end(head))
    found = read_front_matter(source.yaml or "", source="") if source else None
    troubles = [Trouble(one.line, one.field, one.message, True) for one in found.problems] if found else []
    return FrontMatter(head, found.values if found else {}, troubles)
