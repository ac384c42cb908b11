"""Questions about a danger, for which an article marked `urgent` is shown before anything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kb.model import Article
from kb.search.dangers import dangers


@dataclass(frozen=True, slots=True)
class Urgency:
    """The urgent articles by document."""

    articles: Mapping[str, Article] = field(default_factory=dict)

    def following(self, changed: Iterable[str], articles: Iterable[Article]) -> Urgency:
        """This with what some documents are now; what is not among `articles` is not urgent any more."""
        gone, fresh = set(changed), {article.id: article for article in articles if article.urgent}
        if not fresh and gone.isdisjoint(self.articles):
            return self
        return Urgency({id_: article for id_, article in self.articles.items() if id_ not in gone} | fresh)

    def speaking_of(self, question: str) -> list[Article]:
        """The urgent articles about a danger that the question speaks of."""
        asked = dangers(question) if self.articles else frozenset()
        return (
            [a for a in self.articles.values() if asked & dangers("\n".join((a.title, *a.questions)))] if asked else []
        )


NO_DANGER = Urgency()
