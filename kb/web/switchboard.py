"""The calls that consoles of this process follow: what any worker is told of them is heard once, and passed on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from kb.assist.engine import Assistant
from kb.assist.lines import Told
from kb.assisting import assistant
from kb.calls import Calls, utterance
from kb.config import Settings
from kb.courtesy import Courtesy
from kb.errors import KbError
from kb.service import Service
from kb.store.calls import KeptUtterance
from kb.web.changed import Changed, Shown, state_of
from kb.web.metrics import ERRORS, SUGGESTION_SECONDS, SUGGESTIONS, Metrics, language_of
from kb.web.sockets import Console

T = TypeVar("T")
POLL_SECONDS = 0.025
"""How often it is looked whether another worker was told something."""
_THREADS = 2
log = logging.getLogger("kb.web")


@dataclass(frozen=True, slots=True)
class Joining:
    """A console that wants to know what came after a number."""

    console: Console
    after: int


class Switchboard:
    """All ears of one process; lives on the event loop."""

    def __init__(self, service: Service, settings: Settings, metrics: Metrics, courtesy: Courtesy) -> None:
        """`courtesy` is told of what is looked up: a call is no less at hand than a question, though never refused."""
        self._service, self._settings, self.metrics, self._courtesy = service, settings, metrics, courtesy
        self.threads = ThreadPoolExecutor(_THREADS, "kb-assist")
        self._ears: dict[tuple[str, frozenset[str]], Ear] = {}
        self._polling: asyncio.Task[None] | None = None
        self._rung = asyncio.Event()

    def join(self, call_id: str, console: Console, after: int) -> Ear:
        """The ear for a console's audiences, which will tell it what came after a number."""
        name = self._service.calls.name(call_id), console.caller.audiences
        if (ear := self._ears.get(name)) is None:
            shown = Shown(lambda: self._service.knowledge, name[1])
            ear = self._ears[name] = Ear(self._service.calls, self._assistant(name[1]), name[0], shown, self)
        ear.join(Joining(console, after))
        if self._polling is None or self._polling.done():
            self._polling = asyncio.get_running_loop().create_task(self._poll())
        return ear

    def leave(self, ear: Ear, console: Console) -> None:
        """A console is gone; an ear without any stops listening."""
        if ear.leave(console):
            self._ears = {name: other for name, other in self._ears.items() if other is not ear}

    async def look_up(self, work: Callable[[], T]) -> T:
        """What `work` finds, in a thread; background work stands still meanwhile."""
        with self._courtesy.asked():
            return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    def ring(self) -> None:
        """This process was told something: it need not wait until the next look."""
        self._rung.set()

    def close(self) -> None:
        """Stops looking and listening."""
        if self._polling is not None:
            self._polling.cancel()
        for ear in self._ears.values():
            ear.close()
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _assistant(self, audiences: frozenset[str]) -> Assistant:
        return assistant(lambda: self._service.knowledge, audiences, self._settings.assist_ms)

    async def _poll(self) -> None:
        last, state = -1, self._state()
        while self._ears:
            try:
                newest = await asyncio.get_running_loop().run_in_executor(self.threads, self._service.calls.newest)
            except KbError as error:
                self.failed(error)
                newest = last
            if (newest, self._state()) != (last, state):
                last, state = newest, self._state()
                for ear in tuple(self._ears.values()):
                    ear.wake()
            self._rung.clear()
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._rung.wait()
            except TimeoutError:
                continue

    def _state(self) -> object:
        """What this process tells of; another one where an article is another."""
        try:
            return state_of(self._service.knowledge)
        except KbError:
            return None

    def failed(self, error: KbError) -> None:
        """Notes what keeps an ear from hearing; the next look tries again."""
        self.metrics.count(ERRORS, type(error).__name__)
        log.error("%s", error)


