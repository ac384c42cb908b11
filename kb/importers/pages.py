"""A page or Word document as an article: its content as Markdown, with pictures, title and language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path, PurePosixPath

from bs4.element import Tag

from kb.editing.pictures import stem_of
from kb.editing.proposals import Image
from kb.errors import InputError
from kb.importers.blocks import bold_headings, settle_blocks, settle_lines
from kb.importers.cleaning import cleaned, page_title, parsed
from kb.importers.decoding import decoded
from kb.importers.elements import HEADINGS, children_named, new, tags, text_of
from kb.importers.fidelity import lost
from kb.importers.limits import Limits
from kb.importers.links import settle_links
from kb.importers.markdown import to_markdown
from kb.importers.outline import NUMBER
from kb.importers.pictures import Pictures, in_markdown
from kb.importers.tables import settle_tables
from kb.importers.typed import join_typed_lists
from kb.importers.word import read_word
from kb.importers.wordlists import join_word_lists
from kb.ingest.articles import MalformedArticle, default_id, read_article, write_article
from kb.ingest.language import detect_language
from kb.ingest.plaintext import parse_markdown
from kb.model import Article

_EMPTY_TITLES = re.compile(r"(untitled|无标题|文档|document|microsoft word)\b.*|\W*", re.IGNORECASE)
_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A file of an import: its bytes, its path below the imported folder, and that folder."""

    data: bytes
    path: str
    root: Path | None = None
    file: Path | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """An article file made of an imported one, and what an editor should look at."""

    article: Article
    text: str
    images: tuple[Image, ...] = ()
    notes: list[str] = field(default_factory=list)


def read_page(place: Place, ids: Mapping[str, str], limits: Limits) -> Made:
    """An HTML file. Raises InputError."""
    soup = parsed(decoded(place.data, place.path, encoding=place.encoding), place.path)
    title = page_title(soup)
    content, notes = cleaned(soup)
    join_word_lists(content)
    return _made(content, place, ids, limits, title, notes, ())


def read_docx(place: Place, ids: Mapping[str, str], limits: Limits) -> Made:
    """A DOCX file. Raises InputError."""
    document = read_word(place.data, place.path, limits)
    content, _ = cleaned(parsed(document.html, place.path))
    _number_lists(content)
    return _made(content, place, ids, limits, document.title, list(document.notes), document.pictures)


def read_markdown(place: Place, ids: Mapping[str, str], limits: Limits, timezone: tzinfo) -> Made:
    """A Markdown file as it is, but for the names of its pictures. Raises InputError (MalformedArticle)."""
    text = decoded(place.data, place.path, encoding=place.encoding)
    id_ = ids[place.path]
    try:
        article = read_article(text.encode(), path=f"{id_}.md", timezone=timezone)
    except MalformedArticle as error:
        if {problem.field for problem in error.problems} != {"title"}:
            raise
        stem = PurePosixPath(place.path).stem
        text = f"# {stem}\n\n{text}" if not text.startswith("---") else text.replace("\n", f"\ntitle: {stem!r}\n", 1)
        article = read_article(text.encode(), path=f"{id_}.md", timezone=timezone)
    pictures = Pictures(stem_of(article.id), limits, place.root, place.file.parent if place.file else None)
    text = in_markdown(text, _image_sources(article.body), pictures.name_of)
    article = read_article(text.encode(), path=f"{id_}.md", timezone=timezone)
    return Made(article, text, tuple(pictures.kept.values()), pictures.notes)


def _made(
    content: Tag, place: Place, ids: Mapping[str, str], limits: Limits, title: str | None, notes: list[str],
    embedded: tuple[bytes, ...],
) -> Made:  # fmt: skip
    id_ = ids[place.path]
    pictures = Pictures(stem_of(id_), limits, place.root, place.file.parent if place.file else None, embedded)
    notes += settle_links(content, place.path, ids)
    pictures.settle(content)
    settle_lines(content)
    notes += settle_tables(content, place.path)
    settle_blocks(content)
    notes += join_typed_lists(content)
    body = to_markdown(content)
    if not body.strip():
        raise InputError(f"{place.path}: holds no text")
    notes += [*_like_headings(content), *lost(content, body), *pictures.notes]
    article = _article(id_, _heading(content) or _own_title(title) or PurePosixPath(place.path).stem, body)
    text = write_article(article, path=f"{id_}.md")
    read = read_article(text.encode(), path=f"{id_}.md", timezone=UTC)
    return Made(read, text, tuple(pictures.kept.values()), notes)


def _article(id_: str, title: str, body: str) -> Article:
    title = " ".join(title.split())
    return Article(id=default_id(id_), title=title, body=body, language=detect_language(f"{title}\n{body}"))


def _heading(content: Tag) -> str | None:
    return next((text for tag in tags(content, *HEADINGS) if (text := text_of(tag))), None)


def _own_title(title: str | None) -> str | None:
    return None if title is None or _EMPTY_TITLES.fullmatch(title) else title


def _like_headings(content: Tag) -> list[str]:
    found = bold_headings(content)
    if not found:
        return []
    shown = ", ".join(repr(text) for text in found[:_MOST_SHOWN]) + (" …" if len(found) > _MOST_SHOWN else "")
    told = "bold paragraphs look like headings and stay paragraphs; give them a heading style, or `##` in the draft"
    return [f"{len(found)} {told}: {shown}"]


def _number_lists(content: Tag) -> None:
    """Lists begin at the number that they have in Word; two that mammoth made one are two again."""
    for list_ in tags(content, "ol"):
        here, expected = list_, 1
        for item in children_named(list_, "li"):
            number = _number_of(item, expected)
            if number != expected and item is not here.find("li"):
                following = new("ol")
                here.insert_after(following)
                here = following
            if here is not list_:
                here.append(item.extract())
            if number != 1 and item is here.find("li"):
                here["start"] = str(number)
            expected = number + 1


def _number_of(item: Tag, expected: int) -> int:
    mark = item.find("a", id=re.compile(f"^{NUMBER}"))
    own = isinstance(mark, Tag) and mark.find_parent("li") is item
    return int(str(mark["id"]).removeprefix(NUMBER)) if isinstance(mark, Tag) and own else expected


def _image_sources(body: str) -> list[str]:
    inner = [child for token in parse_markdown(body) for child in token.children or ()]
    return [str(child.attrs["src"]) for child in inner if child.type == "image"]
