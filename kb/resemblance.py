"""What is near an article, stored or not: the nearest others, which of them say the same, and which say otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.answer.citations import document_url
from kb.contradictions import differing, facts
from kb.errors import NotShown
from kb.knowledge import KnowledgeBase
from kb.model import Access, Article, StoredPassage
from kb.search.analysis import analysed, parts
from kb.search.catalogue import Scope
from kb.search.duplicates import names_numbers_of, pairs_alike, pairs_within, same_numbers
from kb.search.forward import Record, record
from kb.search.view import View
from kb.unsaved import passages_of

NEAREST = 10
"""Articles that are told of at most."""
MOST = 32
"""Passages of an article that are compared: its first ones."""
_DEPTH = 50
"""Passages that are looked at for each of its own."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A passage or sentence of the article at hand, and one of another."""

    own: str
    other: str


@dataclass(frozen=True, slots=True)
class Similar:
    """A published article near the one at hand.

    `similarity` is the cosine of their nearest passages. `same` are passages that say the same in nearly the same
    words, or of which one says all that the other says; `contradicts` sentences that say the same with other numbers,
    about the same product or where one names none.
    """

    document_id: str
    revision: int
    title: str
    language: str
    audience: tuple[str, ...]
    product: str | None
    url: str | None
    similarity: float
    same: tuple[Pair, ...]
    contradicts: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Resemblance:
    """The nearest articles: first those that say the same or otherwise, then by similarity.

    Translations of the article are not among them.
    """

    similar: tuple[Similar, ...]


@dataclass(frozen=True, slots=True)
class _Own:
    """The article at hand, as the index has it or would."""

    family: str
    product: str | None
    texts: tuple[str, ...]
    embedded: tuple[str, ...]
    vectors: NDArray[np.float32]
    records: tuple[Record, ...]
    answer: str | None


def resembling(kb: KnowledgeBase, document_id: str) -> Resemblance:
    """What is near a published article. Raises NotShown where there is none of that id."""
    view = kb.reader.view
    held = _passages(kb, view, document_id)[:MOST]
    if not held:
        raise NotShown(f"there is no published article {document_id!r}: check its id, or send its text")
    places, stored = [place for place, _ in held], [passage for _, passage in held]
    own = _Own(
        view.catalogue.names[int(view.catalogue.families[places[0]])],
        view.catalogue.distinct[int(view.catalogue.terms[places[0]])].product,
        tuple(passage.text for passage in stored),
        tuple(passage.embedded for passage in stored),
        view.vectors.at(places),
        tuple(map(view.forward.record, places)),
        _answer(kb, stored[0]),
    )
    return _near(kb, view, own)


def resembling_text(kb: KnowledgeBase, article: Article) -> Resemblance:
    """What is near an article that is not stored, or not like this. Raises ModelMissing, InputError."""
    made = passages_of(kb, article)[:MOST]
    embedded = tuple(passage.embedded for passage in made)
    own = _Own(
        article.translation_of or article.id,
        article.product,
        tuple(passage.text for passage in made),
        embedded,
        kb.embed_passages(embedded),
        tuple(record(analysed(_NOBODYS, text).parts) for text in embedded),
        article.answer,
    )
    return _near(kb, kb.reader.view, own)


_NOBODYS = Access(0, "", "article", (), None, None, "", None, (), "text", 0, None, "")


def _passages(kb: KnowledgeBase, view: View, document_id: str) -> list[tuple[int, StoredPassage]]:
    """A published article's passages with their positions, in order."""
    places = view.catalogue.rows_of([document_id])
    places = places[view.allowed(_scope(view), "article")[places]]
    rows = view.catalogue.ids[places].tolist()
    stored = kb.reader.fetch(rows)
    return [(place, stored[row]) for place, row in zip(places.tolist(), rows, strict=True) if row in stored]


def _scope(view: View) -> Scope:
    """Every article that is published, whether valid now or not: this is for editors."""
    return Scope(view.catalogue.audiences, time.time(), whenever=True)


def _near(kb: KnowledgeBase, view: View, own: _Own) -> Resemblance:
    best: dict[str, float] = {}
    selected = view.selected(_scope(view), "article")
    for vector in own.vectors:
        places, cosines = view.vectors.search(vector, selected, _DEPTH)
        for place, cosine in zip(places.tolist(), cosines.tolist(), strict=True):
            if view.catalogue.names[int(view.catalogue.families[place])] != own.family:
                id_ = view.catalogue.document(place)
                best[id_] = max(best.get(id_, -1.0), cosine)
    nearest = sorted(best, key=lambda id_: -best[id_])[:NEAREST]
    found = [one for id_ in nearest if (one := _similar(kb, view, own, id_, best[id_])) is not None]
    return Resemblance(tuple(sorted(found, key=lambda one: (not (one.same or one.contradicts), -one.similarity))))


def _similar(kb: KnowledgeBase, view: View, own: _Own, document_id: str, cosine: float) -> Similar | None:
    """None where a writer purged it meanwhile."""
    held = _passages(kb, view, document_id)
    if not held:
        return None
    place, first = held[0]
    entry = view.catalogue.distinct[int(view.catalogue.terms[place])]
    texts = [(place, passage) for place, passage in held if passage.role == "text"]
    about_the_same = None in (entry.product, own.product) or entry.product == own.product
    return Similar(
        document_id=document_id,
        revision=first.revision,
        title=first.heading[0],
        language=first.language,
        audience=entry.audience,
        product=entry.product,
        url=document_url(document_id, "article"),
        similarity=round(cosine, 4),
        same=tuple(_same(view, own, texts)),
        contradicts=tuple(_contradictions(own, texts, _answer(kb, first))) if about_the_same else (),
    )


def _same(view: View, own: _Own, theirs: Sequence[tuple[int, StoredPassage]]) -> Iterator[Pair]:
    """Pairs that are near-duplicates, or of which one says all that the other says."""
    records = [*own.records, *(view.forward.record(place) for place, _ in theirs)]
    embedded = [*own.embedded, *(passage.embedded for _, passage in theirs)]
    alike = {(a, b) for a, b in pairs_alike(records) if same_numbers(embedded[a], embedded[b])}
    within = {(min(a, b), max(a, b)) for a, b in pairs_within(records) if names_numbers_of(embedded[a], embedded[b])}
    for one, other in sorted(alike | within):
        if one < len(own.records) <= other:
            yield Pair(own.texts[one], theirs[other - len(own.records)][1].text)


def _contradictions(own: _Own, theirs: Sequence[tuple[int, StoredPassage]], answer: str | None) -> Iterable[Pair]:
    held = facts(sentence for said in _said(own.embedded, own.answer) for sentence in parts(said)[1:])
    others = _said((passage.embedded for _, passage in theirs), answer)
    found = (pair for said in others for pair in differing(held, said))
    return dict.fromkeys(Pair(fact.text.strip(), sentence.strip()) for fact, sentence in found)


def _said(embedded: Iterable[str], answer: str | None) -> list[str]:
    """Passages as the index sees them, and an article's short answer as if it were one, without a heading."""
    return [*embedded, *(["\n" + answer] if answer else [])]


def _answer(kb: KnowledgeBase, passage: StoredPassage) -> str | None:
    found = kb.reader.document(passage.document_id, passage.revision)
    return found.answer if isinstance(found, Article) else None
