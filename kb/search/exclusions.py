"""Questions that an article says it does not answer (`not_questions`): a match rules the article out.

A match is the same question but for punctuation, script, case, order and the words that carry no meaning, as asked or
with its slips mended; or one that shares at least `NEAR` of its terms with it, has the same codes, and is nearer to it
than to any question that the article does answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from kb.errors import IndexCorrupt
from kb.model import Article
from kb.search.applicability import NOWHERE, Applicability
from kb.search.codes import codes
from kb.search.terms import normalised, question_terms
from kb.search.urgency import NO_DANGER, Urgency

_FILE = "exclusions.json"
NEAR = 0.75
"""Shared terms over all terms of both questions (Jaccard)."""
_FEWEST = 3  # terms that both must share where they are not the same

_POLITE = frozenset(
    "pleas hi hello hey thank kindli 你好 您好 谢谢 麻烦 劳驾".split()  # noqa: SIM905 - a list of words reads as words
)
"""Terms that change no question."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A question ready to be compared."""

    letters: str
    terms: frozenset[str]
    codes: frozenset[str]

    def shares(self, other: _Said) -> float:
        """In [0, 1]: 1 for the same question."""
        if self.letters == other.letters or self.terms == other.terms != frozenset():
            return 1.0
        return len(self.terms & other.terms) / max(1, len(self.terms | other.terms))

    def rules_out(self, other: _Said) -> bool:
        """Whether this question of `not_questions` is the `other`, or nearly."""
        shared = self.shares(other)
        return shared == 1.0 or (
            shared >= NEAR and self.codes == other.codes and len(self.terms & other.terms) >= _FEWEST
        )


@dataclass(frozen=True, slots=True)
class _Declared:
    """What one revision of an article says that it answers and does not answer."""

    answers: tuple[_Said, ...]
    not_these: tuple[_Said, ...]

    def rule_out(self, asked: _Said) -> bool:
        """Whether the question is nearer to what it does not answer."""
        against = max((said.shares(asked) for said in self.not_these if said.rules_out(asked)), default=0.0)
        return against > max((said.shares(asked) for said in self.answers), default=0.0)


@dataclass(frozen=True, slots=True)
class Exclusions:
    """The `not_questions` of all articles by document, and the documents that each of their terms could rule out.

    With them what else articles say of when they answer: to whom they apply, and which are urgent.
    """

    declared: Mapping[str, _Declared] = field(default_factory=dict)
    by_term: Mapping[str, frozenset[str]] = field(default_factory=dict)
    applicability: Applicability = NOWHERE
    urgency: Urgency = NO_DANGER

    def following(self, changed: Iterable[str], articles: Iterable[Article]) -> Exclusions:
        """These with what some documents declare now; what is not among `articles` declares nothing any more."""
        gone, declaring = set(changed), list(articles)
        fresh = {a.id: _declared(a) for a in declaring if a.not_questions}
        others = self.applicability.following(gone, declaring), self.urgency.following(gone, declaring)
        self = replace(self, applicability=others[0], urgency=others[1])
        if not fresh and gone.isdisjoint(self.declared):
            return self
        kept = {id_: said for id_, said in self.declared.items() if id_ not in gone} | fresh
        terms: dict[str, set[str]] = {}
        for id_, said in kept.items():
            for term in (t for question in said.not_these for t in (question.letters, *question.terms)):
                terms.setdefault(term, set()).add(id_)
        return replace(self, declared=kept, by_term={term: frozenset(ids) for term, ids in terms.items()})

    def ruled_out(self, *questions: str) -> frozenset[str]:
        """The documents that say they do not answer a question, asked in any of these ways."""
        found: set[str] = set()
        for asked in map(_said, dict.fromkeys(questions)) if self.declared else ():
            able = set().union(*(self.by_term.get(term, ()) for term in (asked.letters, *asked.terms)))
            found |= {id_ for id_ in able if self.declared[id_].rule_out(asked)}
        return frozenset(found)


NOTHING = Exclusions()


def _said(question: str) -> _Said:
    return _Said(normalised(question), frozenset(question_terms(question)) - _POLITE, frozenset(codes(question)))


def _declared(article: Article) -> _Declared:
    answered = (article.title, *article.questions)
    return _Declared(tuple(map(_said, answered)), tuple(map(_said, article.not_questions)))


def write(folder: Path, articles: Iterable[Article]) -> None:
    """Writes the articles of a new generation that declare any. Raises OSError."""
    (folder / _FILE).write_bytes(msgspec.json.encode(tuple(articles)))


def read(folder: Path) -> Exclusions:
    """What the articles of a generation declare. Raises IndexCorrupt."""
    try:
        return NOTHING.following((), msgspec.json.decode((folder / _FILE).read_bytes(), type=tuple[Article, ...]))
    except (OSError, msgspec.DecodeError) as error:
        raise IndexCorrupt(f"{folder / _FILE} cannot be read ({error}): run `kb reindex --full`") from error
