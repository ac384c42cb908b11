"""Many sessions that ask at once, for tests and measurements: searches, answers and feedback."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

SESSIONS = 200
_SHARES = {"search": 0.5, "answer": 0.3, "feedback": 0.2}


@dataclass
class Report:
    """What became of it: milliseconds from when each request was due, what failed, and what was acknowledged."""

    ms: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    """Ids of the feedback that the service said is kept."""
    begun: float = 0.0
    ended: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second that were answered."""
        return len(self.ms) / (self.ended - self.begun)

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of the requests was answered."""
        return sorted(self.ms)[min(len(self.ms) - 1, int(share * len(self.ms)))]


class Sessions:
    """Sessions of one server, each with a connection and a customer of its own."""

    def __init__(self, url: str, headers: dict[str, str], questions: Sequence[str], sessions: int = SESSIONS) -> None:
        self._url, self._headers, self._questions, self._sessions = url, headers, questions, sessions
        self._chance = random.Random(3)
        self._ids: list[str] = []
        self._number = 0

    def closed(self, seconds: float, sessions: int) -> Report:
        """Each of some sessions asks its next when it has its answer: what the server can do at most."""
        return asyncio.run(self._closed(seconds, sessions))

    def open(self, rate: float, seconds: float) -> Report:
        """Requests are due at random, `rate` a second, and do not wait for each other."""
        return asyncio.run(self._open(rate, seconds))

    async def _closed(self, seconds: float, sessions: int) -> Report:
        report = Report(begun=time.monotonic())

        async def session(client: httpx.AsyncClient) -> None:
            while time.monotonic() < report.begun + seconds:
                await self._one(client, report, time.monotonic())

        async with self._client() as client:
            await asyncio.gather(*(session(client) for _ in range(sessions)))
        report.ended = time.monotonic()
        return report

    async def _open(self, rate: float, seconds: float) -> Report:
        report = Report(begun=time.monotonic())
        due = report.begun
        async with self._client() as client, asyncio.TaskGroup() as tasks:
            while (due := due + self._chance.expovariate(rate)) < report.begun + seconds:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                tasks.create_task(self._one(client, report, due))
        report.ended = time.monotonic()
        return report

    def _client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=self._sessions, max_keepalive_connections=self._sessions)
        return httpx.AsyncClient(base_url=self._url, headers=self._headers, limits=limits, timeout=60)

    async def _one(self, client: httpx.AsyncClient, report: Report, due: float) -> None:
        kind = self._chance.choices(list(_SHARES), list(_SHARES.values()))[0]
        try:
            answer = await self._sent(client, kind if self._ids else "answer")
        except httpx.HTTPError as error:
            report.failures[type(error).__name__] += 1
            return
        if answer.status_code != 200:
            report.failures[str(answer.status_code)] += 1
            return
        report.ms.append((time.monotonic() - due) * 1000)
        body = answer.json()
        if "answer_id" in body:
            self._ids.append(body["answer_id"])
        elif "query_id" not in body:
            report.acknowledged.append(body["id"])

    async def _sent(self, client: httpx.AsyncClient, kind: str) -> httpx.Response:
        self._number += 1
        question, customer = self._chance.choice(self._questions), f"customer-{self._number % self._sessions}"
        if kind == "search":
            return await client.get("/api/search", params={"q": question, "k": 5}, headers={"Kb-Customer": customer})
        if kind == "answer":
            return await client.post("/api/answers", json={"question": question, "customer_ref": customer})
        told = {"kind": "helpful", "answer_id": self._chance.choice(self._ids), "id": f"f{self._number}"}
        return await client.post("/api/feedback", json=told)
