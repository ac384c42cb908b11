"""KnowledgeBase: the one place that wires the parts, for those who ask."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
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
from kb.reader import Reader
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
        needed = _Noting(self._embedder.spec.dim)
        for ask in asks:
            self._question(ask, needed)  # it is mended before it is embedded
        self._vectors.ahead(needed.texts)

    def embed(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of many questions, `(n, dim)`, of unit length; none is remembered."""
        return self._embedder.queries(questions)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has for the embedding model. Raises ModelMissing."""
        return Tokens(self._embedder.spec).counts(texts)

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
        put, meant, asked_back = self._picked(ask)
        question = self.question(put, stages=stages)
        answering = Answering(question, meant=meant, asked_back=asked_back)
        made = answering.answer()
        question.stages.ended(COMPOSED)
        if self.author is not None and made.outcome == "answered":
            made = self.author.written(answering, made, self._similarity)
            question.stages.ended(GENERATED)
        took = round((time.perf_counter() - started) * 1000, 3)
        if explain:
            lanes = {kind: question.lane(kind, 1) for kind in KINDS}
            made = replace(made, explain=question.explain(lanes, made.reason or made.outcome))
        put_to, seen = circumstances(question, self._tuned), candidates(answering.looked_at)
        vector = question.alone if put.question == ask.question else None
        return AnswerAccount(made, put_to, seen, answering.basis, took, vector)

    def _picked(self, ask: Ask) -> tuple[Ask, str | None, bool]:
        """What a turn asks, where it picks an option of the turn before; the document picked, and whether we had asked.

        Where the caller keeps no record of options, the turn before is asked again to find them.
        """
        if not ask.conversation:
            return ask, None, False
        offered = ask.offered
        if offered is None:
            before = replace(ask, question=ask.conversation[-1][-MAX_QUESTION:], conversation=ask.conversation[:-1])
            if not before.question.strip():
                return ask, None, False
            made = Answering(self.question(before)).answer()
            offered = made.options
        by_product = any(option.product is not None for option in offered)  # named ones are told apart by `variants`
        labels = [option.label for option in offered]
        which = place(ask.question, len(labels)) if by_product else picked(ask.question, labels)
        if which is None:
            return ask, None, bool(offered)
        asked = f"{ask.conversation[-1]}\n{labels[which]}" if by_product else ask.conversation[-1]
        earlier = replace(ask, question=asked, conversation=ask.conversation[:-1], offered=())
        return earlier, offered[which].document_id, True

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
        whenever: bool = False,
        stages: Stages | None = None,
    ) -> Question:
        """Every question passes here, so that whoever holds EVERY sees each audience that there is now."""
        if EVERY in ask.audiences:
            ask = replace(ask, audiences=(ask.audiences | self.reader.view.catalogue.audiences) - {EVERY})
        return Question(ask, self.reader, self._models, embed, budget, whenever=whenever, stages=stages)


def _embedder(settings: Settings) -> Embedder:
    spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
    return Embedder(spec, runtime=settings.runtime)
