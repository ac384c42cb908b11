"""What a service counts and measures, for Prometheus: one table, and the instruments made from it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from kb.handover.rules import REASONS
from kb.stages import STAGES, Stages
from kb.web.tallies import Tallies

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which prometheus_client, when it is imported, knows where workers keep what they count."""
Mode = Literal["livesum", "livemin", "livemax"]
_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_STAGE = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
REFUSALS = ("nothing_close", "close_not_answering", "contradicting_sources", "which_product")
OUTCOMES = ("answered", "abstained", "handover")
LANGUAGES = ("zh", "en", "other")
WAITED = "waited"
"""The stage before all others: for one of the threads."""


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One family. Of a gauge, `mode` says what several workers' values make: their sum, the least or the greatest."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    told: str
    mode: Mode = "livesum"
    buckets: tuple[float, ...] = ()


REQUEST_SECONDS = Metric(
    "kb_http_request_seconds", "histogram", ("route", "method", "status"),
    "Seconds from a request's head until its answer was whole, by route template; its `_count` counts requests.",
    buckets=_LATENCY,
)  # fmt: skip
STAGE_SECONDS = Metric(
    "kb_question_stage_seconds", "histogram", ("stage",),
    "Seconds that a question spent in a stage (below).", buckets=_STAGE,
)  # fmt: skip
SEARCHES = Metric(
    "kb_searches_total", "counter", ("outcome", "language"),
    "Searches over HTTP by whether they `found` something or `nothing`, and by the asker's language.",
)  # fmt: skip
ANSWERS = Metric(
    "kb_answers_total", "counter", ("outcome", "language"),
    "Questions answered, refused (`abstained`) or handed over, over HTTP, by the asker's language.",
)  # fmt: skip
REFUSED = Metric(
    "kb_refusals_total", "counter", ("reason", "language"), "Of the answers, those refused, by their reason code.",
)  # fmt: skip
GENERATED = Metric(
    "kb_generated_total", "counter", ("result",),
    "Answers over HTTP where a language model is set: `generated`, or why they quote.",
)  # fmt: skip
HANDOVERS = Metric("kb_handovers_total", "counter", ("reason",), "Conversations handed over to a person, by reason.")
DELIVERIES = Metric(
    "kb_handover_deliveries_total", "counter", ("outcome",),
    "Tries to bring hand-overs to the webhook: `sent`, `put_off`, `dead` (given up); envelopes that `expired`.",
)  # fmt: skip
GENERATION = Metric(
    "kb_index_generation", "gauge", (), "The generation of the index that is shown; of workers, the oldest.", "livemin",
)  # fmt: skip
CHANGE = Metric("kb_index_change", "gauge", (), "The change that is shown; of workers, the oldest.", "livemin")
BEHIND = Metric(
    "kb_index_changes_behind", "gauge", (), "Changes that were committed and are not shown yet.", "livemax",
)  # fmt: skip
LAG = Metric(
    "kb_index_lag_seconds", "gauge", (), "Seconds since the first change that is not shown yet was committed; else 0.",
    "livemax",
)  # fmt: skip
ROWS = Metric("kb_index_rows", "gauge", ("kind",), "Passages that are shown, of articles and of tickets.", "livemax")
WRITES = Metric(
    "kb_writes_total", "counter", ("job", "outcome"),
    "Writing jobs (`watch`: a change in `articles/`, `article`: an editor's order, `schedule`: what was due) by what"
    " became of them: `unchanged`, `edited`, `published` (a rebuilt generation), `refused` (it answered worse),"
    " `failed`.",
)  # fmt: skip
REMEMBERED = Metric(
    "kb_embedding_cache_total", "counter", ("result",), "Vectors of questions by whether they were at hand (`hit`).",
)  # fmt: skip
BATCH = Metric(
    "kb_embedding_batch_size", "histogram", (), "Questions that shared one run of the embedding model.",
    buckets=(1, 2, 4, 8, 16, 32),
)  # fmt: skip
AT_HAND = Metric("kb_questions_at_hand", "gauge", (), "Questions that were let in and are not done.")
WAITING = Metric("kb_questions_waiting", "gauge", (), "Of those, the ones that have no thread yet.")
TURNED_AWAY = Metric(
    "kb_admission_refusals_total", "counter", ("why",),
    "Questions told to come again: `full` (`max_requests`), `late` (no thread in time), `slow_body`.",
)  # fmt: skip
CONSOLES = Metric("kb_consoles", "gauge", ("socket",), "Consoles connected: to a `call`, or for `typing`.")
SOCKETS_ENDED = Metric(
    "kb_sockets_ended_total", "counter", ("why",),
    "Consoles' sockets that ended: `left`, `unknown` (no key, or no longer), `forbidden`, `slow` (it did not read),"
    " `policy` (no JSON).",
)  # fmt: skip
UTTERANCES = Metric(
    "kb_utterances_total", "counter", ("speaker", "result"), "Utterances of calls, `stored` or `known` already.",
)  # fmt: skip
SUGGESTIONS = Metric(
    "kb_suggestions_total", "counter", ("language",), "Suggestions shown on calls, by the passage's language.",
)  # fmt: skip
SUGGESTION_SECONDS = Metric(
    "kb_suggestion_seconds", "histogram", (),
    "Seconds from an utterance's arrival until its suggestions were ready.", buckets=_LATENCY,
)  # fmt: skip
TYPED = Metric(
    "kb_typed_queries_total", "counter", ("outcome",),
    "Queries of search as you type: `answered`, or `stale` (a newer one came).",
)  # fmt: skip
QUEUED = Metric("kb_journal_queued", "gauge", (), "Records that wait to be written to the journal.")
LOST = Metric("kb_journal_lost_total", "counter", (), "Records that the journal could not keep.")
ERRORS = Metric("kb_errors_total", "counter", ("error",), "Errors logged, by class: requests' and background work's.")
READY = Metric(
    "kb_ready", "gauge", ("check",), "1 where a check of `/health/ready` passes, 0 where it fails.", "livemin",
)  # fmt: skip
BUILD = Metric("kb_build_info", "gauge", ("version", "python"), "1, with what runs.", "livemax")
OWN = (
    REQUEST_SECONDS, STAGE_SECONDS, SEARCHES, ANSWERS, REFUSED, GENERATED, HANDOVERS, DELIVERIES, GENERATION, CHANGE,
    BEHIND, LAG, ROWS, WRITES, REMEMBERED, BATCH, AT_HAND, WAITING, TURNED_AWAY, CONSOLES, SOCKETS_ENDED, UTTERANCES,
    SUGGESTIONS, SUGGESTION_SECONDS, TYPED, QUEUED, LOST, ERRORS, READY, BUILD,
)  # fmt: skip
OF_THE_PROCESS = (
    Metric("process_cpu_seconds_total", "counter", (), "Processor time, of all workers that live."),
    Metric("process_resident_memory_bytes", "gauge", (), "Memory in use; what workers share counts for each."),
    Metric("process_virtual_memory_bytes", "gauge", (), "Memory mapped, files of the index included."),
    Metric("process_open_fds", "gauge", (), "Open files and connections."),
    Metric("process_max_fds", "gauge", (), "How many of them one process may have.", "livemin"),
    Metric("process_start_time_seconds", "gauge", (), "When it was started, in seconds since 1970; the first worker's.",
           "livemin"),
)  # fmt: skip
TABLE = (*OWN, *OF_THE_PROCESS)
"""Every family that `/metrics` shows; docs/operations.md holds the same."""


