"""From the passages that were found to what the asker reads: sentences, each with its citation, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from kb.answer.basis import Basis, CheckedSentence, Excerpt, Stretch, excerpts
from kb.answer.citations import Citation, Statement, cite, document_url
from kb.answer.extract import Sentence, best_sentences, closest_sentence
from kb.ingest.plaintext import plain_text
from kb.ingest.rendering import Rendering, public_rendering, whole_offset
from kb.ingest.sentences import sentences
from kb.model import Article, Document
from kb.search.terms import is_chinese

T = TypeVar("T")
_REFUSALS = {
    "zh": "抱歉，知识库里没有找到能回答这个问题的内容。需要的话，可以为您转接人工客服。",
    "zh-Hant": "抱歉，知識庫裡沒有找到能回答這個問題的內容。需要的話，可以為您轉接真人客服。",
    "en": "Sorry, I found nothing in our knowledge base that answers this. I can put you through to a person.",
}

_ASKING_BACK = {
    "zh": ("{codes} 在多款产品上含义不同：{products}。请问是哪一款？", "、"),
    "zh-Hant": ("{codes} 在多款產品上含義不同：{products}。請問是哪一款？", "、"),
    "en": ("{codes} means different things on different products: {products}. Which one is it?", "; "),
}
_WHICH_TOPIC = {
    "zh": "请问您想了解哪一个？",
    "zh-Hant": "請問您想了解哪一個？",
    "en": "Which of these do you mean?",
}


@dataclass(frozen=True, slots=True)
class Composition:
    """The text of an answer and where each of its sentences comes from."""

    text: str
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """A document as one asker sees it."""

    document: Document
    basis: Basis

    @property
    def public(self) -> Rendering:
        """What everyone sees of it."""
        if isinstance(self.document, Article):
            return _rendered(self.document.body)
        return Rendering(self.document.resolution, ())

    @property
    def body(self) -> str:
        """What citations into this document are spans of."""
        return self.document.body if self.basis.whole and isinstance(self.document, Article) else self.public.body

    def cite(self, stretch: Stretch, start: int, end: int) -> Citation:
        """A citation of a stretch's `text[start:end]`. Raises CitationError."""
        first, last = stretch.start + start, stretch.start + end
        if self.basis.whole and not stretch.internal:
            rendering = self.public
            first, last = whole_offset(rendering, first), whole_offset(rendering, last - 1) + 1
        return cite(
            self.body,
            first,
            last,
            document_id=self.basis.document_id,
            revision=self.basis.revision,
            title=stretch.heading[0],
            heading=stretch.heading[1:],
            url=document_url(self.basis.document_id, "article" if isinstance(self.document, Article) else "ticket"),
        )


@lru_cache(maxsize=256)  # markers are found by parsing the whole body
def _rendered(body: str) -> Rendering:
    return public_rendering(body)


def compose(document: Document, basis: Basis) -> Composition:
    """What is told of a document on this basis: its own short answer, or its best sentences; verbatim, each cited.

    It depends on nothing else, so that it can be made again later. Raises CitationError where the basis is of another
    revision.
    """
    source = _Source(document, basis)
    texts = excerpts(basis.passages, source.public.body, source.body)
    if basis.curated and isinstance(document, Article) and document.answer:
        return _curated(source, document.answer, texts)
    if basis.written:
        return _written(source, basis.written)
    chosen = best_sentences(texts, basis.rarity, " ".join(basis.passages[0].heading), basis.elsewhere)
    citations = [source.cite(basis.passages[s.passage], s.start, s.end) for s in chosen]
    return _joined(chosen, [found.text for found in texts], document.language, citations)


def read_passages(document: Document, basis: Basis) -> list[Excerpt]:
    """The passages of a basis with their texts. Raises CitationError where it is of another revision."""
    source = _Source(document, basis)
    return excerpts(basis.passages, source.public.body, source.body)


def _written(source: _Source, written: Sequence[CheckedSentence]) -> Composition:
    """What a language model wrote, each sentence with the one of a passage that it rests on."""
    between, ends = "" if is_chinese(written[0].text) else " ", []
    text = ""
    for sentence in written:
        text += (between if text else "") + sentence.text
        ends.append(len(text))
    spans = [(end - len(sentence.text), end) for sentence, end in zip(written, ends, strict=True)]
    citations = tuple(source.cite(source.basis.passages[w.passage], w.start, w.end) for w in written)
    return Composition(text, citations, statements(text, spans, list(range(len(written)))))


def _curated(source: _Source, answer: str, texts: Sequence[Excerpt]) -> Composition:
    """An article's own short answer; each of its sentences cites the nearest one of the body."""
    spans = sentences(answer, source.document.language)
    nearest = [closest_sentence(answer[start:end], texts) for start, end in spans]
    places = [(s.passage, s.start, s.end) if s is not None else None for s in nearest]
    cited = list(dict.fromkeys(place for place in places if place is not None))
    citations = tuple(source.cite(texts[n].stretch, start, end) for n, start, end in cited)
    numbers = [None if place is None else cited.index(place) for place in places]
    return Composition(answer, citations, statements(answer, spans, numbers))


def statements(text: str, spans: Sequence[tuple[int, int]], cited: Sequence[int | None]) -> tuple[Statement, ...]:
    """The sentences at some spans, each widened over the marks beside it, so that only white space is left between."""
    if not spans:
        return (Statement(0, len(text)),) if text.strip() else ()
    found, at = [], 0
    for (_, end), citation in zip(spans, cited, strict=True):
        found.append(Statement(len(text) - len(text[at:].lstrip()), end, citation))
        at = end
    found[-1] = replace(found[-1], end=len(text.rstrip()))
    return tuple(found)


def said(text: str, language: str) -> tuple[Statement, ...]:
    """The sentences of a text that cites nothing."""
    spans = sentences(text, language)
    return statements(text, spans, [None] * len(spans))


def refusal(language: str) -> str:
    """A plain "I do not know" in a language: Chinese in either script, or else English."""
    return _in(language, _REFUSALS)


def asking_back(language: str, codes: Sequence[str], products: Sequence[str]) -> str:
    """The question that has to be answered first: on which of these products the codes were seen."""
    text, comma = _in(language, _ASKING_BACK)
    return text.format(codes=comma.join(code.upper() for code in codes), products=comma.join(products))


def which_topic(language: str, topics: Sequence[str]) -> str:
    """The question which of these topics is meant, numbered."""
    return "\n".join([_in(language, _WHICH_TOPIC), *(f"{number}. {topic}" for number, topic in enumerate(topics, 1))])


def _in(language: str, texts: Mapping[str, T]) -> T:
    return texts.get(language) or texts["zh" if language.startswith("zh") else "en"]


def _joined(
    chosen: Sequence[Sentence], texts: Sequence[str], language: str, citations: Sequence[Citation]
) -> Composition:
    """The sentences as one text: a new line where the source has one, or where some of it was left out."""
    text, told = "", []
    before: Sentence | None = None
    for number, sentence in enumerate(chosen):
        text += _between(before, sentence, texts, language) if before is not None else ""
        start, text = len(text), text + plain_text(texts[sentence.passage][sentence.start : sentence.end])
        if len(text) > start:
            told.append(Statement(start, len(text), number))
        before = sentence
    return Composition(text, tuple(citations), tuple(told))


def _between(first: Sentence, second: Sentence, texts: Sequence[str], language: str) -> str:
    gap = texts[first.passage][first.end : second.start] if first.passage == second.passage else "\n"
    if gap.strip(" \n") or "\n" in gap:
        return "\n"
    return "" if language.startswith("zh") else " "
