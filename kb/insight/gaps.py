"""What was asked and not answered: the same want in many words is one gap, and the widest comes first."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from kb.config import Paths
from kb.store import asked, database
from kb.store.asked import Unanswered
from kb.store.journal import read_journal

Embeds = Callable[[Sequence[str]], NDArray[np.float32]]
"""Unit vectors `(n, dim)` of questions."""
ALIKE = 0.90
"""The mean cosine above which two groups are one, for the bundled model: average linkage over 829 questions about 58 of
the sample's articles, in both languages, then puts 84% of what it groups with questions about the same article (at 0.89
76%, at 0.91 90%)."""
MOST = 1_000
"""Distinct wordings that are grouped: comparing all with all grows with the square. The rarest are left out, and
counted."""
_EXAMPLES = 5
_UNCLICKED = 20
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Gap:
    """One want: how often it was refused and why, in which languages, in which words, and some answers to replay."""

    count: int
    wordings: int
    examples: tuple[str, ...]
    reasons: dict[str, int]
    languages: dict[str, int]
    answer_ids: tuple[str, ...]
    last_at: float


@dataclass(frozen=True, slots=True)
class Unclicked:
    """Words that were searched for `count` times, of which `confident` with a hit likely enough, and nothing opened."""

    question: str
    count: int
    confident: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """The gaps of so many days, widest first; `left_out` counts refusals whose wording was too rare to be grouped."""

    days: int
    asked: int
    unanswered: int
    groups: tuple[Gap, ...]
    left_out: int
    searches: int
    searches_without_click: int
    unclicked: tuple[Unclicked, ...]


def gaps(paths: Paths, days: int, embeds: Embeds, *, now: float | None = None) -> Gaps:
    """What the journal holds of the last `days`. Raises StoreError, and what `embeds` raises."""
    since = (time.time() if now is None else now) - days * _DAY
    if not paths.journal.exists():
        return Gaps(days, 0, 0, (), 0, 0, 0, ())
    with closing(read_journal(paths.journal)) as db, database.explained(paths.journal):
        refused = asked.unanswered(db, since)
        count, (searches, without) = asked.answers(db, since), asked.searches(db, since)
        unclicked = _unclicked(db, since)
    groups, left_out = group(refused, embeds)
    return Gaps(days, count, len(refused), groups, left_out, searches, without, unclicked)


def group(refused: Iterable[Unanswered], embeds: Embeds) -> tuple[tuple[Gap, ...], int]:
    """Refusals grouped by meaning, the largest group first, and how many were left out."""
    by_wording: dict[str, list[Unanswered]] = defaultdict(list)
    for one in refused:
        by_wording[" ".join(one.question.casefold().split())].append(one)
    wordings = sorted(by_wording, key=lambda wording: (-len(by_wording[wording]), wording))
    members: dict[int, list[Unanswered]] = defaultdict(list)
    for wording, label in zip(wordings, _labels(wordings[:MOST], embeds), strict=False):
        members[label] += by_wording[wording]
    left_out = sum(len(by_wording[wording]) for wording in wordings[MOST:])
    found = map(_gap, members.values())
    return tuple(sorted(found, key=lambda gap: (-gap.count, -gap.last_at, gap.examples))), left_out


def _labels(wordings: Sequence[str], embeds: Embeds) -> list[int]:
    """A number for each wording, the same for those that ask the same."""
    if len(wordings) < 2:
        return [0] * len(wordings)
    from sklearn.cluster import AgglomerativeClustering  # a second to import, for what is asked once a week

    vectors = embeds(wordings)
    apart = np.clip(1 - vectors @ vectors.T, 0, 2)
    grouping = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=1 - ALIKE
    )
    return [int(label) for label in grouping.fit_predict(apart)]


def _gap(members: Sequence[Unanswered]) -> Gap:
    wordings = Counter(one.question for one in members)
    newest = sorted(members, key=lambda one: -one.at)
    return Gap(
        count=len(members),
        wordings=len(wordings),
        examples=tuple(question for question, _ in wordings.most_common(_EXAMPLES)),
        reasons=dict(Counter(one.reason for one in members).most_common()),
        languages=dict(Counter(one.language for one in members).most_common()),
        answer_ids=tuple(one.answer_id for one in newest[:_EXAMPLES]),
        last_at=newest[0].at,
    )


def _unclicked(db: Database, since: float) -> tuple[Unclicked, ...]:
    return tuple(Unclicked(*row) for row in asked.without_click(db, since, _UNCLICKED))
