"""Article files: Markdown with front matter, read, listed and written."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, cast

from kb.errors import InputError
from kb.ingest.article_keys import default_title, read_actions, read_applies_to, read_audience, read_title
from kb.ingest.fields import Fields, identifier_trouble, shown
from kb.ingest.frontmatter import read_front_matter, render_front_matter, split_source
from kb.ingest.language import detect_language
from kb.ingest.rendering import marker_troubles, public_rendering
from kb.model import AGENT, PUBLIC, Article, Problem, Status

MAX_BYTES = 2 * 1024 * 1024
KEYS = tuple(field.name for field in fields(Article) if field.name != "body")
_DATES = ("valid_from", "valid_to", "review_by")
_STATUSES = ("draft", "published", "retired")
_DEFAULTS = Article(id="", title="", body="", language="")


class MalformedArticle(InputError):
    """An article's source cannot be read; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An article file: its POSIX path under `articles/`, and where it lies."""

    path: str
    file: Path


def list_articles(folder: Path) -> list[SourceFile]:
    """The `*.md` files of a folder and its sub-folders, sorted by path.

    Not the hidden ones, nor `README.md` at the very top, nor what a link leads to outside the folder. Raises
    InputError where a folder cannot be listed: what it holds must not pass for deleted.
    """
    try:
        return sorted(_listed(folder), key=lambda source: source.path)
    except OSError as error:
        message = f"cannot be listed: {error.strerror}: mend that and run again; nothing was changed"
        raise InputError(f"{error.filename}: {message}") from error


def _listed(folder: Path) -> Iterator[SourceFile]:
    def fail(error: OSError) -> None:
        raise error

    root = folder.resolve()
    for place, folders, names in os.walk(folder, onerror=fail):  # follows no links to folders
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(place, name)
            path = file.relative_to(folder).as_posix()
            hidden = name.startswith(".") or path == "README.md"
            if name.endswith(".md") and not hidden and file.is_file() and file.resolve().is_relative_to(root):
                yield SourceFile(path, file)


def read_source(source: SourceFile) -> bytes:
    """The bytes of an article file, at most MAX_BYTES; raises MalformedArticle when it is larger or cannot be read."""
    try:
        with source.file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            data = b"" if size > MAX_BYTES else stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise MalformedArticle([Problem(source.path, None, None, f"cannot be read: {error.strerror}")]) from error
    _refuse_large(max(size, len(data)), source.path, None)
    return data


def _refuse_large(size: int, source: str, line: int | None) -> None:
    if size > MAX_BYTES:
        message = f"has {size:,} bytes, the limit is {MAX_BYTES:,}; split it into several articles"
        raise MalformedArticle([Problem(source, line, None, message)])


def read_article(data: bytes, *, path: str, timezone: tzinfo) -> Article:
    """The article in a file's bytes; `path` is its POSIX path under `articles/`. Raises MalformedArticle."""
    _refuse_large(len(data), path, None)
    source = split_source(_decode(data, path))
    if source is None:
        message = "the front matter that `---` opens here is never closed; add a line `---` after its last key"
        raise MalformedArticle([Problem(path, 1, None, message)])
    front = read_front_matter(source.yaml or "", source=path)
    read = Fields(front.values, source=path, line=1, accepted=KEYS, lines=front.lines)
    read.problems[:0] = front.problems
    return _article(read, source.body, source.body_line, default_id=default_id(path), timezone=timezone)


def default_id(path: str) -> str:
    """The id of a file that names none: its path without `.md`, in Unicode form NFC."""
    return unicodedata.normalize("NFC", path.removesuffix(".md"))


def path_of(document_id: str) -> str:
    """An id as a path, escaped where reindexing would pass over the file: hidden ones, and README.md at the top."""
    path = re.sub(r"%|(?<![^/])\.", lambda found: f"%{ord(found.group()):02X}", document_id)
    return "%52EADME.md" if path == "README" else f"{path}.md"


def _decode(data: bytes, path: str) -> str:
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8; save the file as UTF-8"
        raise MalformedArticle([Problem(path, line, None, message)]) from error
    text = one_line_end(text)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise MalformedArticle([Problem(path, line, None, "holds a NUL character; save the file as plain text")])
    return text


