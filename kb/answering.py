"""From what a question found to what its asker reads: a cited answer, a question back, or a refusal with its reason."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Sequence
from dataclasses import replace

from rapidfuzz.fuzz import ratio

from kb.alarm import notice
from kb.answer.basis import Basis, basis_of
from kb.answer.composition import asking_back, compose, refusal, said, which_topic
from kb.answer.instructions import addresses_machine
from kb.contradictions import contradicting
from kb.hits import Found
from kb.model import AGENT, Article, Document, StoredPassage
from kb.questions import KINDS, Question
from kb.results import Answer, Ask, Option
from kb.search.applicability import NEITHER
from kb.search.language import FOREIGN, distance
from kb.search.terms import normalised
from kb.topics import LOOKED_AT, TIED, rivals
from kb.variants import Contest

CONTRADICTING, SUSPICIOUS = "contradicting_sources", "suspicious_source"
ALIKE = 85.0
_DIGITS = re.compile(r"\d+")
log = logging.getLogger("kb.answering")


class Answering:
    """Answers one question; then `looked_at` is the best of each lane, and `basis` what the answer is made of.

    `meant` is the document that the asker picked; `asked_back` whether the turn before was a question of ours; `tells`
    whether the log hears of what is wrong with a source: not where nobody really asks.
    """

    def __init__(
        self, question: Question, *, meant: str | None = None, asked_back: bool = False, tells: bool = True
    ) -> None:
        self._question, self._meant, self._asked_back_before = question, meant, asked_back
        self._level = logging.WARNING if tells else logging.DEBUG
        self.looked_at: list[Found] = []
        self.basis: Basis | None = None
        self.document: Document | None = None
        self.passages: list[StoredPassage] = []
        self._source: Found | None = None

    @property
    def ask(self) -> Ask:
        """What was asked."""
        return self._question.ask

    @property
    def speaks(self) -> str:
        """The asker's language."""
        return self._question.speaks

    def answer(self) -> Answer:
        """What is urgent, if anything is, with the answer, the question back, or the refusal."""
        made = self._answer()
        return replace(made, urgent=notice(self._question, [citation.document_id for citation in made.citations]))

    def _answer(self) -> Answer:
        """The answer of the first lane whose best document is likely enough, or a refusal."""
        for kind in KINDS:
            lane = self._question.lane(kind, LOOKED_AT, answering=True)
            if not lane:
                continue
            found = self._chosen(lane)
            self.looked_at.append(found)
            if self._is_picked(found):
                return self._told(found)
            if contest := self._open(found):
                return self._asked_back(contest, found.probability)
            if found.probability >= self._question.threshold:
                if kind == "article" and len(topics := self._topics(found, lane)) > 1:
                    return self._asked_which(topics, found.probability)
                return self._told(found)
        likely = max((found.probability for found in self.looked_at), default=0.0)
        return self._refused(likely, self._question.reason(self.looked_at))

    def of(self, found: Found) -> Answer | None:
        """What is told of one document that the question found, however likely; None where it must not be told."""
        made = None if self._open(found) else self._answered(found)
        return None if made is None or self._contradicted(made) else made

    def _told(self, found: Found) -> Answer:
        made = self._answered(found)
        if made is None:
            return self._refused(found.probability, SUSPICIOUS)
        return self._refused(found.probability, CONTRADICTING) if self._contradicted(made) else made

    def _contradicted(self, made: Answer) -> bool:
        return self.contradicts([citation.quote for citation in made.citations])

    def _chosen(self, lane: Sequence[Found]) -> Found:
        """The one that was picked, else the best; of those that are about as good, the one that is most the asker's."""
        for found in lane:
            if self._is_picked(found):
                return found
        first, verdicts = lane[0], self._question.verdicts
        if first.exact or not verdicts:
            return first
        near = [f for f in lane if f is first or self._is_as_good(f, first)]
        return max(near, key=lambda f: verdicts.get(f.passage.document_id, NEITHER).matching)

    def _is_as_good(self, found: Found, first: Found) -> bool:
        return first.score - found.score <= TIED and found.probability >= self._question.threshold

    def _is_picked(self, found: Found) -> bool:
        return self._meant is not None and found.passage.document_id == self._meant

    def _topics(self, best: Found, lane: Sequence[Found]) -> list[Found]:
        if self._asked_back_before or self._question.contest or best is not lane[0]:
            return []
        return rivals(best, lane, self._question)

    def _refused(self, likely: float, reason: str) -> Answer:
        self.basis = None
        return self._asking(refusal(self._question.speaks), likely, reason, ())

    def contradicts(self, quotes: Sequence[str]) -> bool:
        """Whether another document says the same with other numbers; an editor's own words for this question stand."""
        found = self._source
        if found is None or found.exact:
            return False
        other = contradicting(found, quotes, self._question.view, self._question.reader)
        if other is not None:
            log.log(self._level, "%s and %s contradict each other: neither is told", found.passage.document_id, other)
        return other is not None

    def _open(self, best: Found) -> Contest | None:
        """The contest where nobody knows which product is meant, and the best document is one product's."""
        contest = self._question.contest
        is_open = contest and contest.chosen is None and contest.holds(best.passage.document_id)
        return contest if is_open else None

    def _asked_back(self, contest: Contest, likely: float) -> Answer:
        options = contest.options(self._question.speaks)
        text = asking_back(self._question.speaks, contest.codes, [option.label for option in options])
        return self._asking(text, likely, "which_product", options)

    def _asked_which(self, topics: Sequence[Found], likely: float) -> Answer:
        options = tuple(Option(f.passage.heading[0], None, f.passage.document_id) for f in topics)
        text = which_topic(self._question.speaks, [option.label for option in options])
        return self._asking(text, likely, "which_topic", options)

    def _asking(self, text: str, likely: float, reason: str, options: tuple[Option, ...]) -> Answer:
        sentences = said(text, self._question.speaks)
        return Answer(
            uuid.uuid4().hex, "abstained", text, (), (), round(likely, 4), reason, options=options, statements=sentences
        )

    def _answered(self, found: Found) -> Answer | None:
        """An answer from a document; None where what would be told of it speaks to a machine."""
        best = found.passage
        document = self._question.reader.document(best.document_id, best.revision)
        curated = isinstance(document, Article) and bool(document.answer) and self._asks_curated(found, document)
        rarity, whole = self._question.rarity(best.kind), AGENT in self._question.ask.audiences
        found_best, *others = self._passages(best)
        passages = [found_best, *(passage for passage in others if not _speaks_to_machine(passage))]
        self.document, self.passages, self._source = document, passages, found
        self.basis = basis_of(passages, rarity, whole=whole, curated=curated)
        made = compose(document, self.basis)
        if _speaks_to_machine(found_best) or addresses_machine(made.text):
            log.log(self._level, "%s seems to hold an order to a machine: it is not told", best.document_id)
            return None
        actions = document.actions if isinstance(document, Article) else ()
        return Answer(
            uuid.uuid4().hex,
            "answered",
            made.text,
            made.citations,
            actions,
            round(found.probability, 4),
            language=best.language,
            foreign=self._is_foreign(best),
            statements=made.statements,
        )

    def _is_foreign(self, passage: StoredPassage) -> bool:
        return distance(passage.language, self._question.speaks) == FOREIGN

    def _passages(self, best: StoredPassage) -> list[StoredPassage]:
        """The passages of the best one's document that the asker may see: the best, its section's, then the others."""
        texts = self._question.texts_of(best.document_id, best.revision, best.kind)
        span = (best.start, best.end, best.internal)
        return sorted(texts, key=lambda p: ((p.start, p.end, p.internal) != span, p.heading != best.heading, p.id))

    def _asks_curated(self, found: Found, article: Article) -> bool:
        """Whether the question is one that the article's own short answer was written for, or says it nearly alike."""
        if found.exact or found.passage.role == "question":
            return True
        asked = normalised(self._question.ask.question)
        return any(_nearly_alike(asked, normalised(own)) for own in (article.title, *article.questions))


def _nearly_alike(asked: str, own: str) -> bool:
    """Whether two questions differ by a letter in seven or less, and in no digit."""
    return ratio(asked, own) >= ALIKE and _DIGITS.findall(asked) == _DIGITS.findall(own)


def _speaks_to_machine(passage: StoredPassage) -> bool:
    """Whether an order to a machine stands in a passage, or in the headings above it."""
    return addresses_machine("\n".join([*(f"# {heading}" for heading in passage.heading), passage.text]))
