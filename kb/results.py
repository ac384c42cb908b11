"""What is asked and what comes back: values that the shell and the service hand on as they are."""

from __future__ import annotations

from dataclasses import dataclass

from kb.answer.citations import Citation, Statement
from kb.answer.forms import Form
from kb.answer.notices import Notice
from kb.model import PUBLIC, Action, Kind


@dataclass(frozen=True, slots=True)
class Section:
    """Another passage of a hit's document that scores close to the best one."""

    passage_id: str
    heading: tuple[str, ...]
    text: str
    highlights: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that may answer; `score` is the fused one (higher is better), `confidence` a probability.

    `highlights` are `(start, end)` code points of `text` where the question's words stand. `language` is the
    passage's (BCP 47); `foreign` where that is another than the asker's: there is no translation that they may see.
    `answer_span` is the sentence of `text` that holds most of the question, told of the first three hits;
    `sections` are other parts of the document that may answer too; `also` names documents that say the same in nearly
    the same words. `text` is the passage `passage_id`, together with the next one or the one before where the section
    goes on there and both score close. `contradicts` names what of the asker's context its article is not for.
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
    language: str
    foreign: bool
    answer_span: tuple[int, int] | None = None
    sections: tuple[Section, ...] = ()
    also: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weighed:
    """One sign of a linear model: `contribution = value * weight`."""

    name: str
    value: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class HitExplained:
    """Why a hit stands where it does; ranks count from 1 and are null where a list does not have it.

    `rule`: `own_words` (its title or a curated question is the question), `other_code` (it is about a code like the one
    that was asked for, not about that: its probability is 0.01 at most), `identifier` (it holds a code that was asked
    for), `curated_question` (it is one of an article's `questions`) or `ranked`. `score` is the sum of `ranking`;
    `probability` the logistic function of `intercept` and the sum of `judging`, but for `own_words` at least 0.99.
    """

    passage_id: str
    rule: str
    vector_rank: int | None
    keyword_rank: int | None
    score: float
    ranking: tuple[Weighed, ...]
    intercept: float
    judging: tuple[Weighed, ...]
    probability: float
    likely_enough: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a question was understood, filtered, ranked and judged, told of nothing but what the asker may see.

    `meant` is the question with its slips mended (`slips`: as written, as meant); `alternatives` other words that
    were looked for; `at` the moment of validity, seconds since 1970; `outcome` `answered`, or the reason to refuse:
    `best` lies below `threshold`.
    """

    meant: str
    speaks: str
    slips: tuple[tuple[str, str], ...]
    alternatives: dict[str, tuple[str, ...]]
    audiences: tuple[str, ...]
    product: str | None
    language: str | None
    tag: str | None
    at: float
    threshold: float
    best: float
    outcome: str
    hits: tuple[HitExplained, ...]
    tickets: tuple[HitExplained, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Two lanes, each ranked; tickets never push an article down.

    `skipped` names optional steps that were left out because the question was late (setting `budget_ms`).
    """

    query_id: str
    hits: tuple[Hit, ...]
    tickets: tuple[Hit, ...]
    took_ms: float
    explain: Explanation | None = None
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """What the question may mean: an article by its title, and the `product` that it is about, where it is of one."""

    label: str
    product: str | None
    document_id: str


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a customer may know of their hand-over: its `id`, and what the centre's webhook said.

    `state`: `sent` (taken), `queued` (on its way), `closed` (taken, nobody there until `closed_until`), `down` (not
    reached yet; it is tried again), `unsent` (the centre has no webhook: the channel itself passes on). `callback`
    where a call-back may be asked for.
    """

    id: str
    state: str
    reason: str
    reference: str | None = None
    waiting_minutes: int | None = None
    closed_until: str | None = None
    message: str | None = None
    callback: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A short cited answer (`answered`), an honest refusal with its reason (`abstained`), or a hand-over (`handover`).

    `language` is that of what is quoted, null in a refusal; `foreign` where it is another than the asker's. With the
    reasons `which_product` and `which_topic` the text asks back, and `options` says between what. `skipped` names
    optional steps that were left out because the question was late (setting `budget_ms`). `statements` are the
    sentences of `text`, each with the number of its citation. `urgent` is what everybody who asks
    about a danger is shown first, whatever the outcome; `form` is all of it as a channel shows it.
    `generated` where a language model wrote the text: each citation is what one of its sentences rests on, and `label`
    says so to the reader; `not_generated` is why it was not, where there is a model.
    """

    answer_id: str
    outcome: str
    text: str
    citations: tuple[Citation, ...]
    actions: tuple[Action, ...]
    confidence: float
    reason: str | None = None
    handover: HandedOver | None = None
    language: str | None = None
    foreign: bool = False
    options: tuple[Option, ...] = ()
    explain: Explanation | None = None
    skipped: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()
    urgent: Notice | None = None
    conversation_id: str | None = None
    form: Form | None = None
    generated: bool = False
    label: str | None = None
    not_generated: str | None = None

    def cites(self, document_id: str) -> bool:
        """Whether a document is one of its sources."""
        return any(citation.document_id == document_id for citation in self.citations)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question, what was said before it, and what the asker may see.

    `speaks` is the asker's language (default: that of the question); `product`, `language` and `tag` narrow what is
    searched. `context` is what the caller knows of the asker (product, plan, region, ...): articles that say they apply
    to others do not answer. `offered` are the options of the turn before, where that asked back; None where the caller
    keeps no such record.
    """

    question: str
    conversation: tuple[str, ...] = ()
    audiences: frozenset[str] = frozenset({PUBLIC})
    speaks: str | None = None
    product: str | None = None
    language: str | None = None
    tag: str | None = None
    context: tuple[tuple[str, str], ...] = ()
    offered: tuple[Option, ...] | None = None
