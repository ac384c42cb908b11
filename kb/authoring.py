"""When an answer is put into a language model's words, what the model sees, and that it is told alike again."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from kb.answer import prompt
from kb.answer.basis import Basis, CheckedSentence, Excerpt
from kb.answer.composition import compose, read_passages
from kb.answer.endpoint import Endpoint, LanguageModel, Unusable
from kb.answer.generate import checked
from kb.answer.instructions import addresses_machine
from kb.answer.support import Similarity
from kb.answering import Answering
from kb.config import Settings
from kb.errors import StoreError
from kb.model import PUBLIC, Article, Document, StoredPassage
from kb.results import Answer, Ask
from kb.store import generated

PASSAGES, CHARACTERS = 8, 6_000
"""Of a document the model is given the best passages, as many as have room."""
_LASTING = frozenset({"empty", "unsupported", "repetition", "prompt_leak", "instruction", "tool_call", "too_long"})
"""What a model would write again tomorrow: it is not asked again for so long."""
_ASKED_AGAIN_SECONDS = 3_600.0
_LABELS = {
    "zh": "本回答由人工智能根据所引资料生成。",
    "zh-Hant": "本回答由人工智慧根據所引資料產生。",
    "en": "Written by an AI from the sources cited.",
}
log = logging.getLogger("kb.authoring")


class Keeps(Protocol):
    """Runs a write in the journal's next transaction. Raises StoreError."""

    def __call__(self, write: Callable[[Any], Any], *, settled: bool = True) -> Any:
        """What `write` gives."""


@dataclass(frozen=True, slots=True)
class _Material:
    """What the model is given: numbers of the basis' passages, and these."""

    numbers: tuple[int, ...]
    passages: tuple[Excerpt, ...]


class Author:
    """Puts answers into words; one for a process, safe to share between threads."""

    def __init__(
        self, settings: Settings, said: Callable[[Ask], Sequence[str]], keep: Keeps, model: LanguageModel | None = None
    ) -> None:
        """`said` gives the turns and the question without personal data; `keep` writes to the journal."""
        self._settings, self._said, self._keep = settings, said, keep
        self.model = model or Endpoint(settings.llm_url or "", settings.llm_model, settings.llm_key)

    def written(self, answering: Answering, made: Answer, similarity: Similarity | None) -> Answer:
        """The same answer in the model's words, with `answering.basis` to fit; else as it is, with the reason."""
        basis, document = answering.basis, answering.document
        if made.outcome != "answered" or basis is None or document is None:
            return made
        try:
            material = self._material(answering, made, basis, document)
            sentences = self._sentences(answering, basis, material, similarity)
            told = replace(basis, written=sentences, author=self.model.name, prompt=prompt.version())
            composed = compose(document, told)
            if answering.contradicts([citation.quote for citation in composed.citations]):
                raise Unusable("contradicted")
        except Unusable as error:
            return replace(made, not_generated=error.reason)
        except StoreError as error:
            log.error("%s", error)
            return replace(made, not_generated="store")
        answering.basis = told
        label = self._settings.llm_label or _label(answering.speaks)
        return replace(
            made, text=composed.text, citations=composed.citations, statements=composed.statements, generated=True,
            label=label,
        )  # fmt: skip

    def _material(self, answering: Answering, made: Answer, basis: Basis, document: Document) -> _Material:
        """What may be sent. Raises Unusable where this answer is not for a model."""
        if basis.curated:
            raise Unusable("curated")
        if isinstance(document, Article) and document.urgent:
            raise Unusable("urgent")
        if made.foreign:
            raise Unusable("foreign")
        if any(map(addresses_machine, (answering.ask.question, *answering.ask.conversation))):
            raise Unusable("suspicious_question")
        allowed = [n for n, passage in enumerate(answering.passages) if self._may_see(passage)]
        if allowed[:1] != [0]:
            raise Unusable("not_public")
        texts = read_passages(document, basis)
        numbers, length = list[int](), 0
        for n in allowed[:PASSAGES]:
            length += len(texts[n].text)
            if numbers and length > CHARACTERS:
                break
            numbers.append(n)
        return _Material(tuple(numbers), tuple(texts[n] for n in numbers))

    def _may_see(self, passage: StoredPassage) -> bool:
        if addresses_machine(passage.text) or addresses_machine("\n".join(passage.heading)):
            return False
        is_public = passage.kind == "article" and PUBLIC in passage.audience and not passage.internal
        return is_public or not self._settings.llm_external

    def _sentences(
        self, answering: Answering, basis: Basis, material: _Material, similarity: Similarity | None
    ) -> tuple[CheckedSentence, ...]:
        """Those that are kept for this question, or newly written ones. Raises Unusable, StoreError."""
        *turns, question = self._said(answering.ask)
        asked = prompt.Asked(question, tuple(turns), answering.speaks)
        key = self._key(asked, answering.ask, basis, material)
        now = time.time()
        since = now - _ASKED_AGAIN_SECONDS
        kept = self._keep(lambda db: generated.read(db, key, since=since), settled=False)
        if kept is None:
            if not self._keep(lambda db: generated.may_ask(db, self._settings.llm_requests, now), settled=False):
                raise Unusable("budget")
            found, reason = self._asked(asked, material, similarity)
            if reason is not None and reason not in _LASTING:
                raise Unusable(reason)
            encoded = msgspec.json.encode(found).decode() if reason is None else None
            kept = self._keep(
                lambda db: generated.add(db, key, now, basis.document_id, encoded, reason, since=since), settled=False
            )
        if kept[0] is None:
            raise Unusable(kept[1])
        return msgspec.json.decode(kept[0], type=tuple[CheckedSentence, ...])

    def _asked(
        self, asked: prompt.Asked, material: _Material, similarity: Similarity | None
    ) -> tuple[tuple[CheckedSentence, ...], str | None]:
        try:
            found = tuple(checked(self.model, asked, material.passages, self._settings.llm_timeout_s, similarity))
        except Unusable as error:
            return (), error.reason
        return tuple(replace(one, passage=material.numbers[one.passage]) for one in found), None

    def _key(self, asked: prompt.Asked, ask: Ask, basis: Basis, material: _Material) -> str:
        """Equal for what is asked alike of the same passages: nobody's name and no audience is part of it."""
        said = [prompt.canonical(text) for text in (*asked.conversation, asked.question)]
        given = [
            (n, passage.stretch.start, passage.stretch.end, passage.stretch.internal)
            for n, passage in zip(material.numbers, material.passages, strict=True)
        ]
        source = [basis.document_id, basis.revision, given, [passage.text for passage in material.passages]]
        by = [prompt.version(), self._settings.llm_url, self.model.name, self._settings.llm_external]
        narrowed = [ask.product, ask.language, ask.tag, sorted(ask.context)]
        return hashlib.sha256(msgspec.json.encode([said, asked.speaks, narrowed, source, by])).hexdigest()


def author_of(settings: Settings, said: Callable[[Ask], Sequence[str]], keep: Keeps) -> Author | None:
    """An author where the settings name an endpoint; None where answers quote."""
    return Author(settings, said, keep) if settings.llm_url else None


@lru_cache(maxsize=64)
def _label(speaks: str) -> str:
    return _LABELS.get(speaks) or _LABELS["zh" if speaks.startswith("zh") else "en"]
