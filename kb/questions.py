"""One question on its way through one view: understood, looked for, ranked, judged, answered or refused."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kb import hits
from kb.answer.composition import Source, compose, curated, refusal
from kb.errors import UsageError
from kb.explaining import explained
from kb.hits import Found
from kb.model import AGENT, Article, Kind, StoredPassage
from kb.reader import Reader
from kb.results import Answer, Ask, Explanation, Hit
from kb.search import confidence, fusion
from kb.search.catalogue import Scope
from kb.search.confidence import Confidence
from kb.search.evidence import Evidence
from kb.search.fusion import Fusion
from kb.search.grouping import groups
from kb.search.language import FOREIGN, distance
from kb.search.slips import find_slips, mended
from kb.search.synonyms import Synonyms
from kb.search.terms import question_terms, written_in
from kb.search.translations import translations
from kb.search.view import Asked, View
from kb.search.wording import Concept, concepts

MAX_QUESTION = 2_000
"""Characters; a longer question is refused."""
_HALF = re.compile("[\ud800-\udfff]")
KINDS: tuple[Kind, ...] = ("article", "ticket")
"""The lanes, in the order in which they may answer."""
_CERTAIN = 0.99  # the confidence that a question asked in an editor's own words has at least
_NOTHING_CLOSE = 0.5  # of the threshold: a best document less likely than that is not even close


@dataclass(frozen=True, slots=True)
class Models:
    """What ranks and judges: the weights, and the target that the operator set."""

    fusion: Fusion
    confidence: Confidence
    fingerprint: str
    min_confidence: float | None
    max_wrong: float | None
    synonyms: Synonyms

    @property
    def weights(self) -> dict[str, float]:
        """Of the fused score, for the embedding model in use."""
        return self.fusion.weights(self.fingerprint)

    def threshold(self, language: str) -> float:
        """The probability at or above which a question in a language is answered."""
        if self.min_confidence is not None:
            return self.min_confidence
        return self.confidence.of(language).threshold(self.max_wrong)


class Question:
    """Searched and answered lane by lane; everything in it comes from one view."""

    def __init__(self, ask: Ask, reader: Reader, models: Models, embed: Callable[[str], NDArray[np.float32]]) -> None:
        _refuse_half_characters(ask)
        self._ask, self._reader, self._models = ask, reader, models
        self._view: View = reader.view
        self._lexicon = self._view.lexicon(ask.audiences)
        self._question = question = check_question(ask.question)
        self.slips = find_slips(question, self._lexicon)
        self._meant = mended(question, self.slips)
        self.speaks = ask.speaks or written_in(self._meant)
        self._foreign = self._view.catalogue.holds_foreign(in_chinese=self.speaks.startswith("zh"))
        self._words = question_terms(self._meant)
        self._synonyms = models.synonyms.alternatives(self._meant)
        said = "\n".join([*ask.conversation[-1:], self._meant])
        self._said = question_terms(said) if ask.conversation else self._words
        self._vector, self._alone = embed(said), embed(self._meant)
        self._scope = Scope(ask.audiences, time.time(), ask.product, ask.language, ask.tag)

    def evidence(self, kind: Kind) -> Evidence | None:
        """What is known of a lane's candidates; None where nothing may be found."""
        if not self._view.allowed(self._scope, kind).any():
            return None
        last = self._concepts(self._words, kind)
        asked = Asked(
            self._meant,
            last if self._said is self._words else self._concepts(self._said, kind),
            self._vector,
            last,
            self._alone,
            self.speaks,
            bool(self._ask.conversation),
        )
        return self._view.evidence(asked, self._scope, kind)

    def _concepts(self, words: list[str], kind: Kind) -> tuple[Concept, ...]:
        keywords = self._view.keywords
        return concepts(words, self._others, lambda word: keywords.rarity(word, kind), keywords.unseen(kind))

    @cached_property
    def _others(self) -> dict[str, tuple[str, ...]]:
        """The words that may stand for the question's: synonyms, then translations."""
        known = self._lexicon.counts.__contains__
        others = translations(self._words, known) if self._foreign else {}
        for term, same in self._synonyms.items():
            others[term] = tuple(dict.fromkeys([*filter(known, same), *others.get(term, ())]))
        return others

    def lane(self, kind: Kind, k: int) -> list[Found]:
        """The k best documents of a lane, each with its translations and near-duplicates as one."""
        evidence = self.evidence(kind)
        if evidence is None:
            return []
        fused = fusion.scores(evidence.signs, self._models.weights)
        ordered = fusion.order(evidence, fused)
        chosen = groups(evidence, ordered)[: k if k == 1 else k + hits.SPARE]
        beside = {group.shown: hits.near(evidence, fused, ordered, group.shown) for group in chosen}
        numbers = [number for shown, others in beside.items() for number in (shown, *others)]
        stored = self._reader.fetch([evidence.rows[number] for number in numbers])
        found = []
        for group, also in hits.shown_once(chosen, evidence, beside, stored, self._view)[:k]:
            signs, exact = confidence.signs(evidence, fused, ordered, group.shown), bool(evidence.exact[group.best])
            close = [n for n in beside[group.shown] if fused[n] >= fused[group.shown] - hits.CLOSE]
            rows = [evidence.rows[number] for number in (group.shown, *close)]
            best, *others = [stored[row] for row in rows if row in stored]
            score, likely = float(fused[group.best]), self._probability(signs, exact)
            found.append(Found(best, score, exact, signs, likely, evidence, group.shown, tuple(others), also))
        return found

    def _probability(self, signs: dict[str, float], exact: bool) -> float:
        likely = self._models.confidence.of(self.speaks).probability(signs)
        return max(likely, _CERTAIN) if exact else likely

    def hit(self, found: Found, rank: int) -> Hit:
        """What a searcher is shown of it, at a rank from 0."""
        return hits.hit(found, rank, self._words, self._rarity(found.passage.kind), self.speaks)

    def explain(self, lanes: Mapping[Kind, Sequence[Found]]) -> Explanation:
        """How these results came about, or why the best of them is no answer."""
        judge, threshold = self._models.confidence.of(self.speaks), self._models.threshold(self.speaks)
        best = max((found.probability for lane in lanes.values() for found in lane[:1]), default=0.0)
        shown = {
            kind: tuple(explained(found, self._models.weights, judge, threshold) for found in lane)
            for kind, lane in lanes.items()
        }
        asked = {c.term: c.alternatives for kind in KINDS for c in self._concepts(self._said, kind) if c.alternatives}
        return Explanation(
            meant=self._meant,
            speaks=self.speaks,
            slips=tuple((self._question[slip.start : slip.end], slip.meant) for slip in self.slips),
            alternatives=asked,
            audiences=tuple(sorted(self._scope.audiences)),
            product=self._scope.product,
            language=self._scope.language,
            tag=self._scope.tag,
            at=self._scope.now,
            threshold=threshold,
            best=round(best, 4),
            outcome="answered" if best >= threshold else self._reason(best),
            hits=shown["article"],
            tickets=shown["ticket"],
        )

    def _rarity(self, kind: Kind) -> dict[str, float]:
        return {word: self._view.keywords.rarity(word, kind) for word in self._words}

    def _reason(self, best: float) -> str:
        close = best >= _NOTHING_CLOSE * self._models.threshold(self.speaks)
        return "close_not_answering" if close else "nothing_close"

    def answer(self) -> Answer:
        """The answer of the first lane whose best document is likely enough, or a refusal."""
        best, threshold = 0.0, self._models.threshold(self.speaks)
        for kind in KINDS:
            found = self.lane(kind, 1)
            if found and found[0].probability >= threshold:
                return self._answered(found[0])
            best = max([best, *(f.probability for f in found)])
        answer_id = uuid.uuid4().hex
        return Answer(answer_id, "abstained", refusal(self.speaks), (), (), round(best, 4), self._reason(best))

    def _answered(self, found: Found) -> Answer:
        best = found.passage
        document = self._reader.document(best.document_id, best.revision)
        source = Source(document, best.revision, AGENT in self._ask.audiences)
        passages = self._passages(best)
        if isinstance(document, Article) and document.answer and self._asks_curated(found):
            made = curated(source, document.answer, passages, document.language)
        else:
            made = compose(source, passages, self._rarity(best.kind))
        actions = document.actions if isinstance(document, Article) else ()
        likely, foreign = round(found.probability, 4), self._is_foreign(best)
        answer_id = uuid.uuid4().hex
        return Answer(
            answer_id, "answered", made.text, made.citations, actions, likely, language=best.language, foreign=foreign
        )

    def _is_foreign(self, passage: StoredPassage) -> bool:
        return distance(passage.language, self.speaks) == FOREIGN

    def _passages(self, best: StoredPassage) -> list[StoredPassage]:
        """The passages of the best one's document that the asker may see: the best, its section's, then the others."""
        allowed = self._view.allowed(self._scope, best.kind)
        every = self._reader.passages_of(best.document_id, best.revision)
        shown = self._view.shows([passage.id for passage in every], allowed)
        texts = [passage for passage, show in zip(every, shown, strict=True) if show and passage.role == "text"]
        span = (best.start, best.end, best.internal)
        return sorted(texts, key=lambda p: ((p.start, p.end, p.internal) != span, p.heading != best.heading, p.id))

    def _asks_curated(self, found: Found) -> bool:
        """Whether the question is one that the article's own short answer was written for."""
        return found.exact or found.passage.role == "question"


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
