"""The urgent article that a question calls for, verbatim: shown before the answer, and where there is none as well."""

from __future__ import annotations

from collections.abc import Collection

from kb.answer.basis import basis_of
from kb.answer.composition import compose
from kb.answer.instructions import addresses_machine
from kb.answer.notices import Notice
from kb.model import AGENT, Article
from kb.questions import Question
from kb.search.language import distance


def notice(question: Question, cited: Collection[str]) -> Notice | None:
    """What has to be said first: of the danger that the question speaks of, or the urgent article that is `cited`.

    An urgent article that speaks of no danger known to `kb.search.dangers` is found like any other, by being cited.
    """
    urgency = question.view.exclusions.urgency
    if not urgency.articles:
        return None
    spoken_of = [article for article in urgency.speaking_of(question.meant) if _rows(question, article)]
    chosen = _nearest(spoken_of, question) or next(
        (urgency.articles[id_] for id_ in cited if id_ in urgency.articles), None
    )
    return None if chosen is None else _told(chosen, question)


def _nearest(articles: list[Article], question: Question) -> Article | None:
    """In the language nearest to the asker's, the one that is nearest to the question."""
    away = {article.id: distance(article.language, question.speaks) for article in articles}
    least = min(away.values(), default=0)
    near = [article for article in articles if away[article.id] == least]
    return max(
        near, key=lambda a: float((question.view.vectors.at(_rows(question, a)) @ question.alone).max()), default=None
    )


def _rows(question: Question, article: Article) -> list[int]:
    """Positions of the passages of an article that the asker may see."""
    allowed = question.view.allowed(question.may_answer, "article")
    return [int(place) for place in question.view.catalogue.rows_of([article.id]) if allowed[place]]


def _told(article: Article, question: Question) -> Notice | None:
    """Its own short answer, or else its text; None where that would speak to a machine."""
    ids = question.view.catalogue.ids[_rows(question, article)].tolist()
    stored = list(question.reader.fetch(ids).values())
    if not stored:  # gone meanwhile
        return None
    passages = question.texts_of(article.id, stored[0].revision, "article")
    document = question.reader.document(article.id, stored[0].revision)
    if not passages or not isinstance(document, Article):
        return None
    whole = AGENT in question.ask.audiences
    made = compose(document, basis_of(passages, {}, whole=whole, curated=bool(document.answer)))
    if addresses_machine(made.text):
        return None
    return Notice(
        document.id, document.title, document.language, made.text, made.citations, made.statements, document.actions
    )
