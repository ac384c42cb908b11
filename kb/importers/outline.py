"""What of a Word document mammoth does not read: outline levels, hidden text, the numbers at which lists begin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
HEADING = "KbHeading"
"""The style that a heading is given, with its level after it."""
NUMBER = "kb-number-"
"""The bookmark that tells which number an item of a list has."""
_BODY = 9  # the outline level of text
_WORDS = ("heading", "heading ", "标题", "标题 ", "標題", "標題 ")
_NAMED = {f"{word}{level}": level - 1 for level in range(1, 7) for word in _WORDS}
_TITLES = ("title", "标题", "標題")


@dataclass(frozen=True, slots=True)
class Style:
    """A style and what it is based on."""

    name: str
    parent: str | None
    level: int | None
    hidden: bool
    list: tuple[str, str] | None


@dataclass(slots=True)
class Prepared:
    """What was found on the way."""

    hidden: int = 0
    contents: bool = False
    drawn: int = 0
    formulas: int = 0
    words: list[str] = field(default_factory=list)
    """All texts that are to be read."""


@dataclass(slots=True)
class Outline:
    """The styles and numberings of a document, by which its text is prepared."""

    styles: Mapping[str, Style]
    lists: Lists
    found: Prepared = field(default_factory=Prepared)

    def prepare(self, document: Element) -> None:
        """Marks headings and numbers, and takes away what is hidden."""
        for paragraph in document.iter(f"{W}p"):
            self._take_hidden(paragraph)
            style = self.styles.get(_style_of(paragraph) or "")
            self.found.contents |= style is not None and style.name.startswith("toc ")
            if (level := self._level(paragraph)) is not None:
                _style(paragraph, f"{HEADING}{min(level, 5) + 1}")
            elif listed := self._list(paragraph):
                self._number(paragraph, *listed)
        self.found.words += self._words(document)
        self.found.drawn += sum(e.tag.endswith(("}chart", "}relIds")) for e in document.iter())
        self.found.formulas += sum(e.tag.endswith("/math}oMath") for e in document.iter())

    def _words(self, element: Element) -> list[str]:
        """Not what is deleted, moved away, in a table of contents, or there a second time in another form."""
        if element.tag in (f"{W}del", f"{W}moveFrom"):
            return []
        if element.tag == f"{W}t":
            return [element.text or ""]
        style = self.styles.get(_style_of(element) or "") if element.tag == f"{W}p" else None
        if style is not None and style.name.startswith("toc "):
            return []
        inner = [child for child in element if child.tag == f"{MC}Fallback"] or list(element)
        return [text for child in inner for text in self._words(child)]

    def _level(self, paragraph: Element) -> int | None:
        """From 0; None for text."""
        direct = paragraph.find(f"{W}pPr/{W}outlineLvl")
        inherited = (style.level for style in _chain(self.styles, _style_of(paragraph)) if style.level is not None)
        level = _number_of(direct) if direct is not None else next(inherited, None)
        return level if level is not None and level < _BODY else None

    def _list(self, paragraph: Element) -> tuple[str, str] | None:
        inherited = (style.list for style in _chain(self.styles, _style_of(paragraph)) if style.list is not None)
        return _list_of(paragraph) or next(inherited, None)

    def _take_hidden(self, paragraph: Element) -> None:
        whole = any(s.hidden for s in _chain(self.styles, _style_of(paragraph)))
        for parent in list(paragraph.iter()):
            for run in [child for child in parent if child.tag == f"{W}r"]:
                if self._is_hidden(run, whole=whole):
                    self.found.hidden += any(True for _ in run.iter(f"{W}t"))
                    parent.remove(run)

    def _is_hidden(self, run: Element, *, whole: bool) -> bool:
        own = run.find(f"{W}rPr/{W}vanish")
        if own is not None:
            return _is_on(own)
        style = run.find(f"{W}rPr/{W}rStyle")
        named = style.get(f"{W}val") if style is not None else None
        return whole or any(s.hidden for s in _chain(self.styles, named))

    def _number(self, paragraph: Element, list_: str, level: str) -> None:
        number = self.lists.next(list_, int(level) if level.isdigit() else 0)
        if number is not None:
            at = 1 if paragraph.find(f"{W}pPr") is not None else 0
            paragraph.insert(at, Element(f"{W}bookmarkStart", {f"{W}name": f"{NUMBER}{number}", f"{W}id": "0"}))


@dataclass(slots=True)
class Lists:
    """Counts the items of numbered lists as Word does: a list goes on after other paragraphs."""

    abstract: Mapping[str, str]
    starts: Mapping[tuple[str, int], int | None]
    counted: dict[str, dict[int, int]] = field(default_factory=dict)

    def next(self, list_: str, level: int) -> int | None:
        """The number of the list's next item at a level; None for bullets."""
        counters = self.counted.setdefault(self.abstract.get(list_, list_), {})
        for deeper in [known for known in counters if known > level]:
            del counters[deeper]
        start = self.starts.get((list_, level))
        if start is None:
            return None
        counters[level] = counters[level] + 1 if level in counters else start
        return counters[level]


