"""The cases that come again: resolved tickets in groups of one matter, the widest first."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from kb.cases.grouping import groups
from kb.model import Ticket

_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]-?[0-9]{1,4}(?![A-Za-z0-9])")
"""What may be an error code: E3, E-4021, F2; model names of this form do no harm, they are the same in a matter."""


@dataclass(frozen=True, slots=True)
class Case:
    """Tickets of one matter; `tickets` are their ids, the most central first.

    `id` names the case by its oldest ticket: 12 hex digits, the same while it grows. `since` and `until` are when the
    first and the last of them were closed, where they say so.
    """

    id: str
    tickets: tuple[str, ...]
    language: str
    since: datetime | None
    until: datetime | None

    @property
    def size(self) -> int:
        """How many tickets it has."""
        return len(self.tickets)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of a ticket while all are compared."""

    id: str
    language: str
    closed_at: datetime | None
    codes: frozenset[str]


def find(resolved: Iterable[tuple[Ticket, NDArray[np.float32]]], least: int) -> list[Case]:
    """The cases of at least so many tickets, by language (both Chinese scripts are one), the largest first."""
    seen: dict[str, list[_Seen]] = {}
    vectors: dict[str, list[NDArray[np.float32]]] = {}
    for ticket, vector in resolved:
        spoken = spoken_in(ticket.language)
        seen.setdefault(spoken, []).append(_Seen(ticket.id, ticket.language, ticket.closed_at, _codes(ticket)))
        vectors.setdefault(spoken, []).append(vector)
    found = [case for spoken, held in seen.items() for case in _cases(held, np.stack(vectors[spoken]), least)]
    return sorted(found, key=lambda case: (-case.size, case.id))


def spoken_in(language: str) -> str:
    """The language without script or region: tickets in both Chinese scripts are compared with each other."""
    return language.partition("-")[0].lower()


def case_id(ticket_id: str) -> str:
    """The id of the case whose oldest ticket is this one."""
    return hashlib.sha256(ticket_id.encode()).hexdigest()[:12]


def _cases(held: Sequence[_Seen], vectors: NDArray[np.float32], least: int) -> list[Case]:
    every = groups(vectors, [one.codes for one in held])
    return [_case([held[n] for n in group], vectors[group]) for group in every if len(group) >= least]


def _case(held: Sequence[_Seen], vectors: NDArray[np.float32]) -> Case:
    central = np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable")
    closed = sorted(one.closed_at for one in held if one.closed_at)
    oldest = min(held, key=lambda one: (one.closed_at is None, one.closed_at and one.closed_at.timestamp(), one.id))
    languages = [held[n].language for n in central]
    return Case(
        id=case_id(oldest.id),
        tickets=tuple(held[n].id for n in central),
        language=max(languages, key=languages.count),
        since=closed[0] if closed else None,
        until=closed[-1] if closed else None,
    )


def _codes(ticket: Ticket) -> frozenset[str]:
    text = unicodedata.normalize("NFKC", f"{ticket.subject}\n{ticket.problem}").upper()
    return frozenset(found.replace("-", "") for found in _CODE.findall(text))
