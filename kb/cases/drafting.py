"""A draft of an article in the tickets' own words: a question, the problem, its cause, the steps.

Nothing is written that no ticket says, but for headings and for marks that tell the editor where to look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kb.cases.agreeing import Agreed, agreed
from kb.cases.said import Listener, Sentence
from kb.cases.sorting import Embeds, Sorting, by_rules
from kb.ingest.articles import write_article
from kb.model import AGENT, Article, Ticket
from kb.search.embedding import size
from kb.search.terms import normalised

_PROBLEMS, _CAUSES, _STEPS, _QUESTIONS = 2, 3, 8, 8
_QUESTION_LENGTH = range(4, 81)
_DESCRIPTION = 20
"""Bytes from which on a sentence describes something: shorter ones reply to what was asked back."""
_TAG_SHARE = 0.5
_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "problem": "Problem", "cause": "Cause", "steps": "Steps", "check": "Check before publishing",
        "other": "other tickets give another figure", "missing": "none of the tickets says this: please add it",
    },
    "zh": {
        "problem": "问题", "cause": "原因", "steps": "处理步骤", "check": "发布前请核对",
        "other": "其他工单的数字不同", "missing": "工单里没有写明，请补充",
    },
    "zh-Hant": {
        "problem": "問題", "cause": "原因", "steps": "處理步驟", "check": "發布前請核對",
        "other": "其他工單的數字不同", "missing": "工單裡沒有寫明，請補充",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """An article's whole file, and what it is made of; `contested` are the sentences that other tickets contradict."""

    text: str
    title: str
    questions: tuple[str, ...]
    problem: tuple[str, ...]
    cause: tuple[str, ...]
    steps: tuple[str, ...]
    contested: tuple[str, ...]


class Drafting:
    """Makes drafts with one model."""

    def __init__(self, listener: Listener, embeds: Embeds) -> None:
        self._listener, self._embeds, self._sorting = listener, embeds, Sorting(embeds)

    def draft(self, id_: str, tickets: Sequence[Ticket], language: str) -> Draft:
        """The draft of some tickets of one matter, the most central first."""
        said = [one for ticket in tickets for one in self._listener.sentences(ticket)]
        wordings = [one for one in said if one.part in ("subject", "problem")]
        title = title_of(said) or tickets[0].id
        problem, questions = tuple(_problem(wordings, title)), tuple(_questions(wordings, title))
        causes, steps = self._told(said, language)
        shown = [*causes, *steps]
        article = Article(
            id=id_,
            title=title,
            body=_body(language, problem, causes, steps),
            language=language,
            audience=(AGENT,),
            status="draft",
            product=_shared(ticket.product for ticket in tickets),
            tags=self._tags(tickets),
            questions=questions,
        )
        return Draft(
            text=write_article(article),
            title=title,
            questions=questions,
            problem=problem,
            cause=tuple(one.sentence.text for one in causes),
            steps=tuple(one.sentence.text for one in steps),
            contested=tuple(one.sentence.text for one in shown if one.rivals),
        )

    def _told(self, said: Sequence[Sentence], language: str) -> tuple[list[Agreed], list[Agreed]]:
        """Causes and steps."""
        agents = _of_agents(said)
        vectors = self._embeds([one.text for one in agents]) if agents else np.zeros((0, 1), np.float32)
        kinds = self._sorting.kinds(agents, vectors)
        chosen: dict[str, list[Agreed]] = {}
        for kind in ("cause", "step"):
            kept = [n for n, found in enumerate(kinds) if found == kind]
            chosen[kind] = agreed([agents[n] for n in kept], vectors[kept], language)
        return chosen["cause"][:_CAUSES], _in_order(chosen["step"][:_STEPS])

    def _tags(self, tickets: Sequence[Ticket]) -> tuple[str, ...]:
        """The tags of half of the tickets or more."""
        every = [tag for ticket in tickets for tag in ticket.tags if self._listener.is_clean(tag)]
        return tuple(dict.fromkeys(tag for tag in every if every.count(tag) >= _TAG_SHARE * len(tickets)))


def title_of(said: Sequence[Sentence]) -> str | None:
    """The first subject that asks; else the first; else what else was asked or said. None where nothing may stand."""
    asked = [one for one in said if one.part in ("subject", "problem") and len(one.text) in _QUESTION_LENGTH]
    return min(asked, key=lambda one: (one.part != "subject", not one.is_question)).text if asked else None


def _in_order(steps: Sequence[Agreed]) -> list[Agreed]:
    """First what several tickets say, then what one does, each in the order in which it is done."""
    return sorted(steps, key=lambda one: (len(one.tickets) < 2, one.place))


def _of_agents(said: Sequence[Sentence]) -> list[Sentence]:
    """What resolutions say; of what agents wrote to the customer, only such as a ticket's resolution does not say."""
    rules = [by_rules(one) for one in said]
    held = {(one.ticket, kind) for one, kind in zip(said, rules, strict=True) if one.part == "resolution"}
    kept = []
    for one, kind in zip(said, rules, strict=True):
        if one.part == "resolution" or (one.part == "advice" and kind and (one.ticket, kind) not in held):
            kept.append(one)
    return kept


def _questions(wordings: Sequence[Sentence], title: str) -> Iterator[str]:
    """Distinct subjects, and questions with which a customer began: later ones may reply to what was asked back."""
    seen, count = {normalised(title)}, 0
    for one in wordings:
        begins = one.part == "subject" or (one.is_question and one.place == 0)
        if count < _QUESTIONS and len(one.text) in _QUESTION_LENGTH and begins:
            if (key := normalised(one.text)) not in seen:
                count += 1
                yield one.text
            seen.add(key)


def _problem(wordings: Sequence[Sentence], title: str) -> Iterator[str]:
    """How customers begin to describe it, of one ticket each; where they only ask, what they ask."""
    told = [one for one in wordings if one.part == "problem" and not one.is_question and size(one.text) >= _DESCRIPTION]
    told.sort(key=lambda one: one.place > 0)
    seen: set[str] = set()
    for one in told or [one for one in wordings if one.text == title]:
        if len(seen) < _PROBLEMS and one.ticket not in seen:
            seen.add(one.ticket)
            yield one.text


def _shared(values: Iterator[str | None]) -> str | None:
    """What all that name something name."""
    named = {value for value in values if value is not None}
    return named.pop() if len(named) == 1 else None


def _body(language: str, problem: Sequence[str], causes: Sequence[Agreed], steps: Sequence[Agreed]) -> str:
    words = _WORDS.get(language) or _WORDS["zh" if language.startswith("zh") else "en"]
    parts = [
        f"## {words['problem']}", "\n\n".join(problem) or _note(words, words["missing"]),
        f"## {words['cause']}", _listed(words, causes, "-"),
        f"## {words['steps']}", _listed(words, steps, "1."),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _listed(words: dict[str, str], items: Sequence[Agreed], mark: str) -> str:
    lines = []
    for number, item in enumerate(items, 1):
        lead = f"{number}. " if mark == "1." else f"{mark} "
        lines.append(lead + item.sentence.text)
        if item.rivals:
            said = "; ".join(f"{ticket}: “{text}”" for ticket, text in item.rivals)
            lines.append(f"\n{' ' * len(lead)}{_note(words, words['other'])} – {said}\n")
    return "\n".join(lines) or _note(words, words["missing"])


def _note(words: dict[str, str], text: str) -> str:
    """A mark for the editor, who takes it out before publishing."""
    return f"> **{words['check']}**: {text}"