class Metrics:
    """The instruments of one process; safe to share between threads.

    With a `folder` the values of this and of other workers lie there, and whichever is asked tells their sum.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """A `folder` has to be the one that PROMETHEUS_MULTIPROC_DIR named when this process was started."""
        disable_created_metrics()
        self._registry = CollectorRegistry()
        self.tallies = Tallies(folder, self._registry, OF_THE_PROCESS) if folder else None
        mine = None if folder else self._registry
        self._counters = {m: Counter(m.name, m.told, m.labels, registry=mine) for m in OWN if m.kind == "counter"}
        self._gauges = {
            m: Gauge(m.name, m.told, m.labels, registry=mine, multiprocess_mode=m.mode)
            for m in OWN
            if m.kind == "gauge"
        }
        self._histograms = {
            m: Histogram(m.name, m.told, m.labels, registry=mine, buckets=m.buckets)
            for m in OWN
            if m.kind == "histogram"
        }
        if mine is not None:
            ProcessCollector(registry=mine)
        self._stages = {stage: self._histograms[STAGE_SECONDS].labels(stage) for stage in (WAITED, *STAGES)}
        self._begin()

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Adds to a counter."""
        counter = self._counters[metric]
        (counter.labels(*labels) if labels else counter).inc(by)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Says what a gauge shows now."""
        gauge = self._gauges[metric]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Adds an observation to a histogram."""
        histogram = self._histograms[metric]
        (histogram.labels(*labels) if labels else histogram).observe(value)

    def passed(self, stages: Stages, waited_seconds: float) -> None:
        """A question's way, when it is done."""
        self._stages[WAITED].observe(waited_seconds)
        for stage, seconds in stages.seconds.items():
            self._stages[stage].observe(seconds)

    def exposed(self, accept: str) -> tuple[bytes, str]:
        """The text of a scrape and its media type, which is one that the scraper accepts."""
        encode, media_type = choose_encoder(accept)
        if self.tallies is None:
            return encode(self._registry), media_type
        with self.tallies.settled():
            return encode(self._registry), media_type

    def _begin(self) -> None:
        """Series that are watched for a rise have to be there before it."""
        self.set(BUILD, 1, version("kb"), platform.python_version())
        series = [
            *((ANSWERS, pair) for pair in product(OUTCOMES, LANGUAGES)),
            *((REFUSED, pair) for pair in product(REFUSALS, LANGUAGES)),
            *((HANDOVERS, (reason,)) for reason in REASONS),
            *((DELIVERIES, (outcome,)) for outcome in ("sent", "put_off", "dead", "expired")),
            *((TURNED_AWAY, (why,)) for why in ("full", "late", "slow_body")),
            *((REMEMBERED, (result,)) for result in ("hit", "miss")),
        ]
        for metric, labels in series:
            self.count(metric, *labels, by=0)


def language_of(speaks: str) -> str:
    """One of `LANGUAGES`: a label must not be what a caller makes of it."""
    return next((language for language in LANGUAGES if speaks.split("-")[0].lower() == language), "other")


def shared_folder() -> Path | None:
    """Where workers keep what they count; None where there is but one process."""
    named = os.environ.get(SHARED)
    return Path(named) if named else None
