"""The turns that a follow-up is read with: as far back as it takes to know what is being talked about."""

from __future__ import annotations

from collections.abc import Sequence

from kb.search.terms import question_terms
from kb.search.wording import Concept

FEW = 3
"""Terms up to which a turn itself lives on what was said before it: "and its motor?", 那退款呢."""
FURTHEST = 3
"""Turns at most: further back lies another topic."""
ELSEWHERE = 0.6
"""The share of a question's rarity in words that no passage holds, above which it is no follow-up of anything said."""


def thread(turns: Sequence[str]) -> list[str]:
    """The last turns, oldest first, up to the newest that says by itself what it is about."""
    held: list[str] = []
    for turn in reversed(turns[-FURTHEST:]):
        held.insert(0, turn)
        if len(question_terms(turn)) > FEW:
            break
    return held


def is_elsewhere(asked: Sequence[Concept], unseen: float) -> bool:
    """Whether most of a question is in words that no passage holds, whose rarity is `unseen`."""
    total = sum(concept.rarity for concept in asked)
    return sum(concept.rarity for concept in asked if concept.rarity >= unseen) > ELSEWHERE * total
