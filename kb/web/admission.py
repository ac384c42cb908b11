"""How many questions are at hand at once, and what the others are told: to come again, and when."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field

from litestar.enums import ScopeType
from litestar.exceptions import ClientException, HTTPException
from litestar.middleware import ASGIMiddleware
from litestar.status_codes import HTTP_408_REQUEST_TIMEOUT, HTTP_503_SERVICE_UNAVAILABLE
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.types.asgi_types import HTTPReceiveMessage

from kb.courtesy import Courtesy

WAIT_SECONDS = 2.0
"""A question that got no thread for so long is refused: its asker has likely given up or asked again."""
BODY_SECONDS = 10.0
"""Within these the whole body has to arrive: a place is not held for one who does not speak."""
_NEWEST = 0.1  # the weight of the newest observation in the mean
_LONGEST_SECONDS = 60


@dataclass(slots=True, eq=False)
class _Place:
    """One question's place: since when it waits for a thread, and whether that was too long."""

    since: float = field(default_factory=time.monotonic)
    late: bool = False
    waited: float | None = None
    """Seconds until it had a thread; None until it has one."""


_PLACE: ContextVar[_Place] = ContextVar("place")


class Admission(ASGIMiddleware):
    """Lets in at most `limit` questions; one process has one of these for all of its routes that ask."""

    scopes = (ScopeType.HTTP,)

    def __init__(
        self,
        limit: int,
        courtesy: Courtesy | None = None,
        *,
        wait_seconds: float = WAIT_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        """`courtesy` is told of each question that comes and goes."""
        self.courtesy = courtesy or Courtesy()
        self._limit, self._wait_seconds, self._body_seconds = limit, wait_seconds, body_seconds
        self._places: set[_Place] = set()
        self.refused = Counter[str]()
        self._mean_seconds, self._last_end = 0.0, 0.0

    def __deepcopy__(self, _: object) -> Admission:
        """Itself: Litestar copies middleware for each route, and all routes share one limit."""
        return self

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Runs on the event loop alone, so that counting needs no lock. Raises HTTPException (503)."""
        if self.at_hand >= self._limit:
            self.refused["full"] += 1
            raise self._refusal(f"{self.at_hand} questions are at hand already")
        self.courtesy.came()
        arrived, place = time.monotonic(), _Place()
        self._places.add(place)
        _PLACE.set(place)
        try:
            await next_app(scope, self._timely(receive, place), send)
        finally:
            if not place.late:
                self._observe(arrived)
            else:
                self.refused["late"] += 1
            self._places.discard(place)
            self.courtesy.went()

    @property
    def at_hand(self) -> int:
        """Questions that were let in and are not done."""
        return len(self._places)

    @property
    def waiting(self) -> int:
        """Of those, the ones that have no thread yet."""
        return sum(place.waited is None for place in tuple(self._places))

    def check_wait(self) -> None:
        """Called first by whatever runs in a thread for a question. Raises HTTPException (503) where it is late."""
        place = _PLACE.get()
        waited = place.waited = time.monotonic() - place.since
        if waited > self._wait_seconds:
            place.late = True
            raise self._refusal(f"this question waited {waited:.1f} s for its turn")

    def _timely(self, receive: Receive, place: _Place) -> Receive:
        """`receive`, but the body has to be whole in time; the wait for a thread begins after it."""
        until, whole = asyncio.get_running_loop().time() + self._body_seconds, False

        async def received() -> HTTPReceiveMessage:
            nonlocal whole
            try:
                async with asyncio.timeout_at(None if whole else until):  # a stream waits here for its reader to go
                    message = await receive()
            except TimeoutError as error:
                self.refused["slow_body"] += 1
                raise ClientException(
                    f"the body was not whole within {self._body_seconds:g} s",
                    status_code=HTTP_408_REQUEST_TIMEOUT,
                    headers={"Connection": "close"},
                ) from error
            if not whole:
                place.since = time.monotonic()
            whole = whole or not message.get("more_body", False)
            return message  # type: ignore[return-value]

        return received

    def _observe(self, arrived: float) -> None:
        """Takes note of the time that this question had the service for itself: since the one before it ended."""
        now = time.monotonic()
        took = now - max(arrived, self._last_end)
        self._mean_seconds += _NEWEST * (took - self._mean_seconds) if self._mean_seconds else took
        self._last_end = now

    def _refusal(self, why: str) -> HTTPException:
        """Come again once those at hand are done: their number times the mean time that one takes."""
        seconds = min(max(math.ceil(self.at_hand * self._mean_seconds), 1), _LONGEST_SECONDS)
        return HTTPException(
            f"{why}: ask again in {seconds} s",
            status_code=HTTP_503_SERVICE_UNAVAILABLE,
            headers={"Retry-After": str(seconds)},
        )


def waited_seconds() -> float:
    """How long the question at hand waited for its thread."""
    return _PLACE.get().waited or 0.0
