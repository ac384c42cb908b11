"""Whether an article answers a case already: the service is asked what its customers asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.knowledge import KnowledgeBase
from kb.model import EVERY, Ticket
from kb.questions import MAX_QUESTION
from kb.results import Ask

COVERED = 0.5
"""The mean probability, over a case's central questions, that one article answers them, from which on it does.

Of 39 planted cases, the 9 that the sample's articles cover reach 0.60 to 1.00, the 30 others at most 0.35. The
threshold at which the service answers (0.24 there) would call 5 of those 30 covered: it is set so that few who could
be answered are refused, not so that whatever is answered is right.
"""
_ASKED = 3  # tickets whose subject and problem are asked
_LONGEST = min(300, MAX_QUESTION)  # of a problem: its first sentences say what it is


@dataclass(frozen=True, slots=True)
class Coverage:
    """The article that answers a case best, and the mean probability that it does; "" where none is found."""

    article: str
    probability: float

    @property
    def is_covered(self) -> bool:
        """Whether a further article would say it twice."""
        return self.probability >= COVERED


def coverage(kb: KnowledgeBase, tickets: Sequence[Ticket]) -> Coverage:
    """How well the articles that there are answer a case, for who may see all of them; the central tickets first."""
    asks = [Ask(question, audiences=frozenset({EVERY})) for question in _questions(tickets[:_ASKED])]
    kb.embed_ahead(asks)
    found: dict[str, list[float]] = defaultdict(list)
    for ask in asks:
        for best in kb.question(ask).lane("article", 1):
            found[best.passage.document_id].append(best.probability)
    means = {article: sum(likely) / len(asks) for article, likely in found.items()}
    best_article = max(means, key=lambda article: means[article], default="")
    return Coverage(best_article, round(means.get(best_article, 0.0), 4))


def _questions(tickets: Sequence[Ticket]) -> Iterator[str]:
    for ticket in tickets:
        yield from filter(str.strip, (ticket.subject[:_LONGEST], ticket.problem[:_LONGEST]))
