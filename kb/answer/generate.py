"""An answer in a model's words, of which every sentence is checked against the passages before anybody reads it.

Whether there is an answer at all is not for the model to say: it is asked only where kb answers anyway. Whatever it
does wrong costs its sentence, or the whole of what it wrote; then the answer quotes, as it does without a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kb.answer import prompt
from kb.answer.basis import CheckedSentence, Excerpt
from kb.answer.endpoint import LanguageModel, Unusable
from kb.answer.instructions import addresses_machine
from kb.answer.statements import Statement, statements
from kb.answer.support import Similarity, check
from kb.search.terms import is_chinese, normalised

MOST = 12
"""Statements that are looked at; a model that goes on is given up."""
_REPEATED = 3  # of what it said already: then it turns in circles


def checked(
    model: LanguageModel,
    asked: prompt.Asked,
    passages: Sequence[Excerpt],
    seconds: float,
    similarity: Similarity | None,
) -> Iterator[CheckedSentence]:
    """The sentences that are supported, each once it is; at most MOST are looked at.

    Raises Unusable where the reply as a whole is no answer, even after sentences: beside the model's reasons
    `prompt_leak`, `instruction`, `repetition`, `too_long`, `empty` and `unsupported` (none of it, or less than half).
    """
    replied = model.write(prompt.messages(asked, passages), seconds)
    seen: set[str] = set()
    looked_at = kept = 0
    for statement in _distinct(statements(replied, asked.speaks), seen):
        looked_at += 1
        if looked_at > MOST:
            raise Unusable("too_long")
        found = supported(statement, asked.speaks, passages, similarity)
        if found is not None:
            kept += 1
            yield found
    if not looked_at:
        raise Unusable("empty")
    if kept * 2 < looked_at:
        raise Unusable("unsupported")


def supported(
    statement: Statement, speaks: str, passages: Sequence[Excerpt], similarity: Similarity | None
) -> CheckedSentence | None:
    """A statement with what it rests on; None where it cites what was not given, or what does not support it."""
    cited = [number - 1 for number in statement.cites]
    if not cited or not all(0 <= number < len(passages) for number in cited):
        return None
    if is_chinese(statement.text) != speaks.startswith("zh"):
        return None
    verdicts = (check(statement.text, number, passages[number], similarity) for number in cited)
    found = next((verdict for verdict in verdicts if verdict.why is None), None)
    return None if found is None else CheckedSentence(statement.text, found.passage, found.start, found.end)


def _distinct(found: Iterable[Statement], seen: set[str]) -> Iterator[Statement]:
    """Each statement once. Raises Unusable where one is no part of any answer."""
    repeated = 0
    for statement in found:
        if prompt.gives_away(statement.text):
            raise Unusable("prompt_leak")
        if addresses_machine(statement.text):
            raise Unusable("instruction")
        if (known := normalised(statement.text)) in seen:
            repeated += 1
            if repeated >= _REPEATED:
                raise Unusable("repetition")
            continue
        seen.add(known)
        yield statement
