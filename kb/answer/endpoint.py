"""A language model behind an OpenAI-compatible endpoint, asked with the official client; loaded when first asked.

Whoever asks waits no longer than was agreed: a thread reads, and is left to itself where it is late. After a few
failures in a row nobody asks for a while.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from kb.slots import lent

if TYPE_CHECKING:
    import httpx2
    from openai import OpenAI

MOST_BYTES = 262_144
"""Of one reply, as it comes over the wire; a longer one is given up."""
MOST_AT_ONCE = 16
"""Requests of one process: the other threads go on answering by themselves."""
FAILURES, PAUSE_SECONDS = 3, 30.0
"""After so many failures in a row the endpoint is left alone for so long; then one request tries it."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that may be asked without TLS."""
_CONNECT_SECONDS = 3.0
log = logging.getLogger("kb.answer")


class Unusable(Exception):
    """What a model gives is no answer; `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LanguageModel(Protocol):
    """Writes text for messages."""

    @property
    def name(self) -> str:
        """What the model is called."""

    def write(self, messages: Sequence[dict[str, str]], seconds: float) -> Iterator[str]:
        """Pieces of text as they come, to the regular end. Raises Unusable."""

    def warm(self) -> None:
        """Makes ready for the first question."""


@dataclass
class _Breaker:
    """Whether an endpoint is worth asking."""

    failed: int = 0
    until: float = 0.0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def lets_pass(self) -> bool:
        with self._lock:
            if self.failed < FAILURES:
                return True
            if time.monotonic() < self.until:
                return False
            self.until = time.monotonic() + PAUSE_SECONDS  # this one tries; the others wait for what comes of it
            return True

    def note(self, *, failed: bool) -> None:
        with self._lock:
            self.failed = self.failed + 1 if failed else 0
            if self.failed >= FAILURES:
                self.until = time.monotonic() + PAUSE_SECONDS
                log.warning("the language model failed %d times in a row: it is not asked for a while", self.failed)


class Endpoint:
    """Safe to share between threads."""

    def __init__(self, url: str, model: str, key: str | None) -> None:
        self.name = model
        self._url, self._key = url, key
        self._made = threading.Lock()
        self._client: OpenAI | None = None
        self._breaker, self._room = _Breaker(), threading.BoundedSemaphore(MOST_AT_ONCE)

    def write(self, messages: Sequence[dict[str, str]], seconds: float) -> Iterator[str]:
        """Pieces of text as they come, to the regular end.

        Raises Unusable: `paused` (it failed too often), `busy`, `slow`, `unreachable`, `refused` (HTTP 4xx, 5xx),
        `truncated`, `tool_call`, `too_long`, `malformed`.
        """
        deadline = time.monotonic() + seconds
        if not self._breaker.lets_pass():
            raise Unusable("paused")
        if not self._room.acquire(blocking=False):
            raise Unusable("busy")
        reading = _Reading(self, messages, deadline, self._room.release)
        try:
            yield from reading.pieces()
        except Unusable as error:
            self._breaker.note(failed=error.reason not in _OF_THE_TEXT)
            raise
        except GeneratorExit:
            self._breaker.note(failed=False)  # it was well until its reader had enough
            raise
        else:
            self._breaker.note(failed=False)
        finally:
            reading.over.set()

    def warm(self) -> None:
        """Loads the client, which takes a second, so that no question waits for it."""
        self.client()

    def client(self) -> OpenAI:
        """The official client, made when it is first needed."""
        with self._made:
            if self._client is None:
                self._client = _client(self._url, self._key)
                weakref.finalize(self, self._client.close)
            return self._client


_OF_THE_TEXT = frozenset({"tool_call", "too_long"})
_OVER = object()


class _Reading:
    """One reply, read by a thread of its own."""

    def __init__(self, endpoint: Endpoint, messages: Sequence[dict[str, str]], deadline: float, done: Any) -> None:
        self._endpoint, self._messages, self._deadline, self._done = endpoint, messages, deadline, done
        self._arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.over = threading.Event()
        threading.Thread(target=self._run, name="kb-llm", daemon=True).start()

    def pieces(self) -> Iterator[str]:
        while True:
            try:
                with lent():
                    item = self._arrived.get(timeout=max(0.0, self._deadline - time.monotonic()))
            except queue.Empty:
                raise Unusable("slow") from None
            if isinstance(item, Unusable):
                raise item
            if item is _OVER:
                return
            yield item

    def _run(self) -> None:
        try:
            for piece in self._read():
                self._arrived.put(piece)
            self._arrived.put(_OVER)
        except Unusable as error:
            self._arrived.put(error)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's reply does to a client, nobody sees an error
            log.info("the language model failed: %s", type(error).__name__)
            self._arrived.put(Unusable(_reason(error)))
        finally:
            self._done()

    def _read(self) -> Iterator[str]:
        stream = self._endpoint.client().chat.completions.create(
            model=self._endpoint.name,
            messages=cast(Any, self._messages),
            stream=True,
            temperature=0,
            timeout=_timeout(max(0.1, self._deadline - time.monotonic())),
        )
        ended = False
        with stream:
            for chunk in stream:
                if self.over.is_set():
                    return
                for choice in (chunk.choices or [])[:1]:
                    if choice.delta is not None and (choice.delta.tool_calls or choice.delta.function_call):
                        raise Unusable("tool_call")
                    if choice.delta is not None and choice.delta.content:
                        yield str(choice.delta.content)
                    ended = ended or choice.finish_reason == "stop"
        if not ended:
            raise Unusable("truncated")


def _client(url: str, key: str | None) -> OpenAI:
    """The client: no retries and no redirects, which would send the question where nobody named."""
    import httpx2
    from openai import OpenAI

    is_local = httpx2.URL(url).host in LOOPBACK
    http = httpx2.Client(
        follow_redirects=False,
        trust_env=not is_local,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_limit]},
    )
    return OpenAI(base_url=url, api_key=key or "none", max_retries=0, http_client=http)


def _timeout(seconds: float) -> httpx2.Timeout:
    import httpx2

    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _limit(response: httpx2.Response) -> None:
    """Ends a reply that is too long, takes too long, or is packed so that its length cannot be told.

    The time that one read may take is the time that all of it may take: it is counted from the reply's head.
    """
    import httpx2

    if response.is_redirect or response.headers.get("Content-Encoding", "identity") != "identity":
        raise Unusable("malformed")
    until = time.monotonic() + float(response.request.extensions["timeout"]["read"])
    whole = cast(httpx2.SyncByteStream, response.stream)

    class Limited(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            length = 0
            for piece in whole:
                length += len(piece)
                if length > MOST_BYTES:
                    raise Unusable("too_long")
                if time.monotonic() > until:
                    raise Unusable("slow")
                yield piece

        def close(self) -> None:
            whole.close()

    response.stream = Limited()


def _reason(error: BaseException) -> str:
    """A code for what a client raised; what `_limit` raised is its own reason, however it was wrapped."""
    import openai

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Unusable):
            return cause.reason
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, openai.APITimeoutError):
        return "slow"
    if isinstance(error, openai.APIConnectionError):
        return "unreachable"
    return "refused" if isinstance(error, openai.APIStatusError) else "malformed"