def read_styles(root: Element | None) -> dict[str, Style]:
    """The styles of `styles.xml`, by id."""
    found: dict[str, Style] = {}
    for style in root.iter(f"{W}style") if root is not None else ():
        name = _value(style.find(f"{W}name")) or ""
        outline = style.find(f"{W}pPr/{W}outlineLvl")
        level = _number_of(outline) if outline is not None else _NAMED.get(name.lower())
        level = 0 if level is None and name.lower() in _TITLES else level
        level = _BODY if name.lower().startswith("toc ") else level
        vanish = style.find(f"{W}rPr/{W}vanish")
        hidden = vanish is not None and _is_on(vanish)
        found[style.get(f"{W}styleId", "")] = Style(
            name.lower(), _value(style.find(f"{W}basedOn")), level, hidden, _list_of(style)
        )
    return found


def read_lists(root: Element | None) -> Lists:
    """The numberings of `numbering.xml`: where each level of each list starts, None where it has bullets."""
    abstract: dict[str, str] = {}
    starts: dict[tuple[str, int], int | None] = {}
    levels = {a.get(f"{W}abstractNumId"): a for a in root.iter(f"{W}abstractNum")} if root is not None else {}
    for number in root.iter(f"{W}num") if root is not None else ():
        id_, of = number.get(f"{W}numId", ""), _value(number.find(f"{W}abstractNumId")) or ""
        overridden = [o for o in number.findall(f"{W}lvlOverride") if o.find(f"{W}startOverride") is not None]
        abstract[id_] = f"{of}/{id_}" if overridden else of
        for level in levels[of].findall(f"{W}lvl") if of in levels else ():
            bullet = _value(level.find(f"{W}numFmt")) in ("bullet", "none")
            at = _number_of(level) if level.get(f"{W}ilvl") is None else int(level.get(f"{W}ilvl", "0"))
            starts[id_, at or 0] = None if bullet else _number_of(level.find(f"{W}start"), default=1)
        for one in overridden:
            at = int(one.get(f"{W}ilvl", "0"))
            if starts.get((id_, at)) is not None:
                starts[id_, at] = _number_of(one.find(f"{W}startOverride"), default=1)
    return Lists(abstract, starts)


def _chain(styles: Mapping[str, Style], id_: str | None) -> Iterator[Style]:
    """A style, and those that it is based on."""
    seen: set[str] = set()
    while id_ is not None and id_ in styles and id_ not in seen:
        seen.add(id_)
        yield styles[id_]
        id_ = styles[id_].parent


def _style_of(paragraph: Element) -> str | None:
    return _value(paragraph.find(f"{W}pPr/{W}pStyle"))


def _style(paragraph: Element, name: str) -> None:
    properties = paragraph.find(f"{W}pPr")
    if properties is None:
        properties = Element(f"{W}pPr")
        paragraph.insert(0, properties)
    style = properties.find(f"{W}pStyle")
    style = SubElement(properties, f"{W}pStyle") if style is None else style
    style.set(f"{W}val", name)


def _list_of(element: Element) -> tuple[str, str] | None:
    numbered = element.find(f"{W}pPr/{W}numPr")
    number = _value(numbered.find(f"{W}numId")) if numbered is not None else None
    if numbered is None or number is None:
        return None
    return number, _value(numbered.find(f"{W}ilvl")) or "0"


def _value(element: Element | None) -> str | None:
    return element.get(f"{W}val") if element is not None else None


def _number_of(element: Element | None, default: int | None = None) -> int | None:
    value = _value(element) or ""
    return int(value) if value.isdigit() else default


def _is_on(element: Element) -> bool:
    return _value(element) not in ("0", "false", "off")
