"""Articles and tickets split into passages: each a stretch of one section, small enough to embed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from kb.ingest.outline import Block, Heading, Section, headings, outline, under
from kb.ingest.plaintext import plain_text
from kb.ingest.rendering import Rendering, find_agent_blocks, public_rendering, whole_offset
from kb.ingest.sentences import Span, stretches, trimmed
from kb.ingest.sentences import sentences as sentences
from kb.model import Article, Passage, Ticket

CountTokens = Callable[[str], int]


def split_article(article: Article, *, count_tokens: CountTokens, budget: int) -> tuple[Passage, ...]:
    """The passages of an article, none of whose `embedded` counts more than `budget` tokens.

    In order: those of the public rendering, one for each curated question, then those of the `::: agent` blocks,
    so that the public ones are the same with and without the blocks. Raises InputError for a malformed `:::`.
    """
    rendering = public_rendering(article.body)
    splitter = _Splitter(count_tokens, budget, article.language)
    references: dict[str, Any] = {}
    sections = outline(rendering.body, references=references)
    public = splitter.passages(rendering.body, sections, (article.title,), references)
    internal = list(_internal(article, rendering, splitter, references))
    first = next(iter([*public, *internal]), None)
    asked = [] if first is None else [splitter.question(text, first) for text in article.questions]
    return tuple(replace(passage, ordinal=number) for number, passage in enumerate([*public, *asked, *internal]))


def _internal(
    article: Article,
    rendering: Rendering,
    splitter: _Splitter,
    references: dict[str, Any],
) -> Iterator[Passage]:
    waiting = deque((whole_offset(rendering, heading.start), heading) for heading in headings(rendering.body))
    above: tuple[Heading, ...] = ()
    for block in find_agent_blocks(article.body).blocks:
        while waiting and waiting[0][0] < block.start:
            above = under(above, replace(waiting.popleft()[1], start=-1, end=-1))  # stands outside the block
        inner = article.body[block.inner_start : block.inner_end]
        found = outline(inner, above=above, references=dict(references))
        for passage in splitter.passages(inner, found, (article.title,), references):
            start, end = passage.start + block.inner_start, passage.end + block.inner_start
            yield replace(passage, start=start, end=end, internal=True)


def split_ticket(ticket: Ticket, *, count_tokens: CountTokens, budget: int) -> tuple[Passage, ...]:
    """The passages of a ticket's resolution; each is embedded behind the subject and the start of the problem."""
    splitter = _Splitter(count_tokens, budget, ticket.language)
    subject = splitter.bounded(ticket.subject, budget // 3)
    problem = splitter.bounded(ticket.problem, budget // 3)
    blocks = [block for section in outline(ticket.resolution) for block in _all_blocks(section)]
    # A line that starts with `#` in a ticket is an order number more often than a heading.
    blocks = sorted(set(blocks), key=lambda block: block.start)
    lead = "\n".join(part for part in (subject, problem) if part)
    found = splitter.pack(ticket.resolution, Section((), tuple(blocks)), (ticket.subject,), lead, {})
    if not found and ticket.resolution.strip():
        found = [splitter.whole(ticket.resolution, (ticket.subject,), lead)]
    return tuple(replace(passage, ordinal=number) for number, passage in enumerate(found))


def _all_blocks(section: Section) -> list[Block]:
    headings = [Block("heading_open", heading.start, heading.end) for heading in section.headings]
    return [*headings, *section.blocks]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A span that fits, and what its plain text counts."""

    start: int
    end: int
    tokens: int


class _Splitter:
    """Splits and packs under one budget; each stretch of text is counted at most once for each way of cutting it."""

    def __init__(self, count_tokens: CountTokens, budget: int, language: str) -> None:
        self._count, self._budget, self._language = count_tokens, budget, language

    def passages(
        self, text: str, sections: list[Section], root: tuple[str, ...], references: MutableMapping[str, Any]
    ) -> list[Passage]:
        """The passages of sections, their heading path starting with `root`."""
        found: list[Passage] = []
        for section in sections:
            path = _path(root, section.headings)
            found += self.pack(text, section, path, self._lead(path), references)
        if not found and text.strip():
            found = [self.whole(text, root, self._lead(root))]
        return found

    def whole(self, text: str, path: tuple[str, ...], lead: str) -> Passage:
        """A text without blocks, such as a lone rule, as one passage that its heading path makes findable."""
        start, end = trimmed(text, 0, len(text))
        return self._of(path, (start, end), text[start:end], self.bounded(lead, self._budget))

    def question(self, text: str, stands_for: Passage) -> Passage:
        """A curated question as a passage that carries another's span."""
        return replace(stands_for, role="question", embedded=self.bounded(plain_text(text), self._budget))

    def _lead(self, path: tuple[str, ...]) -> str:
        for shorter in (path, (path[0], path[-1])):
            lead = " > ".join(shorter)
            if self._count(lead) <= self._budget // 3:
                return lead
        return self.bounded(lead, self._budget // 3)

    def bounded(self, text: str, tokens: int) -> str:
        """The start of a text that counts no more than `tokens`."""
        if self._count(text) <= tokens:
            return text
        low, high = 0, len(text)
        while low < high - 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._count(text[:middle]) <= tokens else (low, middle)
        return text[:low].rstrip()

    def pack(
        self,
        text: str,
        section: Section,
        path: tuple[str, ...],
        lead: str,
        references: MutableMapping[str, Any],
    ) -> list[Passage]:
        """The passages of one section: whole when it fits, else consecutive blocks, else parts of blocks."""
        cutting = _Cutting(text, references, self._count, self._language, self._budget - self._count(lead) - 1)
        spans = cutting.section(section.blocks)
        return [self._passage(text, start, end, path, lead, head, references) for start, end, head in spans]

    def _passage(
        self,
        text: str,
        start: int,
        end: int,
        path: tuple[str, ...],
        lead: str,
        head: str,
        references: MutableMapping[str, Any],
    ) -> Passage:
        own = text[start:end]
        embedded = "\n".join(part for part in (lead, plain_text(head + own, references)) if part)
        return self._of(path, (start, end), own, embedded)

    def _of(self, path: tuple[str, ...], span: Span, text: str, embedded: str) -> Passage:
        return Passage(0, "text", path, *span, text, embedded, sentences=sentences(text, self._language))


def _path(root: tuple[str, ...], headings: tuple[Heading, ...]) -> tuple[str, ...]:
    texts = [heading.text for heading in headings if heading.text]
    return (*root, *(texts[1:] if texts and texts[0] == root[-1] else texts))


class _Cutting:
    """One text being cut into spans whose plain text counts no more than `room` tokens."""

    def __init__(
        self, text: str, references: MutableMapping[str, Any], count: CountTokens, language: str, room: int
    ) -> None:
        self._text, self._references, self._count = text, references, count
        self._language, self._room = language, max(1, room)

    def section(self, blocks: tuple[Block, ...]) -> list[tuple[int, int, str]]:
        """Spans of the passages of consecutive blocks, and the source of the table header that each repeats."""
        start, end = trimmed(self._text, blocks[0].start, blocks[-1].end) if blocks else (0, 0)
        if start == end:
            return []
        if self._tokens(start, end) <= self._room:
            return [(start, end, "")]
        found: list[tuple[int, int, str]] = []
        waiting: list[_Unit] = []
        for block in blocks:
            if block.kind == "table_open" and self._tokens(block.start, block.end) > self._room:
                found += [*self._packed(waiting), *self._table(block)]
                waiting = []
            else:
                waiting += self._units((block.start, block.end), self._cutters(block))
        return found + self._packed(waiting)

    def _tokens(self, start: int, end: int) -> int:
        source = self._text[start:end]
        # What says nothing alone, such as a link's definition, may be text among its neighbours.
        return self._count(plain_text(source, self._references) or source)

    def _packed(self, units: list[_Unit], head: str = "") -> list[tuple[int, int, str]]:
        found: list[tuple[int, int, str]] = []
        used = 0
        for unit in units:
            between = 1 + self._uncommon(found[-1][1], unit.start) if found else 0
            if found and used + unit.tokens + between <= self._room:
                found[-1] = (found[-1][0], unit.end, head)
                used += unit.tokens + between
            else:
                found.append((unit.start, unit.end, head))
                used = unit.tokens
        return found

    def _uncommon(self, start: int, end: int) -> int:
        """White space between two units that plain text keeps, such as a unit separator."""
        return sum(character.isspace() and character not in " \t\r\n" for character in self._text[start:end])

    def _table(self, block: Block) -> list[tuple[int, int, str]]:
        _, *rows = block.parts
        head = self._text[block.start : rows[0][0]] if rows else ""
        cost = self._count(plain_text(head, self._references)) + 1
        if cost > self._room // 2 or not rows:
            return self._packed(self._units((block.start, block.end), [_lines, self._prose, _halves]))
        narrow = _Cutting(self._text, self._references, self._count, self._language, self._room - cost)
        units = [unit for row in rows for unit in narrow._units(row, [_halves])]
        first, *rest = narrow._packed(units, head)
        return [(block.start, first[1], ""), *rest]

    def _cutters(self, block: Block) -> list[Cutter]:
        if block.parts:
            return [lambda _text, _span: list(block.parts), _lines, self._prose, _halves]
        if block.kind == "paragraph_open":
            return [self._prose, _halves]
        return [_lines, self._prose, _halves]

    def _prose(self, text: str, span: Span) -> list[Span]:
        return stretches(text, *span, self._language)

    def _units(self, span: Span, cutters: list[Cutter]) -> list[_Unit]:
        """The span as one unit when it fits, else what the cutters make of it, coarse ones first."""
        start, end = trimmed(self._text, *span)
        if start == end:
            return []
        tokens = self._tokens(start, end)
        if tokens <= self._room or end - start == 1:
            return [_Unit(start, end, tokens)]
        finer = cutters if cutters[0] is _halves else cutters[1:]
        return [unit for part in cutters[0](self._text, (start, end)) for unit in self._units(part, finer)]


Cutter = Callable[[str, Span], list[Span]]


def _lines(text: str, span: Span) -> list[Span]:
    start, found = span[0], []
    for line in text[slice(*span)].split("\n"):
        found.append((start, start + len(line)))
        start += len(line) + 1
    return found


def _halves(text: str, span: Span) -> list[Span]:
    """Two parts of about one length, cut behind a space or a comma where one is near the middle."""
    start, end = span
    middle = (start + end) // 2
    reach = (end - start) // 8
    near = max(text.rfind(mark, middle - reach, middle + reach) for mark in " ,，、;；\n")
    cut = near + 1 if start < near + 1 < end else middle
    return [(start, cut), (cut, end)]
