"""KnowledgeBase: the one place that wires the parts, for those who ask."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from kb.accounts import AnswerAccount, SearchAccount, candidates, circumstances
from kb.answer.picking import picked, place
from kb.answer.support import Similarity
from kb.answering import Answering
from kb.authoring import Author
from kb.budget import Budget
from kb.config import Paths, Settings
from kb.errors import UsageError
from kb.model import EVERY
from kb.questions import KINDS, MAX_QUESTION, Question
from kb.reader import Reader, Reads
from kb.results import Answer, Ask, SearchResult
from kb.search import fusion
from kb.search.embedding import Embedder, Embeds, describe
from kb.search.generation import Manifest
from kb.search.remembered import Remembered
from kb.search.synonyms import read_synonyms
from kb.search.tokens import Tokens
from kb.stages import COMPOSED, GENERATED, SHOWN, Stages
from kb.tuning import Models, load, name_of

MAX_K = 100
_CACHED = 1_024  # vectors of recent questions


class _Noting:
    """In place of a model: notes the texts whose vectors questions ask for."""

    def __init__(self, dim: int) -> None:
        self.texts: dict[str, None] = {}
        self._nowhere = np.zeros(dim, np.float32)

    def __call__(self, text: str) -> NDArray[np.float32]:
        self.texts.setdefault(text)
        return self._nowhere


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a turn asks; the document it picks of those the turn before offered; what came of the turn before."""

    ask: Ask
    meant: str | None = None
    asked_back: bool = False
    refused_before: bool = False