def one_line_end(text: str) -> str:
    """The text with every line ended by `\\n`."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def article_from_mapping(mapping: Mapping[str, Any], *, source: str, line: int | None, timezone: tzinfo) -> Article:
    """The article of an import record: the front matter's keys, and `body`. Raises MalformedArticle.

    Unlike a file, a record without title and heading takes its first line as title: exports have such articles.
    """
    read = Fields(mapping, source=source, line=line, accepted=(*KEYS, "body"))
    read.require("id", "a string")
    body = one_line_end(read.text("body", strip=False) or "")
    _refuse_large(len(body.encode("utf-8", "replace")), source, line)
    return _article(read, body, None, default_id=None, timezone=timezone)


def _article(read: Fields, body: str, body_line: int | None, *, default_id: str | None, timezone: tzinfo) -> Article:
    audience = read_audience(read)
    public = _checked_body(read, body, body_line, audience)
    start, end = (read.moment(key, timezone, ends=key == "valid_to") for key in ("valid_from", "valid_to"))
    if start and end and end < start:
        found = f"{shown(read.raw('valid_to'))} lies before valid_from {shown(read.raw('valid_from'))}"
        read.refuse("valid_to", f"{found}; accepted is a later date, or none")
    values = {key: read.text(key) for key in ("owner", "product", "category", "answer")}
    lists = {key: read.texts(key) for key in ("tags", "questions", "not_questions")}
    title = read_title(read, public, from_record=body_line is None)
    article = Article(
        id=_id(read, default_id),
        title=title,
        body=body,
        language=read.language("language") or (detect_language(f"{title}\n{public}") if not read.problems else ""),
        audience=audience,
        status=cast("Status", read.choice("status", _STATUSES, "published")),
        valid_from=start,
        valid_to=end,
        review_by=read.moment("review_by", timezone),
        urgent=read.flag("urgent"),
        actions=read_actions(read),
        applies_to=read_applies_to(read),
        translation_of=read.identifier("translation_of"),
        **cast("Any", values | lists),
    )
    if read.problems:
        raise MalformedArticle(sorted(read.problems, key=lambda problem: problem.line or 0))
    return article


def _checked_body(read: Fields, body: str, body_line: int | None, audience: tuple[str, ...]) -> str:
    """The public rendering, after the body's own checks."""
    if not body.strip() and not any(problem.field == "body" for problem in read.problems):
        read.refuse("body", "is empty; write the article's text below its front matter")
    troubles = marker_troubles(body)
    for line, message in troubles:
        place = f"line {line} of the body: " if body_line is None else ""
        read.refuse("body", place + message, None if body_line is None else body_line + line - 1)
    if troubles:
        return body  # the article is refused; no second complaint about its title
    rendering = public_rendering(body)
    if rendering.removed and PUBLIC not in audience and audience != (AGENT,):
        found_at = None if body_line is None else body_line + body.count("\n", 0, rendering.removed[0][0])
        message = f"`::: agent` needs the audience public (or agent alone), found {', '.join(audience)}"
        read.refuse("body", f"{message}; remove the block or change `audience`", found_at)
    # An article for agents alone may be one block; then its heading is no secret.
    return body if audience == (AGENT,) and not rendering.body.strip() else rendering.body


def _id(read: Fields, default: str | None) -> str:
    identifier = read.identifier("id")
    if identifier is None and default is not None and not read.has("id"):
        trouble = identifier_trouble(default)
        if trouble:
            read.refuse("id", f"the file's path cannot be an id: {trouble}; rename the file or give an `id`")
    return identifier or default or ""


def write_article(
    article: Article, *, original: str | None = None, path: str | None = None, timezone: tzinfo | None = None
) -> str:
    """The Markdown file of an article: only keys that are not the default, then the body.

    `original` is the file's former text: its comments stay, and so do its keys whose value is the same. An original
    that cannot be read is replaced whole. With `path`, an `id` that equals the path's is left out. Dates are
    written in UTC; with `timezone`, the home's, those of the original stay as typed.
    """
    values = _values(article)
    if path is not None and default_id(path) == article.id:
        del values["id"]
    public = public_rendering(article.body).body
    if article.title == default_title(public):
        del values["title"]
    if article.language == detect_language(f"{article.title}\n{public}"):
        del values["language"]
    old = _read_original(original, article, path, timezone or UTC)
    source = split_source(one_line_end(original.removeprefix("\ufeff"))) if original and old else None
    yaml = source.yaml if source else None
    dates = () if timezone else _DATES
    same = {key for key in KEYS if old and getattr(old, key) == getattr(article, key) and key not in dates}
    present = read_front_matter(yaml, source="").values if yaml else {}
    front = render_front_matter(values, original=yaml, unchanged=frozenset(same & present.keys()))
    return f"---\n{front}---\n{article.body}" if front or article.body.startswith("---") else article.body


def _read_original(original: str | None, article: Article, path: str | None, timezone: tzinfo) -> Article | None:
    try:
        return None if original is None else read_article(original.encode(), path=path or article.id, timezone=timezone)
    except MalformedArticle:
        return None


def _values(article: Article) -> dict[str, object]:
    """The front matter's values that are not the default, as plain YAML; id, title and language always."""
    values: dict[str, object] = {}
    for key in KEYS:
        value = getattr(article, key)
        if value == getattr(_DEFAULTS, key):
            continue
        if key in _DATES:
            value = value.isoformat()
        elif key == "actions":
            value = [{"label": action.label, "link": action.link} for action in value]
        elif key == "applies_to":
            value = dict(value)
        values[key] = list(value) if isinstance(value, tuple) else value
    return values
