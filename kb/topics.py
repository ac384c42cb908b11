"""Whether a question means one of several topics that are equally likely: then the asker is asked which."""

from __future__ import annotations

from collections.abc import Sequence

from kb.hits import Found
from kb.questions import Question
from kb.search.duplicates import pairs_alike
from kb.search.terms import question_terms

LOOKED_AT = 3
"""Documents of a lane that are compared, and options at most."""
TIED = 0.3
"""How much less the fused score may be of a document that fits the asker's context better."""
CLOSE, CLOSE_PROBABILITY = 0.2, 0.08
"""How close the fused scores and the probabilities of equally likely topics lie (measured: `docs/conversations.md`)."""
BRIEF, CLOSE_BRIEF, CLOSE_PROBABILITY_BRIEF = 2, 1.2, 0.2
"""A question of at most so many terms names a field rather than a topic: then scores lie further apart."""


def rivals(best: Found, lane: Sequence[Found], question: Question) -> list[Found]:
    """The best and those of other families that are as likely to answer; the best alone where it stands out."""
    if best.exact:
        return [best]
    close = [found for found in lane if found is best or _is_rival(found, best, question)]
    return close if len({found.passage.heading[0] for found in close}) == len(close) else [best]


def _is_rival(found: Found, best: Found, question: Question) -> bool:
    brief = len(question_terms(question.meant)) <= BRIEF and not question.ask.conversation
    score, likely = (CLOSE_BRIEF, CLOSE_PROBABILITY_BRIEF) if brief else (CLOSE, CLOSE_PROBABILITY)
    return (
        found.probability >= question.threshold
        and not found.exact
        and abs(best.probability - found.probability) <= likely
        and best.score - found.score <= score
        and not _say_the_same(found, best, question)
    )


def _say_the_same(one: Found, other: Found, question: Question) -> bool:
    """Whether two passages use nearly the same words: then it does not matter which is meant."""
    places = [found.evidence.places[found.number] for found in (one, other)]
    return bool(list(pairs_alike([question.view.forward.record(place) for place in places])))
