"""Whom an article applies to (`applies_to`), held against what a caller knows of the asker (`context`).

A value may list several (`Hong Kong, Taiwan`). One of them that says the same as the context's value applies; so does
one that shares a model's code with it (`CloudWash W6`, `HW-W6-80`). Where one says more than the other (`Gold`, `Gold
Plus`), or they are written in different languages, nothing is known. All else contradicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kb.model import Article
from kb.search.codes import CODE, pieces
from kb.search.products import Alternatives
from kb.search.terms import is_chinese, question_terms

Context = tuple[tuple[str, str], ...]
"""What a caller knows of the asker, such as `(("region", "UK"),)`."""
_BETWEEN = re.compile(r"[,，、;；/()（）\n]+|\band\b|\bor\b|以及|[和与與及或]")
_REMEMBERED = 64  # contexts


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many of a context's values an article is written for, and the keys of those that it contradicts."""

    matching: int = 0
    contradicted: tuple[str, ...] = ()


NEITHER = Verdict()


@dataclass(frozen=True, slots=True)
class Applicability:
    """The `applies_to` of the articles that have one, by document."""

    declared: Mapping[str, Context] = field(default_factory=dict)
    _known: dict[Context, dict[str, Verdict]] = field(default_factory=dict, repr=False, compare=False)

    def following(self, changed: Iterable[str], articles: Iterable[Article]) -> Applicability:
        """This with what some documents declare now; what is not among `articles` declares nothing any more."""
        gone, fresh = set(changed), {article.id: article.applies_to for article in articles if article.applies_to}
        if not fresh and gone.isdisjoint(self.declared):
            return self
        kept = {id_: said for id_, said in self.declared.items() if id_ not in gone}
        return replace(self, declared=kept | fresh, _known={})

    def verdicts(self, context: Context, same: Alternatives) -> Mapping[str, Verdict]:
        """What the context says of each article that it says anything of; `same` gives a text's synonyms.

        A key that no article uses says nothing.
        """
        if not context or not self.declared:
            return {}
        if (known := self._known.get(context)) is None:
            if len(self._known) >= _REMEMBERED:  # callers choose contexts
                self._known.clear()
            known = self._known[context] = self._judged(context, same)
        return known

    def _judged(self, context: Context, same: Alternatives) -> dict[str, Verdict]:
        asked = dict(context)
        values = {pair for said in self.declared.values() for pair in said if pair[0] in asked}
        fits = {(key, value): applies(value, asked[key], same) for key, value in values}
        found = {}
        for document, said in self.declared.items():
            known = {key: fits[key, value] for key, value in said if key in asked}
            contradicted = tuple(key for key, fit in known.items() if fit is False)
            verdict = Verdict(sum(fit is True for fit in known.values()), contradicted)
            if verdict != NEITHER:
                found[document] = verdict
        return found


NOWHERE = Applicability()


def applies(value: str, asked: str, same: Alternatives) -> bool | None:
    """Whether what is written for `value` holds for `asked`; None where nobody can tell."""
    others = same(asked)
    wanted = [frozenset((term, *others.get(term, ()))) for term in _terms(asked)]
    fits = [_fit(_terms(part), wanted) for part in (value, *_BETWEEN.split(value)) if part.strip()]
    return True if True in fits else None if None in fits or not wanted else False


def _terms(text: str) -> frozenset[str]:
    """The words of a name; of a model number also those parts that are codes themselves."""
    found = set(question_terms(text))
    inner = {part for term in found for part in pieces(term)}
    return frozenset(term for term in found if term not in inner or CODE.fullmatch(term))


def _fit(held: frozenset[str], wanted: list[frozenset[str]]) -> bool | None:
    meant = [bool(held & words) for words in wanted]
    covered = {term for words in wanted for term in held & words}
    if any(CODE.fullmatch(term) for term in covered) or (held and all(meant) and len(covered) == len(held)):
        return True
    if held and (all(meant) or len(covered) == len(held)):
        return None
    scripts = {_script(held), _script(frozenset().union(*wanted))}
    return None if len(scripts) > 1 else False


def _script(words: frozenset[str]) -> bool:
    return any(is_chinese(word) for word in words)
