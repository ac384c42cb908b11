"""When a person is due: what was said, what it is about, and how long it has gone on without success."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from kb.config import Settings
from kb.handover.wanting import wants_human
from kb.search.terms import all_simplified

__all__ = ["REASONS", "due", "wants_human"]

REASONS = (
    "asked_for_human", "anger", "repeated_failure", "too_long", "listed_topic", "self_harm", "bereavement", "legal",
    "channel",
)  # fmt: skip
"""`channel`: the channel itself decided; `listed_topic`: a word of the centre's own list."""
_TOPICS = {
    "self_harm": r"自杀|自残|不想活|轻生|活不下去|结束生命|\bsuicid|\bkill (?:myself|himself|herself)|\bself[- ]harm|\bend (?:it all|my life)|\bwant to die",
    "bereavement": r"去世|过世|离世|病逝|身故|逝世|往生|遗属|\bpassed away|\bbereave|\bdeceased|\b(?:husband|wife|father|mother|mum|mom|dad|son|daughter|partner|brother|sister|parent) (?:has |just |recently )?died",
    "legal": r"律师|起诉|诉讼|仲裁|法院|\blawyer|\bsolicitor|\battorney|\blawsuit|\blitigation|\blegal action",
}
NAMED = frozenset(_TOPICS)
"""Topics that are known by a text alone."""
_ABSTAINED = 2


def due(
    settings: Settings,
    text: str,
    earlier: Sequence[str] = (),
    *,
    documents: Sequence[str] = (),
    turns: int | None = None,
    abstained: int = 0,
    minutes: float = 0.0,
) -> str | None:
    """The reason code why a person is due now, or None.

    `earlier` is what the customer said before; `documents` are ids and categories of what would be told, `turns` how many
    turns there were before this one (default: as many as `earlier`), `abstained` the refusals in a row with this one,
    `minutes` how long the conversation has lasted.
    """
    if (topic := _topic(settings.handover_topics, text, documents)) is not None:
        return topic
    if (wanted := wants_human(text, earlier)) is not None:
        return wanted
    if abstained >= _ABSTAINED:
        return "repeated_failure"
    turns = len(earlier) if turns is None else turns
    long = settings.handover_turns and turns >= settings.handover_turns
    return "too_long" if long or (settings.handover_minutes and minutes > settings.handover_minutes) else None


def _topic(topics: Sequence[str], text: str, documents: Sequence[str]) -> str | None:
    said = _plain(text)
    for topic in topics:
        if topic in _TOPICS:
            if re.search(_TOPICS[topic], said):
                return topic
        elif topic in documents or _holds(said, _plain(topic)):
            return "listed_topic"
    return None


def _holds(said: str, word: str) -> bool:
    """A Latin word has to stand by itself."""
    return bool(re.search(rf"\b{re.escape(word)}\b", said) if word.isascii() else word in said)


def _plain(text: str) -> str:
    return all_simplified(unicodedata.normalize("NFKC", text)).lower()
