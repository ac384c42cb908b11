"""What every route that asks does: put the question to the knowledge base, count it, and note it in the log."""

from __future__ import annotations

from litestar.datastructures import State

from kb import recording
from kb.journal import Origin
from kb.knowledge import KnowledgeBase
from kb.results import Answer, Ask, SearchResult
from kb.service import Service
from kb.stages import Stages
from kb.web.admission import Admission, waited_seconds
from kb.web.metrics import ANSWERS, REFUSED, SEARCHES, language_of
from kb.web.requests import note


def search(state: State, ask: Ask, k: int, origin: Origin, *, explain: bool = False) -> SearchResult:
    """What is found. Raises UsageError, KbError, HTTPException."""
    kb, stages = knowledge_of(state), Stages()
    result = recording.search(kb, service_of(state).journal, ask, k, origin, explain=explain, stages=stages)
    counted(state, kb, stages, result)
    return result


def answer(state: State, ask: Ask, origin: Origin, *, explain: bool = False) -> tuple[KnowledgeBase, Answer]:
    """What answered, for `report`, and the answer, which is on record. Raises UsageError, KbError, HTTPException."""
    kb, stages = knowledge_of(state), Stages()
    told = recording.answer(kb, service_of(state).journal, ask, origin, explain=explain, stages=stages)
    counted(state, kb, stages, told)
    return kb, told


def service_of(state: State) -> Service:
    """The running service."""
    service: Service = state.service
    return service


def knowledge_of(state: State) -> KnowledgeBase:
    """What answers, in a handler's thread. Raises HTTPException where the question came to it too late."""
    admission: Admission = state.admission
    admission.check_wait()
    return service_of(state).knowledge


def counted(state: State, kb: KnowledgeBase, stages: Stages, told: SearchResult | Answer) -> None:
    """A question is done: into the metrics, and into the request's line of the log."""
    metrics, language = state.watch.metrics, language_of(stages.speaks)
    metrics.passed(stages, waited_seconds())
    note(generation=kb.reader.view.manifest.generation)
    if isinstance(told, SearchResult):
        outcome = "found" if told.hits or told.tickets else "nothing"
        metrics.count(SEARCHES, outcome, language)
        note(outcome=outcome, query_id=told.query_id)
        return
    metrics.count(ANSWERS, told.outcome, language)
    note(outcome=told.outcome, reason=told.reason, answer_id=told.answer_id)
    if told.outcome == "abstained":
        metrics.count(REFUSED, told.reason or "", language)