class KnowledgeBase:
    """Searches and answers over one home; safe to share between threads."""

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        *,
        embedder: Embeds | None = None,
        manifest: Manifest | None = None,
        author: Author | None = None,
    ) -> None:
        """Opens what was indexed: the live generation, or, to be looked at, the one of a `manifest`.

        An `author` puts answers into words; without one they quote.

        Raises IndexMissing, IndexMismatch, IndexCorrupt, StoreError, ModelMissing.
        """
        self.settings, self.author = settings, author
        self._embedder = embedder or _embedder(settings)
        spec = self._embedder.spec
        self.reader = Reader(paths, spec, manifest)
        self.fingerprint = spec.fingerprint
        self.tuning = load(paths, spec.fingerprint)
        self._models = Models(
            self.tuning.fusion,
            self.tuning.confidence,
            spec.fingerprint,
            settings.min_confidence,
            settings.max_wrong,
            read_synonyms(paths.synonyms),
        )
        self._tuned = name_of(self.tuning)
        self._vectors = Remembered(self._embedder.queries, _CACHED)

    def threshold(self, language: str) -> float:
        """The probability at or above which a question in a language is answered."""
        return self._models.threshold(language)

    def warm(self) -> None:
        """Loads the model and arranges the words, now and at every change, so that no question waits for them."""
        self._embedder.warm()
        if self.author is not None:
            self.author.model.warm()
        self.reader.warm()

    def question(self, ask: Ask, *, whenever: bool = False, stages: Stages | None = None) -> Question:
        """A question put to what is visible now, or, for an operator's eyes only, `whenever`. Raises UsageError."""
        return self._question(ask, self._vectors, whenever=whenever, stages=stages)

    @property
    def remembered(self) -> tuple[int, int]:
        """How often the vector of a question was at hand, and how often it had to be made."""
        return self._vectors.hits, self._vectors.misses

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return not isinstance(self._embedder, Embedder) or self._embedder.is_loaded

    def embed_ahead(self, asks: Iterable[Ask]) -> None:
        """Embeds many questions together, which takes a fraction of the time. Raises UsageError."""
        self._vectors.ahead(dict.fromkeys(text for ask in asks for text in self.embedded_of(ask)))

    def embedded_of(self, ask: Ask) -> tuple[str, ...]:
        """The texts whose vectors a question asks for, once its slips are mended. Raises UsageError."""
        needed = _Noting(self._embedder.spec.dim)
        self._question(ask, needed)
        return tuple(needed.texts)

    def embed(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of many questions, `(n, dim)`, of unit length; none is remembered."""
        return self._embedder.queries(questions)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of texts as passages have them, `(n, dim)`, of unit length, by the model in this process."""
        assert isinstance(self._embedder, Embedder)  # noqa: S101 - only a rehearsal has its questions embedded elsewhere
        return self._embedder.passages(texts)

    @property
    def tokens(self) -> Tokens:
        """How the embedding model counts. Raises ModelMissing."""
        return Tokens(self._embedder.spec)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has for the embedding model. Raises ModelMissing."""
        return self.tokens.counts(texts)

    def search(self, ask: Ask, k: int = 10, *, explain: bool = False) -> SearchResult:
        """The k best documents of each lane, each by its best passage; `explain` says why. Raises UsageError."""
        return self.searched(ask, k, explain=explain).result

    def searched(self, ask: Ask, k: int, *, explain: bool = False, stages: Stages | None = None) -> SearchAccount:
        """A search with how it came about. Raises UsageError."""
        if not 1 <= k <= MAX_K:
            raise UsageError(f"k: found {k}; accepted is 1 to {MAX_K}")
        started = time.perf_counter()
        question = self._question(ask, self._vectors, Budget(self.settings.budget_ms), stages=stages)
        found = {kind: question.lane(kind, k) for kind in KINDS}
        articles, tickets = (tuple(map(question.hit, found[kind], count())) for kind in KINDS)
        question.stages.ended(SHOWN)
        took = round((time.perf_counter() - started) * 1000, 3)
        why = question.explain(found) if explain else None
        result = SearchResult(uuid.uuid4().hex, articles, tickets, took, why, question.budget.skipped)
        return SearchAccount(result, circumstances(question, self._tuned))

    def answer(self, ask: Ask, *, explain: bool = False, stages: Stages | None = None) -> Answer:
        """A cited answer from the best article, or, for who may see them, the best ticket; else a refusal."""
        return self.answered(ask, explain=explain).answer

    def answered(self, ask: Ask, *, explain: bool = False, stages: Stages | None = None) -> AnswerAccount:
        """An answer with how it came about. Raises UsageError."""
        started = time.perf_counter()
        turn, question, answering, made = self._quoted(ask, self.reader, self._vectors, stages=stages)
        if self.author is not None and made.outcome == "answered":
            made = self.author.written(answering, made, self._similarity)
            question.stages.ended(GENERATED)
        took = round((time.perf_counter() - started) * 1000, 3)
        if explain:
            lanes = {kind: question.lane(kind, 1) for kind in KINDS}
            made = replace(made, explain=question.explain(lanes, made.reason or made.outcome))
        return self._account(turn, question, answering, made, took)

    def quoted(self, ask: Ask, reader: Reads, embed: Callable[[str], NDArray[np.float32]]) -> AnswerAccount:
        """An answer that quotes, from another state than the newest one, by vectors that are at hand.

        Raises UsageError.
        """
        started = time.perf_counter()
        turn, question, answering, made = self._quoted(ask, reader, embed, tells=False)
        return self._account(turn, question, answering, made, round((time.perf_counter() - started) * 1000, 3))

    def _account(
        self, turn: _Turn, question: Question, answering: Answering, made: Answer, took: float
    ) -> AnswerAccount:
        put_to, seen = circumstances(question, self._tuned), candidates(answering.looked_at)
        return AnswerAccount(made, put_to, seen, answering.basis, took, turn.refused_before)

    def _quoted(
        self,
        ask: Ask,
        reader: Reads,
        embed: Callable[[str], NDArray[np.float32]],
        *,
        stages: Stages | None = None,
        tells: bool = True,
    ) -> tuple[_Turn, Question, Answering, Answer]:
        turn = self._picked(ask, reader, embed)
        question = self._question(turn.ask, embed, reader=reader, stages=stages)
        answering = Answering(question, meant=turn.meant, asked_back=turn.asked_back, tells=tells)
        made = answering.answer()
        question.stages.ended(COMPOSED)
        return turn, question, answering, made

    def _picked(self, ask: Ask, reader: Reads, embed: Callable[[str], NDArray[np.float32]]) -> _Turn:
        """A turn; where the caller keeps no record of options, the turn before is asked again to find them."""
        if not ask.conversation:
            return _Turn(ask)
        offered, refused = ask.offered, False
        if offered is None:
            before = replace(ask, question=ask.conversation[-1][-MAX_QUESTION:], conversation=ask.conversation[:-1])
            if not before.question.strip():
                return _Turn(ask)
            made = Answering(self._question(before, embed, reader=reader)).answer()
            offered, refused = made.options, made.outcome == "abstained" and not made.options
        by_product = any(option.product is not None for option in offered)  # named ones are told apart by `variants`
        labels = [option.label for option in offered]
        which = place(ask.question, len(labels)) if by_product else picked(ask.question, labels)
        if which is None:
            return _Turn(ask, asked_back=bool(offered), refused_before=refused)
        asked = f"{ask.conversation[-1]}\n{labels[which]}" if by_product else ask.conversation[-1]
        earlier = replace(ask, question=asked, conversation=ask.conversation[:-1], offered=())
        return _Turn(earlier, offered[which].document_id, asked_back=True)

    @property
    def _similarity(self) -> Similarity | None:
        """The cosine of two sentences, for a model of which it was measured what is close."""
        return self._compared if fusion.shipped().knows(self.fingerprint) else None

    def _compared(self, first: str, second: str) -> float:
        one, other = self._embedder.queries([first, second])
        return float(one @ other)

    def _question(
        self,
        ask: Ask,
        embed: Callable[[str], NDArray[np.float32]],
        budget: Budget | None = None,
        *,
        reader: Reads | None = None,
        whenever: bool = False,
        stages: Stages | None = None,
    ) -> Question:
        """Every question passes here, so that whoever holds EVERY sees each audience that there is now."""
        reader = reader or self.reader
        if EVERY in ask.audiences:
            ask = replace(ask, audiences=(ask.audiences | reader.view.catalogue.audiences) - {EVERY})
        return Question(ask, reader, self._models, embed, budget, whenever=whenever, stages=stages)


def _embedder(settings: Settings) -> Embedder:
    spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
    return Embedder(spec, runtime=settings.runtime)
