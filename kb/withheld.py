"""What would have answered a refused question, had its asker been allowed to see it, or asked at another time.

For the operator's log alone, after the asker has been answered: nothing here may touch what is shown.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from kb.knowledge import KnowledgeBase
from kb.model import EVERY
from kb.questions import KINDS
from kb.results import Answer, Ask
from kb.search.catalogue import Scope

log = logging.getLogger("kb.withheld")


def report(kb: KnowledgeBase, ask: Ask, answer: Answer) -> None:
    """Logs the best document that a refusal withheld, by its id alone: a customer's words stay out of logs."""
    if answer.outcome != "abstained" or answer.options:
        return
    view = kb.reader.view
    every = view.catalogue.audiences
    held = every if EVERY in ask.audiences else ask.audiences
    question = kb.question(replace(ask, audiences=ask.audiences | every), whenever=True)
    now = time.time()
    for kind in KINDS:
        for found in question.lane(kind, 1):
            place = found.evidence.places[found.number]
            if found.probability < question.threshold or view.allowed(Scope(held, now), kind)[place]:
                continue
            valid = view.allowed(Scope(every, now), kind)[place]
            why = "not for this asker" if valid else "not valid now"
            log.info(
                "answer %s was refused (%s); %s would answer it (%.2f), but is %s",
                answer.answer_id, answer.reason, found.passage.document_id, found.probability, why,
            )  # fmt: skip
