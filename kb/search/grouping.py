"""Candidates to results: an article and its translations are one, shown in the asker's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.search.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Group:
    """One result: the candidate that ranks best in its family, and the one that is `shown` for it."""

    best: int
    shown: int


def groups(evidence: Evidence, ordered: Sequence[int], most: int | None = None) -> list[Group]:
    """One result a family, in the order of their best candidates, each shown nearest to the asker's language.

    `ordered` numbers the candidates, best first; the shown one is its document's best. Stops after `most`.
    """
    if not any(evidence.distances):  # each is shown by its best
        best: dict[int, int] = {}
        for number in ordered:
            best.setdefault(evidence.families[number], number)
            if len(best) == most:
                break
        return [Group(number, number) for number in best.values()]
    members: dict[int, list[int]] = {}
    for number in ordered:
        members.setdefault(evidence.families[number], []).append(number)
    every = list(members.values())[:most]
    return [Group(own[0], min(own, key=lambda n: evidence.distances[n])) for own in every]


def roots(documents: Sequence[int], families: Sequence[int]) -> tuple[int, ...]:
    """Each row's family by number, where a translation of a translation belongs to the original's.

    Only rows that are here are followed: what an asker may not see joins nothing. A circle is one family.
    """
    above = {document: family for document, family in zip(documents, families, strict=True) if document != family}
    known = {family: _root(family, above) for family in set(families) & above.keys()}
    return tuple(known.get(family, family) for family in families)


def _root(family: int, above: Mapping[int, int]) -> int:
    path = [family]
    while path[-1] in above:
        if above[path[-1]] in path:
            return min(path[path.index(above[path[-1]]) :])
        path.append(above[path[-1]])
    return path[-1]
