"""One question on its way through one view: understood, looked for, ranked, judged, answered or refused."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kb.answer.citations import document_url
from kb.answer.composition import Source, asking_back, compose, curated, refusal
from kb.errors import UsageError
from kb.model import AGENT, Article, Kind, StoredPassage
from kb.reader import Reader
from kb.results import Answer, Ask, Hit
from kb.search import confidence, fusion
from kb.search.catalogue import Scope
from kb.search.confidence import Confidence
from kb.search.evidence import Evidence
from kb.search.fusion import Fusion
from kb.search.highlights import highlights
from kb.search.slips import find_slips, mended
from kb.search.synonyms import Synonyms
from kb.search.terms import question_terms, written_in
from kb.search.translations import translations
from kb.search.view import Asked, View
from kb.search.wording import Concept, concepts
from kb.variants import Contest, Contests

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


@dataclass(frozen=True, slots=True)
class _Found:
    """A lane's documents, best first: each one's best passage, its fused score, its signs and probability."""

    passage: StoredPassage
    score: float
    exact: bool
    signs: dict[str, float]
    probability: float


class Question:
    """Searched and answered lane by lane; everything in it comes from one view."""

    def __init__(self, ask: Ask, reader: Reader, models: Models, embed: Callable[[str], NDArray[np.float32]]) -> None:
        _refuse_half_characters(ask)
        self._ask, self._reader, self._models = ask, reader, models
        self._view: View = reader.view
        self._lexicon = self._view.lexicon(ask.audiences)
        question = check_question(ask.question)
        self.slips = find_slips(question, self._lexicon)
        self._meant = mended(question, self.slips)
        self._understand(ask)
        excluded = self._view.rows_of(self._view.exclusions.ruled_out(question, self._meant))
        self._scope = Scope(ask.audiences, time.time(), ask.product, ask.language, ask.tag, not_rows=excluded)
        self._contest = self._contested(embed)
        self._words = self._asked_for(self._meant)
        said = "\n".join([*ask.conversation[-1:], self._meant])
        self._said = self._asked_for(said)
        self._vector, self._alone = embed(said), embed(self._meant)
        rivals = self._contest.rivals if self._contest else frozenset()
        self._may_answer = replace(self._scope, not_products=rivals)

    def _understand(self, ask: Ask) -> None:
        self.speaks = ask.speaks or written_in(self._meant)
        self._foreign = self._view.catalogue.holds_foreign(in_chinese=self.speaks.startswith("zh"))

    def _contested(self, embed: Callable[[str], NDArray[np.float32]]) -> Contest | None:
        """Codes that several products have; a turn that does but name the product is read with the one before it."""
        ways = (self._models.synonyms.alternatives, self._alternatives)
        measured = fusion.shipped().knows(self._models.fingerprint)
        contests = Contests(self._view, self._reader, self._scope, ways, embed if measured else None)
        earlier = self._ask.conversation
        if earlier and contests.reply(self._meant, earlier[-1], earlier[:-1]):
            self._meant = f"{earlier[-1]}\n{self._meant}"
            self._understand(self._ask)
        return contests.of(self._meant, earlier)

    def _asked_for(self, text: str) -> list[str]:
        words = question_terms(text)
        return self._contest.unnamed(words) if self._contest else words

    def evidence(self, kind: Kind, *, answering: bool = False) -> Evidence | None:
        """What is known of a lane's candidates; of those that may answer, where `answering`."""
        asked = Asked(
            self._meant,
            self._concepts(self._said, kind),
            self._vector,
            self._concepts(self._words, kind),
            self._alone,
            self.speaks.startswith("zh"),
            bool(self._ask.conversation),
        )
        held = self._contest.held if self._contest and kind == "article" else ()
        return self._view.evidence(asked, self._may_answer if answering else self._scope, kind, held)

    def _concepts(self, words: list[str], kind: Kind) -> tuple[Concept, ...]:
        keywords, others = self._view.keywords, self._alternatives(self._meant)
        return concepts(words, others, lambda word: keywords.rarity(word, kind), keywords.unseen(kind))

    def _alternatives(self, text: str) -> dict[str, tuple[str, ...]]:
        """What each term of a text may stand for: synonyms, and translations where there is something to find."""
        known = self._lexicon.counts.__contains__
        others = translations(question_terms(text), known) if self._foreign else {}
        for term, same in self._models.synonyms.alternatives(text).items():
            others[term] = tuple(dict.fromkeys([*filter(known, same), *others.get(term, ())]))
        return others

    def lane(self, kind: Kind, k: int, *, answering: bool = False) -> list[_Found]:
        """The k best documents of a lane; of those that may answer, where `answering`."""
        evidence = self.evidence(kind, answering=answering)
        if evidence is None:
            return []
        fused = fusion.scores(evidence.signs, self._models.weights)
        if self._contest:
            fused = self._contest.weighed(evidence, fused, self._models.weights["identifier"])
        ordered = fusion.order(evidence, fused)
        if self._contest and kind == "article":
            ordered = self._contest.first(evidence, ordered)
        best: dict[str, int] = {}
        for number in ordered:
            best.setdefault(evidence.documents[number], number)
        documents = self._contest.spread(list(best)) if self._contest else list(best)
        chosen = [best[document] for document in documents][:k]
        stored = self._reader.fetch([evidence.rows[number] for number in chosen])
        found = []
        for number in chosen:
            if evidence.rows[number] in stored:
                signs = confidence.signs(evidence, fused, ordered, number)
                exact = bool(evidence.exact[number])
                likely = self._probability(signs, exact)
                found.append(_Found(stored[evidence.rows[number]], float(fused[number]), exact, signs, likely))
        return found

    def _probability(self, signs: dict[str, float], exact: bool) -> float:
        likely = self._models.confidence.of(self.speaks).probability(signs)
        return max(likely, _CERTAIN) if exact else likely

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
            found.score,
            round(found.probability, 4),
            passage.audience,
        )

    def answer(self) -> Answer:
        """The answer of the first lane whose best document is likely enough, or a refusal."""
        best, threshold = 0.0, self._models.threshold(self.speaks)
        for kind in KINDS:
            found = self.lane(kind, 1, answering=True)
            if found and (contest := self._open(found[0])):
                return self._asked_back(contest, found[0].probability)
            if found and found[0].probability >= threshold:
                return self._answered(found[0])
            best = max([best, *(f.probability for f in found)])
        answer_id = uuid.uuid4().hex
        reason = "nothing_close" if best < _NOTHING_CLOSE * threshold else "close_not_answering"
        return Answer(answer_id, "abstained", refusal(self.speaks), (), (), round(best, 4), reason)

    def _open(self, best: _Found) -> Contest | None:
        """The contest where nobody knows which product is meant, and the best document is one product's."""
        contest = self._contest
        is_open = contest and contest.chosen is None and contest.holds(best.passage.document_id)
        return contest if is_open else None

    def _asked_back(self, contest: Contest, likely: float) -> Answer:
        options = contest.options(self.speaks)
        text = asking_back(self.speaks, contest.codes, [option.label for option in options])
        return Answer(uuid.uuid4().hex, "abstained", text, (), (), round(likely, 4), "which_product", options=options)

    def _answered(self, found: _Found) -> Answer:
        best = found.passage
        document = self._reader.document(best.document_id, best.revision)
        source = Source(document, best.revision, AGENT in self._ask.audiences)
        passages = self._passages(best)
        if isinstance(document, Article) and document.answer and self._asks_curated(found):
            made = curated(source, document.answer, passages, document.language)
        else:
            rarity = {word: self._view.keywords.rarity(word, best.kind) for word in self._words}
            made = compose(source, passages, rarity)
        actions = document.actions if isinstance(document, Article) else ()
        return Answer(uuid.uuid4().hex, "answered", made.text, made.citations, actions, round(found.probability, 4))

    def _passages(self, best: StoredPassage) -> list[StoredPassage]:
        """The passages of the best one's document that the asker may see: the best first, then in order."""
        allowed = self._view.allowed(self._may_answer, best.kind)
        every = self._reader.passages_of(best.document_id, best.revision)
        shown = self._view.shows([passage.id for passage in every], allowed)
        texts = [passage for passage, show in zip(every, shown, strict=True) if show and passage.role == "text"]
        return sorted(
            texts, key=lambda p: ((p.start, p.end, p.internal) != (best.start, best.end, best.internal), p.id)
        )

    def _asks_curated(self, found: _Found) -> bool:
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
