"""What has to be said first where somebody is in danger: gas, electric shock, fire."""

from __future__ import annotations

from dataclasses import dataclass

from kb.answer.citations import Citation, Statement
from kb.model import Action


@dataclass(frozen=True, slots=True)
class Notice:
    """An urgent article's own words, verbatim, with their source; `statements` are the sentences of `text`."""

    document_id: str
    title: str
    language: str
    text: str
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...]
    actions: tuple[Action, ...] = ()