class Ear:
    """Hears one call for one set of audiences; consoles that hold the same share it."""

    def __init__(self, calls: Calls, engine: Assistant, call: str, shown: Shown, board: Switchboard) -> None:
        self._calls, self._engine, self._call, self._board = calls, engine, call, board
        self._shown = shown
        self._last = 0
        self._said: dict[int, KeptUtterance] = {}
        self._told: list[Told] = []
        self._consoles: set[Console] = set()
        self._joining: list[Joining] = []
        self._woken = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._listen())

    def join(self, joining: Joining) -> None:
        """The console is told how things stand once all that was said is heard."""
        self._joining.append(joining)
        self.wake()

    def leave(self, console: Console) -> bool:
        """Whether that was the last one."""
        self._consoles.discard(console)
        self._joining = [joining for joining in self._joining if joining.console is not console]
        if self._consoles or self._joining:
            return False
        self.close()
        return True

    def wake(self) -> None:
        """Something may have been said."""
        self._woken.set()

    def close(self) -> None:
        """Hears no more."""
        self._task.cancel()

    async def _listen(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                for kept in await self._run(lambda: self._calls.after(self._call, self._last)):
                    await self._hear(kept)
                for changed in await self._run(self._shown.changes):
                    self._change(changed)
            except KbError as error:
                self._board.failed(error)
            for joining in self._joining:
                joining.console.tell(self._state(joining.after))
                self._consoles.add(joining.console)
            self._joining.clear()

    async def _hear(self, kept: KeptUtterance) -> None:
        self._last = kept.number
        self._said[kept.sequence] = kept
        self._tell({"type": "utterance"} | _shown(kept))
        told = await self._board.look_up(lambda: self._engine.hear(utterance(kept)))
        if told is not None:
            self._told.append(told)
            self._shown.note(told.suggestions)
            self._suggest(kept, told)

    def _change(self, changed: Changed) -> None:
        """Nobody is told any more what an article said before; whoever was is told that it is another."""
        self._engine.forget(changed.document_id)
        kept = [(told, tuple(s for s in told.suggestions if not changed.replaces(s))) for told in self._told]
        self._told = [replace(told, suggestions=left) for told, left in kept if left]
        self._tell(changed.message())

    def _suggest(self, kept: KeptUtterance, told: Told) -> None:
        """With what passed since the utterance was taken in, which is what the budget is for."""
        latency = round((time.time() - kept.received_at) * 1000, 3)
        if not self._consoles:
            return
        metrics = self._board.metrics
        metrics.observe(SUGGESTION_SECONDS, latency / 1000)
        metrics.count(SUGGESTIONS, language_of(told.suggestions[0].language), by=len(told.suggestions))
        self._tell(_Suggested(replace(told, in_time=latency <= told.budget_ms), latency).message())

    def _tell(self, message: object) -> None:
        for console in self._consoles:
            console.tell(message)

    def _state(self, after: int) -> dict[str, Any]:
        said = sorted(self._said.values(), key=lambda one: one.sequence)
        return {
            "type": "state",
            "number": self._last,
            "utterances": [_shown(one) for one in said if one.number > after],
            "changed": [changed.message() for changed in self._shown.changed],
            "suggestions": [_Suggested(told, None).message() for told in self._told if told.number > after],
        }

    async def _run(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._board.threads, work)


@dataclass(frozen=True, slots=True)
class _Suggested:
    """Suggestions as consoles get them; `latency_ms` since the utterance was taken in, null in a state."""

    told: Told
    latency_ms: float | None

    def message(self) -> dict[str, Any]:
        told = self.told
        return {
            "type": "suggestions", "number": told.number, "sequence": told.sequence, "topic": told.topic,
            "suggestions": told.suggestions, "took_ms": told.took_ms, "latency_ms": self.latency_ms,
            "budget_ms": told.budget_ms, "in_time": told.in_time,
        }  # fmt: skip


def _shown(kept: KeptUtterance) -> dict[str, Any]:
    return {
        "number": kept.number, "sequence": kept.sequence, "speaker": kept.speaker, "text": kept.text,
        "final": kept.final, "time": kept.at,
    }  # fmt: skip
