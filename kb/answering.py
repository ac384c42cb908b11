"""From what a question found to what its asker reads: a cited answer, a question back, or a refusal with its reason."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence

from kb.answer.basis import Basis, basis_of
from kb.answer.composition import asking_back, compose, refusal
from kb.answer.instructions import addresses_machine
from kb.contradictions import contradicting
from kb.hits import Found
from kb.model import AGENT, Article, Document, StoredPassage
from kb.questions import KINDS, Question
from kb.results import Answer, Ask
from kb.search.language import FOREIGN, distance
from kb.variants import Contest

CONTRADICTING, SUSPICIOUS = "contradicting_sources", "suspicious_source"
log = logging.getLogger("kb.answering")


class Answering:
    """Answers one question; then `looked_at` is the best of each lane, and `basis` what the answer is made of."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self.looked_at: list[Found] = []
        self.basis: Basis | None = None
        self.document: Document | None = None
        self.passages: list[StoredPassage] = []
        self._told: Found | None = None

    @property
    def ask(self) -> Ask:
        """What was asked."""
        return self._question.ask

    @property
    def speaks(self) -> str:
        """The asker's language."""
        return self._question.speaks

    def answer(self) -> Answer:
        """The answer of the first lane whose best document is likely enough, or a refusal."""
        for kind in KINDS:
            found = self._question.lane(kind, 1, answering=True)
            self.looked_at += found
            if found and (contest := self._open(found[0])):
                return self._asked_back(contest, found[0].probability)
            if found and found[0].probability >= self._question.threshold:
                made = self._answered(found[0])
                if made is None:
                    return self._refused(found[0].probability, SUSPICIOUS)
                contradicted = self.contradicts([citation.quote for citation in made.citations])
                return self._refused(found[0].probability, CONTRADICTING) if contradicted else made
        likely = max((found.probability for found in self.looked_at), default=0.0)
        return self._refused(likely, self._question.reason(self.looked_at))

    def _refused(self, likely: float, reason: str) -> Answer:
        self.basis = None
        return Answer(uuid.uuid4().hex, "abstained", refusal(self._question.speaks), (), (), round(likely, 4), reason)

    def contradicts(self, quotes: Sequence[str]) -> bool:
        """Whether another document says the same with other numbers; an editor's own words for this question stand."""
        found = self._told
        if found is None or found.exact:
            return False
        other = contradicting(found, quotes, self._question.view, self._question.reader)
        if other is not None:
            log.warning("%s and %s contradict each other: neither is told", found.passage.document_id, other)
        return other is not None

    def _open(self, best: Found) -> Contest | None:
        """The contest where nobody knows which product is meant, and the best document is one product's."""
        contest = self._question.contest
        is_open = contest and contest.chosen is None and contest.holds(best.passage.document_id)
        return contest if is_open else None

    def _asked_back(self, contest: Contest, likely: float) -> Answer:
        options = contest.options(self._question.speaks)
        text = asking_back(self._question.speaks, contest.codes, [option.label for option in options])
        return Answer(uuid.uuid4().hex, "abstained", text, (), (), round(likely, 4), "which_product", options=options)

    def _answered(self, found: Found) -> Answer | None:
        """An answer from a document; None where what would be told of it speaks to a machine."""
        best = found.passage
        document = self._question.reader.document(best.document_id, best.revision)
        curated = isinstance(document, Article) and bool(document.answer) and self._asks_curated(found)
        rarity, whole = self._question.rarity(best.kind), AGENT in self._question.ask.audiences
        found_best, *others = self._passages(best)
        passages = [found_best, *(passage for passage in others if not addresses_machine(passage.text))]
        self.document, self.passages, self._told = document, passages, found
        self.basis = basis_of(passages, rarity, whole=whole, curated=curated)
        made = compose(document, self.basis)
        if addresses_machine(found_best.text) or addresses_machine(made.text):
            log.warning("%s seems to hold an order to a machine: it is not told", best.document_id)
            return None
        actions = document.actions if isinstance(document, Article) else ()
        likely, foreign = round(found.probability, 4), self._is_foreign(best)
        answer_id = uuid.uuid4().hex
        return Answer(
            answer_id, "answered", made.text, made.citations, actions, likely, language=best.language, foreign=foreign
        )

    def _is_foreign(self, passage: StoredPassage) -> bool:
        return distance(passage.language, self._question.speaks) == FOREIGN

    def _passages(self, best: StoredPassage) -> list[StoredPassage]:
        """The passages of the best one's document that the asker may see: the best, its section's, then the others."""
        allowed = self._question.view.allowed(self._question.may_answer, best.kind)
        every = self._question.reader.passages_of(best.document_id, best.revision)
        shown = self._question.view.shows([passage.id for passage in every], allowed)
        texts = [passage for passage, show in zip(every, shown, strict=True) if show and passage.role == "text"]
        span = (best.start, best.end, best.internal)
        return sorted(texts, key=lambda p: ((p.start, p.end, p.internal) != span, p.heading != best.heading, p.id))

    def _asks_curated(self, found: Found) -> bool:
        """Whether the question is one that the article's own short answer was written for."""
        return found.exact or found.passage.role == "question"
