"""One question on its way through one view: understood, looked for, ranked, judged, answered or refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kb import hits
from kb.budget import MARKS, NEAR_DUPLICATES, Budget
from kb.errors import UsageError
from kb.explaining import explained
from kb.hits import Found
from kb.model import Kind, StoredPassage
from kb.reader import Reads
from kb.results import Ask, Explanation, Hit
from kb.search import confidence, fusion
from kb.search.applicability import NEITHER
from kb.search.catalogue import Scope
from kb.search.codes import codes, names_another, without_codes
from kb.search.evidence import Evidence
from kb.search.grouping import Group, groups
from kb.search.slips import find_slips, mended
from kb.search.terms import question_terms, written_in
from kb.search.thread import FURTHEST, is_elsewhere, thread
from kb.search.translations import translations
from kb.search.view import Asked, View
from kb.search.wording import Concept, concepts
from kb.stages import EMBEDDED, JUDGED, UNDERSTOOD, Stages
from kb.tuning import Models
from kb.variants import Contest, Contests

MAX_QUESTION = 2_000
"""Characters; a longer question is refused."""
_HALF = re.compile("[\ud800-\udfff]")
KINDS: tuple[Kind, ...] = ("article", "ticket")
"""The lanes, in the order in which they may answer."""
_CERTAIN = 0.99  # the confidence that a question asked in an editor's own words has at least
_UNLIKELY = 0.01  # and at most where the passage is about another code than the one that is asked for
_NOTHING_CLOSE = 0.5  # of the threshold: a best document less likely than that is not even close


class Question:
    """Searched and answered lane by lane; everything in it comes from one view."""

    def __init__(
        self,
        ask: Ask,
        reader: Reads,
        models: Models,
        embed: Callable[[str], NDArray[np.float32]],
        budget: Budget | None = None,
        *,
        whenever: bool = False,
        stages: Stages | None = None,
    ) -> None:
        self.budget, self.stages = budget or Budget(), stages or Stages()
        _refuse_half_characters(ask)
        self.ask, self.reader, self.models = ask, reader, models
        self.view: View = reader.view
        self._lexicon = self.view.lexicon(ask.audiences)
        self._rarities: dict[Kind, dict[str, float]] = {}
        self._stand_ins: dict[str, dict[str, tuple[str, ...]]] = {}
        self._question = question = check_question(ask.question)
        self.slips = find_slips(question, self._lexicon)
        self._meant = mended(question, self.slips)
        self._understand()
        excluded = self.view.rows_of(self.view.exclusions.ruled_out(question, self._meant))
        narrowed = (ask.product, ask.language, ask.tag)
        self._scope = Scope(ask.audiences, time.time(), *narrowed, not_rows=excluded, whenever=whenever)
        same = self.models.synonyms.alternatives
        self.verdicts = self.view.exclusions.applicability.verdicts(ask.context, same)
        others = frozenset(id_ for id_, verdict in self.verdicts.items() if verdict.contradicted)
        self._applying = replace(self._scope, not_rows=(*excluded, *self.view.rows_of(others)))
        self.contest = self._contested(embed)
        self._words, self._codes = self._asked_for(self._meant), codes(self._meant)
        earlier = self._thread()
        said, self._follows_up = "\n".join([*earlier, self._meant]), bool(earlier)
        self._said = self._asked_for(said) if earlier else self._words
        self.stages.ended(UNDERSTOOD)
        self._vector = embed(said)
        self._alone = embed(self._meant) if earlier else self._vector
        self.stages.ended(EMBEDDED)
        rivals = self.contest.rivals if self.contest else frozenset()
        self.may_answer = replace(self._applying, not_products=rivals)

    def _understand(self) -> None:
        self.speaks = self.stages.speaks = self.ask.speaks or self._spoken()
        self._foreign = self.view.catalogue.holds_foreign(in_chinese=self.speaks.startswith("zh"))

    def _spoken(self) -> str:
        """The language of the question, or of the turn before it where the question is nothing but codes."""
        words = without_codes(self._meant, codes(self._meant))
        earlier = self.ask.conversation[-1:]
        return written_in(self._meant if any(map(str.isalpha, words)) or not earlier else earlier[0])

    def _contested(self, embed: Callable[[str], NDArray[np.float32]]) -> Contest | None:
        """Codes that several products have; a turn that does but name the product is read with the one before it."""
        ways = (self.models.synonyms.alternatives, self._alternatives)
        measured = fusion.shipped().knows(self.models.fingerprint)
        contests = Contests(self.view, self.reader, self._applying, ways, embed if measured else None)
        earlier = self.ask.conversation
        known = tuple(value for key, value in self.ask.context if key == "product")
        if earlier and contests.reply(self._meant, earlier[-1], (*known, *earlier[:-1])):
            self._meant = f"{earlier[-1]}\n{self._meant}"
            self._understand()
        return contests.of(self._meant, (*known, *earlier))

    def _thread(self) -> list[str]:
        """What it is read with; nothing where it is about something that no article knows: earlier turns would do."""
        # Of an earlier turn, no more than a question may have: a pasted document is no context.
        earlier = thread([turn[-MAX_QUESTION:] for turn in self.ask.conversation[-FURTHEST:]])
        unseen = self.view.keywords.unseen("article")
        return earlier if earlier and not is_elsewhere(self._concepts(self._words, "article"), unseen) else []

    def _asked_for(self, text: str) -> list[str]:
        words = question_terms(text)
        return self.contest.unnamed(words) if self.contest else words

    def evidence(self, kind: Kind, *, answering: bool = False) -> Evidence | None:
        """What is known of a lane's candidates; of those that may answer, where `answering`."""
        if not self.view.allowed(self._scope, kind).any():
            return None
        last = self._concepts(self._words, kind)
        asked = Asked(
            self._meant,
            last if self._said is self._words else self._concepts(self._said, kind),
            self._vector,
            last,
            self._alone,
            self.speaks,
            self._follows_up,
        )
        held = self.contest.held if self.contest and kind == "article" else ()
        self.stages.ended(UNDERSTOOD)
        return self.view.evidence(asked, self.may_answer if answering else self._scope, kind, held, self.stages)

    def _concepts(self, words: list[str], kind: Kind) -> tuple[Concept, ...]:
        keywords, others = self.view.keywords, self._alternatives(self._meant)
        return concepts(words, others, lambda word: keywords.rarity(word, kind), keywords.unseen(kind))

    def _alternatives(self, text: str) -> dict[str, tuple[str, ...]]:
        """What each term of a text may stand for: synonyms, and translations where there is something to find."""
        if (known := self._stand_ins.get(text)) is None:
            known = self._stand_ins[text] = self._look_up(text)
        return known

    def _look_up(self, text: str) -> dict[str, tuple[str, ...]]:
        held = self._lexicon.counts.__contains__
        others = translations(question_terms(text), held) if self._foreign else {}
        for term, same in self.models.synonyms.alternatives(text).items():
            others[term] = tuple(dict.fromkeys([*filter(held, same), *others.get(term, ())]))
        return others

    def lane(self, kind: Kind, k: int, *, answering: bool = False) -> list[Found]:
        """The k best documents of a lane, each with its translations and near-duplicates as one.

        Of those that may answer, where `answering`.
        """
        evidence = self.evidence(kind, answering=answering)
        if evidence is None:
            return []
        fused = fusion.scores(evidence.signs, self.models.weights)
        if self.contest:
            fused = self.contest.weighed(evidence, fused, self.models.weights["identifier"])
        ordered = fusion.order(evidence, fused)
        if self.contest and kind == "article":
            ordered = self.contest.first(evidence, ordered)
        most = k if k == 1 or answering else k + hits.SPARE
        chosen = self._spread(groups(evidence, ordered, None if self.contest else most), evidence)[:most]
        beside = hits.near(evidence, fused, ordered, (group.shown for group in chosen))
        numbers = [number for shown, others in beside.items() for number in (shown, *others)]
        stored = self.reader.fetch([evidence.rows[number] for number in numbers])
        compared = confidence.Comparison(evidence, fused, ordered)
        found = []
        shown = hits.shown(chosen, evidence, stored)
        if k > 1 and not answering and self.budget.allows(NEAR_DUPLICATES):
            shown = hits.shown_once([group for group, _ in shown], evidence, beside, stored, self.view)
        for group, also in shown[:k]:
            signs, exact = compared.signs(group.shown), bool(evidence.exact[group.best])
            close = [n for n in beside[group.shown] if fused[n] >= fused[group.shown] - hits.CLOSE]
            rows = [evidence.rows[number] for number in (group.shown, *close)]
            best, *others = [stored[row] for row in rows if row in stored]
            other = not exact and names_another(self._codes, best.embedded)
            score, likely = float(fused[group.best]), self._probability(signs, exact, other)
            found.append(
                Found(best, score, exact, signs, likely, evidence, group.shown, tuple(others), also, ordered, other)
            )
        self.stages.ended(JUDGED)
        return found

    def _spread(self, found: list[Group], evidence: Evidence) -> list[Group]:
        """The best article of each product first, where a code is contested and nobody knows which is meant."""
        if self.contest is None:
            return found
        documents = self.contest.spread([evidence.documents[group.shown] for group in found])
        by_document = {evidence.documents[group.shown]: group for group in found}
        return [by_document[document] for document in documents]

    def _probability(self, signs: dict[str, float], exact: bool, other_code: bool) -> float:
        likely = self.models.confidence.of(self.speaks).probability(signs)
        return max(likely, _CERTAIN) if exact else min(likely, _UNLIKELY) if other_code else likely

    def hit(self, found: Found, rank: int) -> Hit:
        """What a searcher is shown of it, at a rank from 0."""
        words = self._words if self.budget.allows(MARKS) else []
        verdict = self.verdicts.get(found.passage.document_id, NEITHER)
        shown = hits.hit(found, rank, words, self.rarity(found.passage.kind), self.speaks)
        return replace(shown, contradicts=verdict.contradicted) if verdict.contradicted else shown

    def explain(self, lanes: Mapping[Kind, Sequence[Found]], outcome: str | None = None) -> Explanation:
        """How these results came about, or why the best of them is no answer; `outcome` where it is known."""
        judge, threshold = self.models.confidence.of(self.speaks), self.threshold
        best = max((found.probability for lane in lanes.values() for found in lane[:1]), default=0.0)
        shown = {
            kind: tuple(explained(found, self.models.weights, judge, threshold) for found in lane)
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
            outcome=outcome
            or ("answered" if best >= threshold else self.reason([lane[0] for lane in lanes.values() if lane])),
            hits=shown["article"],
            tickets=shown["ticket"],
        )

    def rarity(self, kind: Kind) -> dict[str, float]:
        """How rare each of its terms is where questions about `kind` begin."""
        if (known := self._rarities.get(kind)) is None:
            known = {word: self.view.keywords.rarity(word, kind) for word in self._words}
            self._rarities[kind] = known
        return known

    @property
    def meant(self) -> str:
        """The question with its slips mended."""
        return self._meant

    @property
    def alone(self) -> NDArray[np.float32]:
        """`(dim,)`: the vector of the question without what was said before."""
        return self._alone

    def texts_of(self, document_id: str, revision: int, kind: Kind) -> list[StoredPassage]:
        """The passages of a document that may answer, in order."""
        every = self.reader.passages_of(document_id, revision)
        shown = self.view.shows([passage.id for passage in every], self.view.allowed(self.may_answer, kind))
        return [passage for passage, show in zip(every, shown, strict=True) if show and passage.role == "text"]

    @property
    def threshold(self) -> float:
        """The probability at or above which this question is answered."""
        return self.models.threshold(self.speaks)

    def reason(self, best: Sequence[Found]) -> str:
        """Why a question with these best documents of its lanes is refused."""
        bound = _NOTHING_CLOSE * self.threshold
        close = any(found.other_code or found.probability >= bound for found in best)
        return "close_not_answering" if close else "nothing_close"


def check_question(text: str) -> str:
    """The question, stripped. Raises UsageError where it is empty or too long."""
    question = text.strip()
    if not question:
        raise UsageError("the question is empty: write a few words")
    if len(question) > MAX_QUESTION:
        raise UsageError(f"the question has {len(question):,} characters; accepted are at most {MAX_QUESTION:,}")
    return question


def _refuse_half_characters(ask: Ask) -> None:
    named = (ask.product or "", ask.language or "", ask.tag or "", *(text for pair in ask.context for text in pair))
    for text in (ask.question, *ask.conversation, *ask.audiences, *named):
        if _HALF.search(text):
            raise UsageError(f"{text[:80]!a} is not valid Unicode: it holds half of a character (a lone surrogate)")
