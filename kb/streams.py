"""Answers that wait to be fetched as events by a browser's EventSource: once, and gone on with by whoever had begun."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlite_utils import Database

from kb.errors import NotShown
from kb.journal import Journal, Origin
from kb.results import Answer
from kb.store import answers, streams
from kb.store.streams import KeptStream

SECONDS = 60.0
"""How long an answer waits to be fetched, or to be gone on with."""
_BYTES = 24


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is fetched by a token: the answer, or why there is none, or neither yet; by `secret` it is gone on with."""

    secret: str
    answer: Answer | None = None
    problem: dict[str, Any] | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is anything to tell."""
        return self.answer is not None or self.problem is not None


class Streams:
    """Keeps them in the journal, so that any worker has them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def offer(self, origin: Origin) -> str:
        """A token by which the answer that is being made may be fetched, once, by whoever has it."""
        token, customer = secrets.token_urlsafe(_BYTES), self._journal.customer(origin)
        until = time.time() + SECONDS
        self._journal.keep(lambda db: streams.add(db, _hash(token), customer, until), settled=False)
        return token

    def fill(self, token: str, answer: Answer) -> None:
        """It is made, and on record."""
        form = None if answer.form is None else msgspec.json.encode(answer.form).decode()
        kept = KeptStream(answer.answer_id, form, answer.conversation_id)
        self._filled(token, kept)

    def fail(self, token: str, problem: dict[str, Any]) -> None:
        """There is none, and why."""
        self._filled(token, KeptStream("", None, None, msgspec.json.encode(problem).decode()))

    def take(self, token: str) -> Waiting:
        """What waits under a token, once. Raises NotShown where there is none (any more)."""
        secret = secrets.token_urlsafe(_BYTES)
        return self._read(secret, lambda db, now: streams.take(db, _hash(token), _hash(secret), now))

    def again(self, token: str, secret: str) -> Waiting:
        """The same once more, for who has the `secret` of its events. Raises NotShown."""
        return self._read(secret, lambda db, now: streams.again(db, _hash(token), _hash(secret), now))

    def _filled(self, token: str, kept: KeptStream) -> None:
        self._journal.keep(lambda db: streams.fill(db, _hash(token), kept, time.time() + SECONDS), settled=False)

    def _read(self, secret: str, find: Callable[[Database, float], KeptStream | None]) -> Waiting:
        def read(db: Database) -> Waiting | None:
            kept = find(db, time.time())
            if kept is None:
                return None
            if kept.problem is not None:
                return Waiting(secret, problem=msgspec.json.decode(kept.problem))
            if not kept.answer_id:
                return Waiting(secret)
            told = answers.read(db, kept.answer_id)
            return None if told is None else Waiting(secret, _made(told.told, kept))

        found = self._journal.keep(read, settled=False)
        if found is None:
            raise NotShown("nothing waits here: a stream can be fetched once, within a minute")
        return found


def _made(told: str, kept: KeptStream) -> Answer:
    form = None if kept.form is None else msgspec.json.decode(kept.form)
    return msgspec.convert(msgspec.json.decode(told) | {"form": form, "conversation_id": kept.conversation_id}, Answer)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
