"""The pictures of a page: those that it brings along, checked by their bytes; what lies elsewhere is only linked to."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from bs4.element import Tag

from kb.editing.pictures import named
from kb.editing.proposals import Image
from kb.errors import InputError
from kb.importers.elements import new, tags
from kb.importers.limits import PICTURES, Limits
from kb.importers.word import EMBEDDED


class NoPicture(Exception):
    """A picture that cannot be kept; the message says why."""


@dataclass(slots=True)
class Pictures:
    """Keeps the pictures of one article; each name holds the article's and the picture's own hash."""

    stem: str
    limits: Limits
    root: Path | None
    """No picture is read from outside of this folder."""
    beside: Path | None
    """Where relative addresses begin; None where there are no files beside."""
    embedded: Sequence[bytes] = ()
    kept: dict[str, Image] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def settle(self, content: Tag) -> None:
        """Each picture of a page becomes a kept one, a link, or its description; what is not kept is noted."""
        for image in tags(content, "img"):
            source = str(image.get("src") or image.get("data-src") or "").strip()
            alternative = " ".join(str(image.get("alt") or "").split())
            if _is_elsewhere(source):
                self.notes.append(f"a picture that lies elsewhere became a link: {source[:200]}")
                source = f"https:{source}" if source.startswith("//") else source
                image.replace_with(
                    alternative if image.find_parent("a") else new("a", alternative or source, href=source)
                )
            elif name := self.name_of(source):
                image["src"] = name
            else:
                image.replace_with(alternative)

    def name_of(self, source: str) -> str | None:
        """The name under which a picture is kept; None, and a note, where it cannot be."""
        try:
            return self._keep(self._content(source))
        except NoPicture as error:
            shown = source if len(source) <= 80 else f"{source[:60]}…"
            self.notes.append(f"the picture {shown!r} was left out: {error}")
            return None

    def _content(self, source: str) -> bytes:
        if source.startswith(EMBEDDED):
            number = int(source.removeprefix(EMBEDDED)) if source.removeprefix(EMBEDDED).isdigit() else -1
            content = self.embedded[number] if 0 <= number < len(self.embedded) else b""
            if not content:
                raise NoPicture("the document only refers to it")
            return content
        if source[:5].lower() == "data:":
            return _from_data(source, self.limits.picture)
        return self._from_file(source)

    def _from_file(self, source: str) -> bytes:
        path = unquote(urlsplit(source).path) if _is_relative(source) else ""
        if not path or self.root is None or self.beside is None:
            raise NoPicture("accepted are pictures within the file, or beside it by a relative path")
        try:
            file = (self.beside / path).resolve()
            inside = file.is_relative_to(self.root.resolve())
            size = file.stat().st_size if inside and file.is_file() else -1
            if not inside:
                raise NoPicture("it lies outside of the imported folder")
            if size < 0:
                raise NoPicture("there is no such file")
            if size > self.limits.picture:
                raise NoPicture(_too_large(size, self.limits))
            return file.read_bytes()
        except (OSError, ValueError) as error:
            raise NoPicture(f"it cannot be read ({type(error).__name__})") from error

    def _keep(self, content: bytes) -> str:
        if len(content) > self.limits.picture:
            raise NoPicture(_too_large(len(content), self.limits))
        try:
            name = named(self.stem, content)
        except InputError as error:
            raise NoPicture(str(error)) from error
        if name not in self.kept and len(self.kept) >= PICTURES:
            raise NoPicture(f"an article may have {PICTURES}")
        self.kept[name] = Image(name, content)
        return name


def in_markdown(text: str, sources: Sequence[str], name_of: Callable[[str], str | None]) -> str:
    """A Markdown text whose pictures from `sources` have the names that they are kept under."""
    for source in dict.fromkeys(sources):
        if not _is_relative(source) and source[:5].lower() != "data:":
            continue
        if (name := name_of(source)) is not None:
            spelled = {source, unquote(source), f"<{unquote(source)}>"}
            pattern = "|".join(re.escape(one) for one in sorted(spelled, key=len, reverse=True))
            text = re.sub(rf"(\]\(\s*)(?:{pattern})(?=[\s)])", rf"\g<1>{name}", text)
    return text


def _from_data(source: str, most: int) -> bytes:
    head, comma, body = source.partition(",")
    if not comma or len(body) > 3 * most:
        raise NoPicture("its data: address is cut off or too long")
    try:
        return base64.b64decode(unquote_to_bytes(body), validate=False) if ";base64" in head else unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise NoPicture("its data: address is damaged") from error


def _too_large(size: int, limits: Limits) -> str:
    return f"it has {size:,} bytes; accepted are {limits.picture:,} (setting import_image_megabytes)"


def _is_elsewhere(source: str) -> bool:
    return source.lower().startswith(("http://", "https://", "//"))


def _is_relative(source: str) -> bool:
    try:
        parts = urlsplit(source)
    except ValueError:
        return False
    return not (parts.scheme or parts.netloc or source.startswith(("/", "\\")) or "\0" in source)
