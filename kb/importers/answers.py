"""The answer of a FAQ as the body of an article, and verbatim where it is short."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bs4.element import Tag

from kb.editing.pictures import stem_of
from kb.editing.proposals import Image
from kb.importers.blocks import settle_blocks, settle_lines
from kb.importers.cleaning import cleaned, parsed
from kb.importers.elements import new, tags
from kb.importers.fidelity import lost
from kb.importers.limits import Limits
from kb.importers.links import settle_links
from kb.importers.markdown import to_markdown
from kb.importers.pictures import Pictures
from kb.importers.tables import settle_tables
from kb.importers.typed import join_typed_lists

SHORT = 300
"""Characters of an answer that is told verbatim; a longer one, or one of several paragraphs, is quoted from instead."""
_HTML = re.compile(r"</(?:p|div|a|b|strong|em|i|u|span|font|ul|ol|li|table|h[1-6])\s*>|<br\s*/?>|<img\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Told:
    """The body, the short answer where there is one, pictures, and what was noticed."""

    body: str
    short: str | None
    images: tuple[Image, ...]
    notes: list[str]


def read_answer(question: str, answer: str, name: str, id_: str, limits: Limits) -> Told:
    """A heading of the question and the answer below. Raises InputError."""
    notes: list[str] = []
    pictures = Pictures(stem_of(id_), limits, None, None)
    content = new("div")
    written = _HTML.search(answer) is not None
    if written:
        content, notes = cleaned(parsed(answer, name))
        notes += settle_links(content, "", {})
        pictures.settle(content)
        settle_lines(content)
        notes += settle_tables(content, name)
    else:
        for line in filter(str.strip, answer.split("\n")):
            content.append(new("p", line.strip()))
    settle_blocks(content)
    join_typed_lists(content)
    content.insert(0, new("h1", question))
    body = to_markdown(content)
    return Told(body, _short(content, answer, written=written), tuple(pictures.kept.values()),
                [*notes, *lost(content, body), *pictures.notes])  # fmt: skip


def _short(content: Tag, answer: str, *, written: bool) -> str | None:
    """The answer to the letter; of one in HTML its text, where that is plain words."""
    if written:
        plain = not tags(content, "ul", "ol", "table", "img", "pre", "a")
        answer = "\n\n".join(tag.get_text().strip() for tag in tags(content, "p")) if plain else ""
    return answer if answer and len(answer) <= SHORT and "\n\n" not in answer else None
