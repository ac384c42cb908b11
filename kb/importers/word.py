"""A DOCX file as HTML: by mammoth, after what that does not read was marked in the document."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from dataclasses import dataclass
from html import unescape
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import Element, tostring

import mammoth
from defusedxml.ElementTree import fromstring

from kb.errors import InputError
from kb.importers.limits import Limits
from kb.importers.outline import HEADING, Outline, Prepared, read_lists, read_styles
from kb.importers.packages import checked_package

EMBEDDED = "kb-picture:"
"""Before the number of a picture that the document holds."""
_PREPARED = re.compile(r"word/(document\d*|footnotes|endnotes)\.xml")
_CODE = ("HTML Preformatted", "Source Code", "Code", "代码")
_CODE_RUNS = ("HTML Code", "Source Text", "Verbatim Char", "HTML Typewriter")
_STYLES = "\n".join(
    [
        *(f"p.{HEADING}{level} => h{level}:fresh" for level in range(1, 7)),
        *(f"p[style-name='{toc} {level}'] => !" for level in range(1, 10) for toc in ("toc", "TOC")),
        "p[style-name='TOC Heading'] => !",
        *(f"p[style-name='List {of} {n}'] => {'ul|ol > li > ' * (n - 1)}{tag} > li:fresh"
          for of, tag in (("Bullet", "ul"), ("Number", "ol")) for n in range(2, 6)),
        *(f"p[style-name='{name}'] => pre:separator('\\n')" for name in _CODE),
        *(f"r[style-name='{name}'] => code" for name in _CODE_RUNS),
        *(f"p[style-name='{name}'] => blockquote > p:fresh" for name in ("Quote", "Intense Quote", "引用", "明显引用")),
        "strike => s",
        "comment-reference => !",
    ]
)  # fmt: skip
_TAGS = re.compile(r"<[^>]*>")
_NOISE = ("Unrecognised paragraph style", "Unrecognised run style", "was referenced but not defined")


@dataclass(frozen=True, slots=True)
class WordDocument:
    """A document as HTML, the pictures that its `kb-picture:N` mean, its own title, and what was noticed."""

    html: str
    pictures: tuple[bytes, ...]
    title: str | None
    notes: tuple[str, ...]


def read_word(data: bytes, name: str, limits: Limits) -> WordDocument:
    """The document, tracked changes accepted, comments and hidden text left out. Raises InputError."""
    with checked_package(data, name, limits) as package:
        prepared, found = _prepared(package)
        title = _title(package)
    pictures: list[bytes] = []

    def keep(image: Any) -> dict[str, str]:
        try:
            with image.open() as stream:
                pictures.append(stream.read())
        except (ValueError, KeyError, OSError):  # it lies elsewhere, or is missing from the package
            pictures.append(b"")
        return {"src": f"{EMBEDDED}{len(pictures) - 1}"}

    try:
        made = mammoth.convert_to_html(
            prepared, style_map=_STYLES, include_embedded_style_map=False,
            convert_image=mammoth.images.img_element(keep),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise InputError(
            f"{name}: is no sound DOCX ({type(error).__name__}): open it in Word and save it anew"
        ) from error
    told = dict.fromkeys(m.message for m in made.messages if not any(noise in m.message for noise in _NOISE))
    return WordDocument(made.value, tuple(pictures), title, (*_noticed(found), *_unread(found, made.value), *told))


def _prepared(package: zipfile.ZipFile) -> tuple[BytesIO, Prepared]:
    """The package with marks in its text."""
    styles, lists = _part(package, "word/styles.xml"), _part(package, "word/numbering.xml")
    outline = Outline(read_styles(styles), read_lists(lists))
    copy = BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as written:
        for part in package.infolist():
            content = package.read(part)
            if _PREPARED.fullmatch(part.filename):
                root = fromstring(content)
                outline.prepare(root)
                content = tostring(root, encoding="utf-8")
            written.writestr(part.filename, content)
    copy.seek(0)
    return copy, outline.found


def _part(package: zipfile.ZipFile, name: str) -> Element | None:
    return fromstring(package.read(name)) if name in package.namelist() else None


def _title(package: zipfile.ZipFile) -> str | None:
    properties = _part(package, "docProps/core.xml")
    title = properties.find("{http://purl.org/dc/elements/1.1/}title") if properties is not None else None
    return " ".join((title.text or "").split()) or None if title is not None else None


def _unread(found: Prepared, html: str) -> list[str]:
    """What of the document's texts is not in the page made of it."""
    letters = Counter("".join("".join(found.words).split()))
    missing = (letters - Counter(unescape(_TAGS.sub("", html)))).total()
    return [f"{missing} characters of the document could not be read: compare them"] if missing else []


def _noticed(found: Prepared) -> list[str]:
    told = {
        f"hidden text was left out ({found.hidden} stretches)": found.hidden,
        "the table of contents was left out": found.contents,
        f"{found.drawn} charts or diagrams were left out: insert them as pictures": found.drawn,
        f"{found.formulas} formulas were left out: write them as text or insert them as pictures": found.formulas,
    }
    return [message for message, count in told.items() if count]
