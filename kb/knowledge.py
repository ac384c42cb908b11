"""KnowledgeBase: the one place that wires the parts, for those who ask."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from functools import lru_cache

from kb.answer.citations import Citation, document_url
from kb.answer.composition import Source, compose, curated, refusal
from kb.config import Paths, Settings
from kb.errors import UsageError
from kb.model import AGENT, PUBLIC, Action, Article, Kind, StoredPassage
from kb.reader import Reader
from kb.search import confidence
from kb.search.catalogue import Scope
from kb.search.embedding import Embedder, describe
from kb.search.fusion import Candidate
from kb.search.highlights import highlights
from kb.search.terms import question_terms, terms, written_in
from kb.search.view import View

MAX_QUESTION = 2_000
"""Characters; a longer question is refused."""
MAX_K = 100
_HALF = re.compile("[\ud800-\udfff]")
_KINDS: tuple[Kind, ...] = ("article", "ticket")  # the lanes, in the order in which they may answer
_CERTAIN = 0.99  # the confidence that a question asked in an editor's own words has at least
_CACHED = 1_024  # vectors of recent questions


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that may answer; `score` is the fused one (higher is better), `confidence` a probability.

    `highlights` are `(start, end)` code points of `text` where the question's words stand.
    """

    passage_id: str
    document_id: str
    kind: Kind
    revision: int
    title: str
    heading: tuple[str, ...]
    url: str | None
    text: str
    highlights: tuple[tuple[int, int], ...]
    score: float
    confidence: float
    audience: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Two lanes, each ranked; tickets never push an article down."""

    query_id: str
    hits: tuple[Hit, ...]
    tickets: tuple[Hit, ...]
    took_ms: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A short cited answer (`answered`), or an honest refusal with its reason (`abstained`)."""

    answer_id: str
    outcome: str
    text: str
    citations: tuple[Citation, ...]
    actions: tuple[Action, ...]
    confidence: float
    reason: str | None = None
    handover: None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A question, what was said before it, and what the asker may see.

    `speaks` is the asker's language (default: that of the question); the others narrow what is searched.
    """

    question: str
    conversation: tuple[str, ...] = ()
    audiences: frozenset[str] = frozenset({PUBLIC})
    speaks: str | None = None
    product: str | None = None
    language: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """A lane's documents, best first: each one's best passage, with its candidate and probability."""

    passage: StoredPassage
    candidate: Candidate
    probability: float


class KnowledgeBase:
    """Searches and answers over one home; safe to share between threads."""

    def __init__(self, paths: Paths, settings: Settings, *, embedder: Embedder | None = None) -> None:
        """Opens what was indexed. Raises IndexMissing, IndexMismatch, IndexCorrupt, StoreError, ModelMissing."""
        self.settings = settings
        spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
        self.reader = Reader(paths, spec)
        self._embedder = embedder or Embedder(spec)
        self._model = confidence.shipped()
        self._vector = lru_cache(maxsize=_CACHED)(lambda text: self._embedder.queries([text])[0])

    @property
    def threshold(self) -> float:
        """The probability at or above which a question is answered."""
        chosen = self.settings.min_confidence
        return self._model.threshold if chosen is None else chosen

    def warm(self) -> None:
        """Loads the model, so that the first question does not wait for it."""
        self._embedder.warm()

    def search(self, ask: Ask, k: int = 10) -> SearchResult:
        """The k best documents of each lane, each by its best passage. Raises UsageError."""
        if not 1 <= k <= MAX_K:
            raise UsageError(f"k: found {k}; accepted is 1 to {MAX_K}")
        started = time.perf_counter()
        question = _Question(self, ask)
        lanes = [tuple(question.hit(f) for f in question.lane(kind, k)) for kind in _KINDS]
        took = round((time.perf_counter() - started) * 1000, 3)
        return SearchResult(uuid.uuid4().hex, lanes[0], lanes[1], took)

    def answer(self, ask: Ask) -> Answer:
        """A cited answer from the best article, or, for who may see them, the best ticket; else a refusal."""
        question = _Question(self, ask)
        return question.answer(self.threshold)


class _Question:
    """One question on its way through one view."""

    def __init__(self, kb: KnowledgeBase, ask: Ask) -> None:
        _refuse_half_characters(ask)
        self._kb, self._ask = kb, ask
        self._view: View = kb.reader.view
        self._speaks = ask.speaks or written_in(ask.question)
        self._words = question_terms(check_question(ask.question))
        self._said = "\n".join([*ask.conversation[-1:], ask.question])
        self._vector = kb._vector(self._said)
        self._scope = Scope(ask.audiences, time.time(), ask.product, ask.language, ask.tag)
        rarity = self._view.keywords.rarity
        self._rarity = {kind: {word: rarity(word, kind) for word in self._words} for kind in _KINDS}

    def lane(self, kind: Kind, k: int) -> list[_Found]:
        """The k best documents of a lane."""
        candidates = self._view.candidates(
            self._vector, self._ask.question, self._said, self._scope, kind, in_chinese=self._speaks.startswith("zh")
        )
        best: dict[str, Candidate] = {}
        for candidate in candidates:
            best.setdefault(candidate.document_id, candidate)
        chosen = list(best.values())[:k]
        stored = self._kb.reader.fetch([c.row for c in chosen])
        return [_Found(stored[c.row], c, self._probability(c, stored[c.row])) for c in chosen if c.row in stored]

    def _probability(self, candidate: Candidate, passage: StoredPassage) -> float:
        held = frozenset(terms(passage.embedded))
        found = confidence.signs(candidate, self._words, held, self._rarity[passage.kind])
        likely = confidence.probability(self._kb._model, found)
        return max(likely, _CERTAIN) if candidate.exact else likely

    def hit(self, found: _Found) -> Hit:
        """What a searcher is shown of it."""
        passage = found.passage
        return Hit(
            passage.name,
            passage.document_id,
            passage.kind,
            passage.revision,
            passage.heading[0],
            passage.heading[1:],
            document_url(passage.document_id, passage.kind),
            passage.text,
            highlights(passage.text, self._words),
            found.candidate.score,
            round(found.probability, 4),
            passage.audience,
        )

    def answer(self, threshold: float) -> Answer:
        """The answer of the first lane whose best document is likely enough, or a refusal."""
        best = 0.0
        for kind in _KINDS:
            found = self.lane(kind, 1)
            if found and found[0].probability >= threshold:
                return self._answered(found[0])
            best = max([best, *(f.probability for f in found)])
        answer_id = uuid.uuid4().hex
        return Answer(answer_id, "abstained", refusal(self._speaks), (), (), round(best, 4), "nothing_close")

    def _answered(self, found: _Found) -> Answer:
        best = found.passage
        document = self._kb.reader.document(best.document_id, best.revision)
        source = Source(document, best.revision, AGENT in self._ask.audiences)
        passages = self._passages(best)
        if isinstance(document, Article) and document.answer and self._asks_curated(found):
            made = curated(source, document.answer, passages, document.language)
        else:
            made = compose(source, passages, self._rarity[best.kind])
        actions = document.actions if isinstance(document, Article) else ()
        return Answer(uuid.uuid4().hex, "answered", made.text, made.citations, actions, round(found.probability, 4))

    def _passages(self, best: StoredPassage) -> list[StoredPassage]:
        """The passages of the best one's document that the asker may see: the best first, then in order."""
        allowed = self._view.allowed(self._scope, best.kind)
        every = self._kb.reader.passages_of(best.document_id, best.revision)
        shown = self._view.shows([passage.id for passage in every], allowed)
        texts = [passage for passage, show in zip(every, shown, strict=True) if show and passage.role == "text"]
        return sorted(
            texts, key=lambda p: ((p.start, p.end, p.internal) != (best.start, best.end, best.internal), p.id)
        )

    def _asks_curated(self, found: _Found) -> bool:
        """Whether the question is one that the article's own short answer was written for."""
        return found.candidate.exact or found.passage.role == "question"


def check_question(text: str) -> str:
    """The question, stripped. Raises UsageError where it is empty or too long."""
    question = text.strip()
    if not question:
        raise UsageError("the question is empty: write a few words")
    if len(question) > MAX_QUESTION:
        raise UsageError(f"the question has {len(question):,} characters; accepted are at most {MAX_QUESTION:,}")
    return question


def _refuse_half_characters(ask: Ask) -> None:
    named = (ask.product or "", ask.language or "", ask.tag or "")
    for text in (ask.question, *ask.conversation, *ask.audiences, *named):
        if _HALF.search(text):
            raise UsageError(f"{text[:80]!a} is not valid Unicode: it holds half of a character (a lone surrogate)")
