"""What was told on one side, and how the other differs."""

from __future__ import annotations

from dataclasses import dataclass

from kb.accounts import AnswerAccount
from kb.editing.gating import Case, Origin, Told, Verdict
from kb.evaluation.metrics import contains_one
from kb.gate.posed import Posed

_ORDER = (Verdict.BREAKS, Verdict.CHANGES, Verdict.IMPROVES, Verdict.SAME)
ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Side:
    """What a question was told on one side; `near` are the documents that were considered or cited."""

    told: Told
    near: frozenset[str]


def side_of(account: AnswerAccount) -> Side:
    """One side as it is compared: what is shown first of a danger belongs to the text."""
    answer = account.answer
    cited = tuple(dict.fromkeys(citation.document_id for citation in answer.citations))
    first = [answer.urgent.text] if answer.urgent else []
    told = Told(answer.outcome, "\n\n".join([*first, answer.text]), cited, answer.confidence)
    urgent = {answer.urgent.document_id} if answer.urgent else set()
    return Side(told, frozenset({*cited, *urgent, *(seen.document_id for seen in account.candidates)}))


def case_of(posed: Posed, before: Side, after: Side) -> Case:
    """The question, side by side."""
    verdict = _verdict(posed, before.told, after.told)
    return Case(posed.ask.question, posed.origin, verdict, before.told, after.told, posed.expected)


def order_of(case: Case) -> tuple[int, bool]:
    """What breaks first, golden questions before others."""
    return _ORDER.index(case.verdict), case.origin is not Origin.GOLDEN


def _verdict(posed: Posed, before: Told, after: Told) -> Verdict:
    if posed.origin is Origin.GOLDEN:
        right = _is_right(posed, before), _is_right(posed, after)
    else:
        right = before.outcome == ANSWERED, after.outcome == ANSWERED
    if right[0] is not right[1]:
        return Verdict.IMPROVES if right[1] else Verdict.BREAKS
    same = (before.outcome, before.text, before.documents) == (after.outcome, after.text, after.documents)
    return Verdict.SAME if same else Verdict.CHANGES


def _is_right(posed: Posed, told: Told) -> bool:
    """Whether a golden question is answered from an expected document, in words that it asks for; or rightly not."""
    if not posed.expected:
        return told.outcome != ANSWERED
    first = told.documents[:1]
    return (
        told.outcome == ANSWERED
        and bool(first)
        and first[0] in posed.expected
        and (not posed.answers or contains_one(told.text, posed.answers))
    )
